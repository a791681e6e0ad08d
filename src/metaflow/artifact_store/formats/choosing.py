"""In which format each value is stored: the first that gives it back exactly, else a pickle."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from metaflow.artifact_store.compression import SMALLEST
from metaflow.artifact_store.formats.describing import about_pickled, type_name
from metaflow.artifact_store.formats.labels import (
    BYTEARRAY,
    BYTES,
    JSON,
    MARKED,
    PICKLE,
    UTF_8,
    address,
)
from metaflow.artifact_store.formats.plain import encode_container, encode_scalar
from metaflow.errors.storage import DataException, PickleDenied, UnpicklableArtifactException
from metaflow.model.artifact import ArtifactRef

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow.artifact_store.batch import Batch
    from metaflow.artifact_store.formats.pickles import Pickles
    from metaflow.artifact_store.formats.stored import Stored
    from metaflow.artifact_store.pickling import Reducers
    from metaflow.errors.base import MetaflowException

_SCALARS: Final = frozenset((int, float, bool, type(None)))
_SHORT: Final = 100
"""Texts up to here are not worth an attempt to compress them."""

_QUOTED: Final = 4 << 10
"""Longer texts are stored as they are, without quotes."""

_TABLES: Final = frozenset(("pandas", "pyarrow", "polars"))

_NUMBERS_FROM: Final = 1024
"""A list of so many numbers is written and read quicker as an array."""

_PIECE: Final = 16 << 20
"""No part of a text is longer, so that reading and compressing need little memory."""


def save_values(
    batch: Batch,
    objects: Mapping[str, object],
    known: Mapping[str, ArtifactRef],
    pickles: Pickles,
) -> tuple[dict[str, ArtifactRef], dict[str, MetaflowException]]:
    """Store values, each in the format that suits it.

    Parameters
    ----------
    batch : Batch
        Where parts go.
    objects : mapping of str to object
        Values by artifact name.
    known : mapping of str to ArtifactRef
        References that the values may equal.
    pickles : Pickles
        Whether there may be any.

    Returns
    -------
    tuple of dict and dict
        References of what was stored, and errors, by name.
    """
    made: dict[str, Stored] = {}
    errors: dict[str, MetaflowException] = {}
    larger = []
    # What a freshly forked process costs is pages touched, so the usual few numbers and
    # names take a path that calls hardly anything.
    for name, value in objects.items():
        kind = type(value)
        if kind in _SCALARS or (kind is str and len(value) < _SHORT):  # type: ignore[arg-type]
            data = encode_scalar(value)
            if data is not None:
                made[name] = JSON, [batch.add_small(data)], 1, None
                continue
        larger.append(name)
    for name in larger:
        value = objects[name]
        try:
            stored = _save_open(batch, value, strict=pickles.denied)
            made[name] = stored or _save_pickled(batch, name, value, pickles)
        except DataException as error:
            if not isinstance(error, PickleDenied):
                raise
            errors[name] = error
        except Exception as error:
            errors[name] = _unpicklable(name, value, error)
    batch.flush()
    refs = {
        name: _reference(batch, objects[name], made[name], known.get(name), pickles)
        for name in objects
        if name not in errors
    }
    return refs, errors


def _reference(
    batch: Batch, value: object, stored: Stored, ref: ArtifactRef | None, pickles: Pickles
) -> ArtifactRef:
    encoding, digests, stream, about = stored
    digest = address(encoding, digests)
    if (
        ref is not None
        and ref.digest == digest
        and ref.encoding == encoding
        and (encoding != PICKLE or pickles.trusts(ref))
    ):
        return ref
    placed = batch.placed
    parts = tuple([placed[part] for part in digests])
    size = parts[0].size if len(parts) == 1 else sum([part.size for part in parts])
    made = ArtifactRef(digest, type_name(value), size, encoding, stream, parts, about)
    return pickles.seal(made) if encoding == PICKLE else made


def _save_open(batch: Batch, value: Any, *, strict: bool) -> Stored | None:
    """Store a value in an open format; None if there is none that gives it back exactly."""
    kind = type(value)
    if kind is str:
        return _save_text(batch, value, strict)
    if kind is list or kind is dict:
        return _save_container(batch, value, strict)
    if kind is bytes or kind is bytearray:
        encoding = BYTES if kind is bytes else BYTEARRAY
        return _save_pieces(batch, encoding, memoryview(value), {"len": len(value)})
    # A value of a library can only be there when the library is.
    library = kind.__module__.partition(".")[0]
    if library == "numpy":
        return _save_of_numpy(batch, value)
    if library in _TABLES:
        return _save_of_tables(batch, value, strict)
    return _save_marked(batch, value, strict)


def _save_text(batch: Batch, value: str, strict: bool) -> Stored | None:
    if len(value) < _QUOTED:
        data = encode_scalar(value)
        if data is not None:
            return JSON, [batch.add_stream(data)], 1, None
        return _save_marked(batch, value, strict)
    try:
        return _save_pieces(batch, UTF_8, memoryview(value.encode()), {"len": len(value)})
    except UnicodeEncodeError:
        return _save_marked(batch, value, strict)


def _save_container(batch: Batch, value: list[Any] | dict[Any, Any], strict: bool) -> Stored | None:
    if type(value) is list and len(value) >= _NUMBERS_FROM:
        from metaflow.artifact_store.formats.npy import save_numbers

        stored = save_numbers(batch, value)
        if stored is not None:
            return stored
    data = encode_container(value, at_any_length=strict)
    if data is None:
        if type(value) is dict and "numpy" in sys.modules:
            from metaflow.artifact_store.formats.tensors import save_arrays

            stored = save_arrays(batch, value)
            if stored is not None:
                return stored
        return _save_marked(batch, value, strict)
    about = {"len": len(value)}
    if len(data) < SMALLEST:
        return JSON, [batch.add_small(data)], 1, about
    return _save_pieces(batch, JSON, memoryview(data), about)


def _save_marked(batch: Batch, value: Any, strict: bool) -> Stored | None:
    from metaflow.artifact_store.formats.marked import encode_marked

    data = encode_marked(value, at_any_length=strict)
    if data is None:
        return None
    return _save_pieces(batch, MARKED, memoryview(data), about_pickled(value))


def _save_of_numpy(batch: Batch, value: Any) -> Stored | None:
    from metaflow.artifact_store.formats.npy import save_array, save_scalar

    numpy = sys.modules["numpy"]
    if type(value) is numpy.ndarray:
        return save_array(batch, value)
    return save_scalar(batch, value) if isinstance(value, numpy.generic) else None


def _save_of_tables(batch: Batch, value: Any, strict: bool) -> Stored | None:
    from metaflow.artifact_store.formats import frames

    library, _, kind = type_name(value).partition(".")
    kind = kind.rpartition(".")[2]
    if type(value) is not getattr(sys.modules[library], kind, None):
        return None
    try:
        if library == "pandas" and kind in {"DataFrame", "Series"}:
            return frames.save_frame(batch, value, strict=strict)
        if library == "pyarrow" and kind in {"Table", "RecordBatch"}:
            return frames.save_table(batch, value)
        if library == "polars" and kind == "DataFrame":
            return frames.save_polars(batch, value)
    except DataException:
        raise
    except Exception:
        # These libraries have errors of their own for what they cannot convert.
        return None
    return None


def _save_pieces(
    batch: Batch, encoding: str, data: memoryview, about: dict[str, Any] | None
) -> Stored:
    digests = _add_pieces(batch, data)
    return encoding, digests, len(digests), about


def _add_pieces(batch: Batch, data: memoryview) -> list[str]:
    starts = range(0, len(data) or 1, _PIECE)
    return [batch.add_stream(data[start : start + _PIECE]) for start in starts]


def _save_pickled(batch: Batch, name: str, value: Any, pickles: Pickles) -> Stored:
    if pickles.denied:
        raise PickleDenied(name, type_name(value))
    from metaflow.artifact_store.pickling import Pickled

    pickled = Pickled(batch.add_stream)
    pickled.dump(value, _reducers())
    digests = pickled.stream
    stream = len(digests)
    if pickled.buffers:
        digests += map(batch.add_buffer, pickled.buffers)
    return PICKLE, digests, stream, about_pickled(value)


def _reducers() -> Reducers | None:
    if "numpy" not in sys.modules:
        return None
    from metaflow.artifact_store.frames import reducers

    return reducers()


def _unpicklable(name: str, value: object, error: Exception) -> UnpicklableArtifactException:
    from metaflow.artifact_store.unpicklable import find_unpicklable
    from metaflow.errors.base import MetaflowException

    wrapped = UnpicklableArtifactException(
        name,
        type_name(value),
        # What we refuse ourselves, a whole flow, says why and what to do instead.
        error.message.rstrip(".")
        if isinstance(error, MetaflowException)
        else f"{type(error).__name__}: {error}",
        find_unpicklable(name, value),
        error.hint if isinstance(error, MetaflowException) else None,
    )
    wrapped.__cause__ = error
    return wrapped
