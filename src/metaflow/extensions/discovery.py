"""Which extension packages there are, and in which order they have their say.

Installed distributions come first, each after those that it requires, else by name; then
what else is on the path, as it stands there. The last to name something wins.
"""

# No postponed annotations here: a NamedTuple would compile each of them at import.
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

NAMESPACE: Final = "metaflow_extensions"
POINTS: Final = (
    "config",
    "exceptions",
    "plugins",
    "plugins.cards",
    "plugins.datatools",
    "plugins.env_escape",
    "toplevel",
    "cmd",
    "alias",
)
"""Folders of an extension that something is looked for in."""
PREFIX: Final = "mfextinit_"
"""Begins the name of the module that speaks for a point, where several packages share one."""


class Extension(NamedTuple):
    """One module of an extension package that speaks for one point."""

    organization: str
    point: str
    module: str
    """Full name of the module."""
    origin: str
    """The distribution that it belongs to, or the folder it was found in."""
    rank: tuple[int, int, str]
    """Sorts: later ones win."""

    @property
    def package(self) -> str:
        """Full name of the point's package, which relative names begin at."""
        return f"{NAMESPACE}.{self.organization}.{self.point}"


def namespace_folders(search_dirs: Sequence[str] = ()) -> list[str]:
    """List the folders that make up `metaflow_extensions`, in the order of the path.

    Parameters
    ----------
    search_dirs : sequence of str
        If there are any, only what is in them counts; those that are not on the path are
        added to it.
    """
    for folder in search_dirs:
        if folder not in sys.path:
            sys.path.append(folder)
    found: list[str] = []
    for finder in sys.meta_path:
        spec = finder.find_spec(NAMESPACE, None) if hasattr(finder, "find_spec") else None
        found += [] if spec is None else list(spec.submodule_search_locations or ())
    folders = list(dict.fromkeys(os.path.abspath(folder) for folder in found))
    if search_dirs:
        allowed = tuple(os.path.join(os.path.abspath(folder), "") for folder in search_dirs)
        folders = [folder for folder in folders if folder.startswith(allowed)]
    return [folder for folder in folders if os.path.isdir(folder)]


def discover(folders: Sequence[str]) -> list[Extension]:
    """List the modules of all extension packages, those that win last.

    Parameters
    ----------
    folders : sequence of str
        The folders that make up the namespace.
    """
    places = [
        (index, *place) for index, folder in enumerate(folders) for place in _modules_in(folder)
    ]
    if not places:
        return []
    owners = _Owners(path for *_, path in places)
    order = owners.ordered()
    found: dict[str, Extension] = {}
    for index, organization, point, module, path in places:
        owner = owners.of(path)
        if owner is None:
            origin, rank = folders[index], (1, index, organization)
        else:
            origin, rank = owner, (0, order.index(owner), organization)
        # A module is what the first folder on the path has of that name.
        found.setdefault(module, Extension(organization, point, module, origin, rank))
    return sorted(found.values(), key=lambda extension: (extension.rank, extension.module))


def _modules_in(folder: str) -> Iterator[tuple[str, str, str, str]]:
    """List (organization, point, module, file) of one folder of the namespace."""
    for organization in sorted(os.listdir(folder)):
        if not organization.isidentifier() or organization.startswith("_"):
            continue
        for point in POINTS:
            place = os.path.join(folder, organization, *point.split("."))
            package = f"{NAMESPACE}.{organization}.{point}"
            try:
                files = sorted(os.listdir(place))
            except (FileNotFoundError, NotADirectoryError):
                if os.path.isfile(f"{place}.py"):
                    yield organization, point, package, f"{place}.py"
                continue
            speakers = [file for file in files if file.startswith(PREFIX) and file.endswith(".py")]
            for file in speakers:
                module = f"{package}.{file.removesuffix('.py')}"
                yield organization, point, module, os.path.join(place, file)
            if not speakers and "__init__.py" in files:
                yield organization, point, package, os.path.join(place, "__init__.py")


class _Owners:
    """Tells which installed distribution a file belongs to.

    Parameters
    ----------
    paths : iterable of str
        The files that will be asked about.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        from importlib.metadata import distributions

        wanted = set(paths)
        self._files: dict[str, str] = {}
        self._requires: dict[str, set[str]] = {}
        for distribution in distributions():
            # Most have nothing to do with extensions; reading more of them takes long.
            record = distribution.read_text("RECORD") or ""
            homes = _editable_homes(distribution.read_text("direct_url.json"))
            mine = {path for path in wanted if path.startswith(homes)} if homes else set[str]()
            if NAMESPACE in record:
                lines = [line.partition(",")[0] for line in record.splitlines()]
                mine |= wanted & {
                    os.path.abspath(str(distribution.locate_file(line)))
                    for line in lines
                    if line.startswith(NAMESPACE)
                }
            if not mine:
                continue
            name = _normal(distribution.metadata["Name"])
            for path in mine:
                self._files.setdefault(path, name)
            needs = distribution.requires or []
            self._requires[name] = {
                _normal(found[0]) for need in needs if (found := re.match(r"[\w.-]+", need))
            }

    def of(self, path: str) -> str | None:
        """Name of the distribution, or None."""
        return self._files.get(path)

    def ordered(self) -> list[str]:
        """Order distributions: each after those that it requires, else by name."""
        waiting, order = sorted(self._requires), list[str]()
        while waiting:
            ready = [name for name in waiting if not self._requires[name] & ({*waiting} - {name})]
            # Those that require one another in a ring are left in the order of their names.
            order.append((ready or waiting)[0])
            waiting.remove(order[-1])
        return order


def _editable_homes(text: str | None) -> tuple[str, ...]:
    """Where an editable project has its extension packages: what else it holds is not its own."""
    if not text:
        return ()
    import json
    from urllib.parse import unquote, urlsplit

    told = json.loads(text)
    if not told.get("dir_info", {}).get("editable"):
        return ()
    root = unquote(urlsplit(told["url"]).path)
    return tuple(os.path.join(root, *below, NAMESPACE, "") for below in ((), ("src",)))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
