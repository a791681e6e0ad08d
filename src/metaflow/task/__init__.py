"""Run one attempt of one task in this process and tell how it ended."""
