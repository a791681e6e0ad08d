"""What takes the place of the artifact store when a step is tested: values, kept as they are."""

from __future__ import annotations

import hashlib
import pickle
from typing import TYPE_CHECKING, Any

from metaflow.model.artifact import ArtifactRef, ItemsRef, Part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Memory:
    """Keeps values, so that a step can read them as artifacts; nothing is copied."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._items: dict[str, Sequence[Any]] = {}

    def keep(self, values: Mapping[str, Any], *, compared: bool = False) -> dict[str, ArtifactRef]:
        """Keep values and return references by which they are read.

        Parameters
        ----------
        values : mapping of str to Any
            Values by name.
        compared : bool, default False
            The references of equal values have equal digests, as a join needs them.

        Returns
        -------
        dict of str to ArtifactRef
            References by name.
        """
        return {name: self._keep(value, compared) for name, value in values.items()}

    def keep_items(self, items: Sequence[Any]) -> ItemsRef:
        """Keep the items of a foreach."""
        key = f"items {len(self._items)}"
        self._items[key] = items
        return ItemsRef(len(items), Part(key, 0, 0, 0))

    def load(self, ref: ArtifactRef) -> Any:
        """Return a value."""
        return self._values[ref.digest]

    def load_item(self, items: ItemsRef, index: int) -> Any:
        """Return one item of a foreach."""
        return self._items[items.part.digest][index]

    def _keep(self, value: Any, compared: bool) -> ArtifactRef:
        key = _digest(value) if compared else f"value {len(self._values)}"
        self._values[key] = value
        kind = type(value)
        return ArtifactRef(key, f"{kind.__module__}.{kind.__qualname__}", 0, "memory", 1, ())


def _digest(value: Any) -> str:
    try:
        return hashlib.blake2b(pickle.dumps(value, 5)).hexdigest()
    except Exception:  # a test's stand-in that can't be stored equals itself alone
        return f"object {id(value)}"
