"""Speaking texts by the site's own program: the command, the sound it makes, and the folder of what was spoken."""
