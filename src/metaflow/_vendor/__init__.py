"""Older paths of libraries: `metaflow._vendor.<library>` is the installed library itself."""
