"""The same names as in `metaflow.client`, where programs also import them from."""

from metaflow.client import *  # noqa: F403 - one list of names, in the package
from metaflow.client import __all__  # noqa: F401 - the same list
