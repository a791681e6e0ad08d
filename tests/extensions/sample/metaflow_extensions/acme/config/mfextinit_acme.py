"""Settings of the sample organization."""

from metaflow.metaflow_config_funcs import from_conf

TEMPDIR = "/acme/temp"
ACME_LEVEL = from_conf("ACME_LEVEL", 3)
TOGGLE_DECOSPECS = ["+acme_note"]
