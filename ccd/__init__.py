"""ccd, a call-control daemon for call centres on FreeSWITCH. Importing it imports nothing else."""

__version__ = "0.1.0"
