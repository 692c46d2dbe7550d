"""Tests against a real FreeSWITCH with our configuration."""
