"""Reads bytes that older versions of Metaflow have stored."""
