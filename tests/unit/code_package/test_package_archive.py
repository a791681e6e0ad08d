"""The bytes of a package, as the standard library and the system's `tar` read them."""

from __future__ import annotations

import io
import subprocess
import tarfile

from hypothesis import given, settings
from hypothesis import strategies as st

from metaflow.code_package.archive import pack

NAMES = st.lists(
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1).filter(
        lambda part: part not in {".", ".."} and part == part.strip()
    ),
    min_size=1,
    max_size=8,
).map("/".join)
FILES = st.dictionaries(NAMES, st.tuples(st.binary(max_size=2000), st.booleans()), max_size=8)


def read(data: bytes) -> dict[str, tuple[bytes, int]]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        members = archive.getmembers()
        contents = {}
        for member in members:
            opened = archive.extractfile(member)
            assert opened is not None
            contents[member.name] = (opened.read(), member.mode)
    return contents


@given(FILES)
@settings(max_examples=60, deadline=None)
def test_what_is_packed_is_read_back(files):
    data = pack((name, content, program) for name, (content, program) in files.items())
    expected = {
        name: (content, 0o755 if program else 0o644) for name, (content, program) in files.items()
    }
    assert read(data) == expected


def test_equal_files_make_equal_bytes():
    files = [("a.py", b"1\n" * 400, False), ("b/c.sh", b"2", True)]
    assert pack(files) == pack(list(files))


def test_long_names_survive():
    name = "folder/" * 40 + "ü" * 60 + ".py"
    assert read(pack([(name, b"x", False)])) == {name: (b"x", 0o644)}


def test_the_systems_tar_reads_it(tmp_path):
    (tmp_path / "p.tgz").write_bytes(
        pack([("x/" * 70 + "y.py", b"long\n", False), ("run.sh", b"#!/bin/sh\necho ran\n", True)])
    )
    subprocess.run(["tar", "xzf", "p.tgz"], cwd=tmp_path, check=True)
    assert (tmp_path / ("x/" * 70 + "y.py")).read_text() == "long\n"
    done = subprocess.run(["./run.sh"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "ran\n"
