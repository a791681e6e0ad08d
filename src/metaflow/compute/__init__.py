"""Where attempts run; each back end lives in a folder of its own."""
