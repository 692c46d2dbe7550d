"""The command line: a client of the API, and the commands that start or prepare ccd. One file a noun."""
