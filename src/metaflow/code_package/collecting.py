"""Everything of the user's that belongs to a package, and whether that is too much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow.code_package.contents import Contents
from metaflow.code_package.contributors import contributors_to
from metaflow.code_package.finding import find_files

if TYPE_CHECKING:
    from metaflow.model.package import PackageOrder

MEGABYTE = 1 << 20


def collect(order: PackageOrder, flow: type) -> Contents:
    """Find everything of the user's that belongs to a package.

    Parameters
    ----------
    order : PackageOrder
        Where the files are and which ones count.
    flow : type
        The flow class, with all decorators attached; they may add files.

    Raises
    ------
    MetaflowException
        There is too much, or what decorators add is not valid.
    """
    contents = Contents(find_files(order.folder, order.suffixes))
    decorators, modules = contributors_to(flow, order.folder)
    if decorators or modules:
        from metaflow.code_package.contributions import add_contributions

        add_contributions(contents, decorators, modules, order.folder, order.suffixes)
    return contents


def check_size(contents: Contents, order: PackageOrder) -> None:
    """Refuse contents that are larger than a local run packs by itself.

    Raises
    ------
    PackageTooLarge
        They are.
    """
    if contents.size > order.limit_bytes:
        from metaflow.errors.package import PackageTooLarge

        limit = order.limit_bytes // MEGABYTE
        raise PackageTooLarge(
            order.folder,
            f"more than {limit} MB of files",
            "move data elsewhere, or set `METAFLOW_CODE_PACKAGE_MB` to what may be packed",
        )
