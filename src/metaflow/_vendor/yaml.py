"""`metaflow._vendor.yaml` is PyYAML as it is installed."""

import sys
from importlib import import_module

from metaflow.errors.feature import LibraryMissing

try:
    sys.modules[__name__] = import_module("yaml")
except ImportError as error:
    raise LibraryMissing("yaml", "pyyaml", __name__) from error
