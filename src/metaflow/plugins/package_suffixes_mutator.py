"""A mutator that packs further files of a flow's folder: `@package_suffixes([".yaml"])`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from metaflow.authoring.mutators import FlowMutator
from metaflow.code_package.content_type import ContentType
from metaflow.code_package.finding import find_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["package_suffixes"]


class package_suffixes(FlowMutator):  # noqa: N801 - users write it as a decorator
    """Pack files with these endings, besides those that are packed anyway.

    Parameters
    ----------
    suffixes : list of str, or str
        Endings of names, or one text with commas between them.

    Examples
    --------
    >>> @package_suffixes([".yaml", ".sql"])
    ... class TrainFlow(FlowSpec): ...
    """

    def init(self, suffixes: Iterable[str] | str) -> None:
        """Take in the endings."""
        parts = suffixes.split(",") if isinstance(suffixes, str) else suffixes
        self.suffixes: list[str] = [part.strip() for part in parts if part.strip()]

    def add_to_package(self) -> Iterator[tuple[str, str, ContentType]]:
        """Find the files below the folder of the flow's file."""
        module = sys.modules[self._flow_cls.__module__]
        folder = os.path.dirname(os.path.abspath(module.__file__ or sys.argv[0]))
        for found in find_files(folder, self.suffixes):
            yield found.path, found.name, ContentType.USER_CONTENT
