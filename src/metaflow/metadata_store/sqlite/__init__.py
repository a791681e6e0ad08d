"""Facts in one SQLite file beside the artifacts; the store of an ordinary machine."""
