"""The lab: private FreeSWITCH instances and the callers and phones of the outside world. For the demo, tests and benches."""
