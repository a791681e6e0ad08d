"""Artifacts as files that other programs read: what lies in the store already, or converted."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any, Final

from metaflow.artifact_store.formats.labels import (
    ARROW,
    BYTEARRAY,
    BYTES,
    JSON,
    MARKED,
    NPY,
    PICKLE,
    SAFETENSORS,
    TEXT,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from metaflow.artifact_store.parts import PartSource
    from metaflow.model.artifact import ArtifactRef

_AS_STORED: Final = {
    JSON: ".json",
    MARKED: ".json",
    NPY: ".npy",
    SAFETENSORS: ".safetensors",
    BYTES: ".bin",
    BYTEARRAY: ".bin",
    TEXT: ".txt",
}
"""Encodings whose parts, joined, are such files."""


def export_value(
    parts: PartSource, ref: ArtifactRef, load: Callable[[ArtifactRef], Any], path: str
) -> str:
    """Write an artifact into a file, which is there in full or not at all.

    Parameters
    ----------
    parts : PartSource
        Where parts are read.
    ref : ArtifactRef
        The artifact.
    load : callable
        Loads it, if it has to be converted.
    path : str
        Path of the file without its suffix.

    Returns
    -------
    str
        The path with its suffix, such as `.npy`, `.parquet` or, for pickles, `.pkl`.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    kind = ref.encoding.partition(":")[0]
    suffix = _AS_STORED.get(kind)
    if suffix is not None:
        return _write(path + suffix, parts.contents(ref.parts))
    value = load(ref)
    if kind == ARROW or (kind == PICKLE and _is_table(value)):
        table = _table(value)
        if table is not None and _write_parquet(path + ".parquet", table):
            return path + ".parquet"
    import pickle

    return _write(path + ".pkl", [pickle.dumps(value, 5)])


def _write(path: str, pieces: Iterable[bytes]) -> str:
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.writelines(pieces)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    return path


def _is_table(value: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame | pandas.Series)


def _table(value: Any) -> Any:
    """Turn a value into a table of Arrow; None if that is not possible."""
    try:
        import pyarrow as pa
    except ImportError:
        return None
    if isinstance(value, pa.Table):
        return value
    try:
        if isinstance(value, pa.RecordBatch):
            return pa.Table.from_batches([value])
        if not _is_table(value):
            return value.to_arrow()
        frame = value if hasattr(value, "columns") else value.to_frame()
        return pa.Table.from_pandas(frame)
    except (pa.ArrowException, ValueError, TypeError, KeyError):
        return None


def _write_parquet(path: str, table: Any) -> bool:
    import pyarrow as pa
    from pyarrow import parquet

    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        parquet.write_table(table, temporary)
        os.replace(temporary, path)
    except (pa.ArrowException, ValueError, TypeError):
        return False
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
    return True
