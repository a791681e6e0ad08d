"""Reads what older versions of Metaflow have left in folders and buckets, and indexes it."""
