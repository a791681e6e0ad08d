"""`metaflow._vendor.click` is click as it is installed, submodules included."""

import sys

import click
from click import *  # noqa: F403 - its names, for checkers  # pyright: ignore[reportWildcardImportFromLibrary]

sys.modules[__name__] = click
