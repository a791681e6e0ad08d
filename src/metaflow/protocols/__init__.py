"""One Protocol per file: what back ends promise."""
