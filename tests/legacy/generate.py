"""Makes the folder that the tests of older history read, with Metaflow itself as a black box.

    python tests/legacy/generate.py PYTHON OLDER_PYTHON

Both are interpreters that have the package `metaflow` of that project, one a new version and one
of the first, each in an environment of its own in a neutral place, such as

    python -m venv /tmp/original
    /tmp/original/bin/pip install metaflow==2.19.39
    python -m venv /tmp/older
    /tmp/older/bin/pip install metaflow==2.2.13
    python tests/legacy/generate.py /tmp/original/bin/python /tmp/older/bin/python

The flows in `flows/` are run in `/tmp/project` as the user `ann`, and the folder `.metaflow`
that they leave is packed. It is checked that nothing of this machine is in it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import socket
import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = Path("/tmp/project")

# Tracebacks are stored with failures; source lines of the package stay out of them.
QUIET = """
import linecache
_lines = linecache.getlines
def getlines(filename, module_globals=None):
    return [] if "site-packages" in filename else _lines(filename, module_globals)
linecache.getlines = getlines
"""

COMMANDS = (
    ({"OLDER": "1"}, "plain.py", "--no-pylint", "run", "--tag", "oldest"),
    ({}, "shapes.py", "run", "--tag", "first", "--tag", "two words"),
    ({}, "troubled.py", "run", "--tag", "sad"),
    ({"ALL_GOOD": "1"}, "troubled.py", "resume", "--tag", "better"),
    ({"METAFLOW_FEAT_ALWAYS_UPLOAD_CODE_PACKAGE": "1"}, "turns.py", "run"),
    ({"METAFLOW_PRODUCTION_TOKEN": "prod-1"}, "turns.py", "run"),
    ({}, "troubled.py", "run", "--tag", "last"),
)
"""What is run, in this order; some of it fails, as it should."""

LIMIT = 300 << 10


def main(newer: str, older: str, fixture: Path) -> None:
    """Run all, check what was written, and pack it."""
    shutil.rmtree(PROJECT, ignore_errors=True)
    shutil.copytree(HERE / "flows", PROJECT)
    quiet = PROJECT / "quiet"
    quiet.mkdir()
    (quiet / "sitecustomize.py").write_text(QUIET)
    for more, *command in COMMANDS:
        python = older if "OLDER" in more else newer
        environ = {
            "HOME": str(PROJECT),
            "METAFLOW_USER": "ann",
            "PATH": f"{Path(python).parent}:/usr/bin:/bin",
            "PYTHONPATH": str(quiet),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TZ": "UTC",
            **more,
        }
        done = subprocess.run([python, *command], cwd=PROJECT, env=environ, check=False)
        print(" ".join(command), "->", done.returncode)
    for blob in sorted((PROJECT / ".metaflow").glob("*/data/*/*_meta")):
        if '"cas_raw": true' in blob.read_text():
            strip(blob.with_name(blob.name.removesuffix("_meta")))
    check(PROJECT / ".metaflow")
    pack(PROJECT / ".metaflow", fixture)
    shutil.rmtree(PROJECT)
    size = fixture.stat().st_size
    print(f"{fixture}: {size} bytes")
    if size > LIMIT:
        sys.exit(f"The fixture has more than {LIMIT} bytes.")


def strip(package: Path) -> None:
    """Take the library out of a code package, and give the rest its right name everywhere."""
    kept = io.BytesIO()
    with tarfile.open(package) as old, tarfile.open(fileobj=kept, mode="w:gz") as new:
        for member in old:
            if not member.name.startswith((".mf_code/", "quiet/")):
                new.addfile(member, old.extractfile(member))
    before = package.name
    after = hashlib.sha1(kept.getvalue()).hexdigest()
    moved = package.parent.with_name(after[:2]) / after
    moved.parent.mkdir(exist_ok=True)
    moved.write_bytes(kept.getvalue())
    package.with_name(f"{before}_meta").rename(moved.with_name(f"{after}_meta"))
    package.unlink()
    for path in (PROJECT / ".metaflow").rglob("*"):
        if path.suffix == ".json" or path.name.endswith("task_begin"):
            text = path.read_text()
            if before in text:
                place = text.replace(f"{before[:2]}/{before}", f"{after[:2]}/{after}")
                path.write_text(place.replace(before, after))


def check(folder: Path) -> None:
    """Refuse what tells of the machine or the person that made it."""
    words = {str(HERE.resolve()), str(Path.home()), socket.gethostname(), os.environ.get("USER")}
    found = [word.encode() for word in words if word and len(word) > 4]
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        for word in found:
            if word in data:
                sys.exit(f"{path} has {word!r} in it.")


def pack(folder: Path, fixture: Path) -> None:
    """Make an archive that does not depend on who makes it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz", preset=9) as archive:
        # Files that are alike lie together, which makes the archive a fifth as large.
        for path in sorted(folder.rglob("*"), key=_kind):
            if path.is_file() and not path.name.startswith("latest_run."):
                member = archive.gettarinfo(path, f".metaflow/{path.relative_to(folder)}")
                member.uid = member.gid = 0
                member.uname = member.gname = ""
                with path.open("rb") as file:
                    archive.addfile(member, file)
    fixture.write_bytes(packed.getvalue())


def _kind(path: Path) -> tuple[str, ...]:
    return (path.name.split("_1")[0], *path.parts)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], HERE / "history.tar.xz")
