"""Stores of objects: a folder, or a bucket of a cloud, behind one protocol."""
