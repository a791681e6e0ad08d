"""Home of bytes: artifacts by digest, foreach items, and the logs of runs."""
