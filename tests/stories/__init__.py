"""Stories with whole processes: ccd as a user runs it, a switch beside it, and people on telephones."""
