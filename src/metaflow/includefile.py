"""The older path of parameters that are files."""

from metaflow.authoring.include_file import IncludedFile, IncludeFile

__all__ = ["IncludeFile", "IncludedFile"]
