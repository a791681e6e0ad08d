"""The user's sources: found, packed, stored with a run, and unpacked."""
