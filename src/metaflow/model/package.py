"""What a launcher asks for when the code of a run is to be packed."""

from typing import Any, NamedTuple, Self


class PackageOrder(NamedTuple):
    """Which files of the user's belong to a code package, and how large it may become."""

    folder: str
    """Absolute path of the folder of the flow's file; what is below it is the user's code."""
    script: str
    """Base name of the flow's file."""
    suffixes: tuple[str, ...]
    """Endings of the names of files that are packed."""
    user: str
    limit_bytes: int
    """A local run whose files take more together is not packed."""
    root: str = ""
    """Root of the store that keeps the package; empty where it is that of the artifacts."""
    artifact_root: str = ""
    """Address in an object store where the package itself goes; empty for that root."""
    known_only: bool = False
    """Name the package of code that has not changed, but make none."""

    @classmethod
    def from_json(cls, value: list[Any]) -> Self:
        """Rebuild an order from the array that JSON made of it."""
        folder, script, suffixes, *rest = value
        return cls(folder, script, tuple(suffixes), *rest)


def all_suffixes(default: tuple[str, ...], given: str | None) -> tuple[str, ...]:
    """Join the endings of the settings and those of `--package-suffixes`, each once."""
    more = [part.strip() for part in (given or "").split(",")]
    return tuple(dict.fromkeys((*default, *(part for part in more if part))))
