"""Whether artifacts may be pickled and unpickled, and whose pickles are believed.

Whoever loads a pickle runs what its writer wanted to be run. With `METAFLOW_PICKLE=trusted`
only those are loaded that bear a seal made with the user's key: it covers the digests of all
parts, and these are checked against the bytes before anything is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from metaflow.errors.storage import PickleRefused
from metaflow.settings import load_settings

if TYPE_CHECKING:
    from metaflow.model.artifact import ArtifactRef

ALLOW, TRUSTED, DENY = "allow", "trusted", "deny"

SEAL: Final = "seal"
"""Where a reference keeps its seal, among what it tells of the value."""


class Pickles:
    """What one store does with pickles.

    Parameters
    ----------
    mode : str, optional
        `allow`, `trusted` or `deny`; by default, what the settings say.
    """

    __slots__ = ("_key", "mode")

    def __init__(self, mode: str | None = None) -> None:
        self.mode: Final = load_settings().pickle if mode is None else mode
        self._key: bytes | None = None

    @property
    def denied(self) -> bool:
        """Nothing is pickled and nothing unpickled."""
        return self.mode == DENY

    @property
    def unsealed(self) -> bool:
        """Pickles need no seal."""
        return self.mode == ALLOW

    @property
    def sealed(self) -> bool:
        """Only what bears a seal is unpickled."""
        return self.mode == TRUSTED

    def seal(self, ref: ArtifactRef) -> ArtifactRef:
        """Return a reference to a pickle with a seal, if seals are asked for."""
        if self.mode != TRUSTED:
            return ref
        return ref._replace(about={**(ref.about or {}), SEAL: self._seal_of(ref)})

    def trusts(self, ref: ArtifactRef) -> bool:
        """Tell whether a pickle may be loaded."""
        if self.mode != TRUSTED:
            return self.mode == ALLOW
        from hmac import compare_digest

        found = (ref.about or {}).get(SEAL)
        return isinstance(found, str) and compare_digest(
            found.encode(errors="replace"), self._seal_of(ref).encode()
        )

    def check(self, ref: ArtifactRef) -> None:
        """Refuse a pickle that must not be loaded.

        Raises
        ------
        PickleRefused
            There are to be no pickles, or this one bears no seal of this user.
        """
        if self.mode != ALLOW and not self.trusts(ref):
            raise PickleRefused(ref.type, self.mode)

    def check_items(self) -> None:
        """Refuse a pickled item of a foreach: items bear no seals.

        Raises
        ------
        PickleRefused
            Pickles of any origin are not to be loaded.
        """
        if self.mode != ALLOW:
            raise PickleRefused("an item of a foreach", self.mode)

    def _seal_of(self, ref: ArtifactRef) -> str:
        from blake3 import blake3

        from metaflow.settings.sealing import sealing_key

        if self._key is None:
            self._key = sealing_key()
        covered = [ref.encoding, ref.type, str(ref.stream), *[part.digest for part in ref.parts]]
        return blake3("\n".join(covered).encode(), key=self._key).hexdigest()
