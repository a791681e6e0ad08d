"""The older path of code packages: `metaflow.package`."""

from metaflow.code_package.package import MetaflowPackage
from metaflow.errors.package import NonUniqueFileNameToFilePathMappingException

__all__ = ["MetaflowPackage", "NonUniqueFileNameToFilePathMappingException"]
