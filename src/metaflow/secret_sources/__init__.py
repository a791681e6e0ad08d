"""Places that keep secrets, one per file."""
