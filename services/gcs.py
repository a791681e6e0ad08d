"""A server that speaks Google's interface: the S3 server behind a front that translates.

The emulators of Google's storage that can be installed know only the JSON interface, and ignore
preconditions. The library uses the XML interface, which Google has made like that of S3.
"""

from __future__ import annotations

import sys
from pathlib import Path

import radosgw
from daemons import LOOPBACK, Place, answers, free_port

BUCKET = "tests-of-google"


def start(place: Place) -> dict[str, str]:
    """Start the front; the S3 server runs already."""
    upstream = _upstream()
    (place.fresh_data() / "upstream").write_text(upstream, encoding="utf-8")
    port = free_port()
    front = str(Path(__file__).with_name("gcs_front.py"))
    place.spawn(
        [sys.executable, front, f"--port={port}", f"--upstream={upstream}",
         "--keys", radosgw.ACCESS_KEY, radosgw.SECRET_KEY]
    )  # fmt: skip
    endpoint = f"http://{LOOPBACK}:{port}"
    place.wait("the front", lambda: answers(endpoint), 60)
    radosgw.make_bucket(upstream, BUCKET)
    return {
        "STORAGE_EMULATOR_HOST": endpoint,
        "METAFLOW_DATASTORE_SYSROOT_GS": f"gs://{BUCKET}/metaflow",
    }


def is_current(place: Place) -> bool:
    """Tell whether the front leads to the S3 server that runs now."""
    told = place.data / "upstream"
    return told.exists() and told.read_text(encoding="utf-8") == _upstream()


def _upstream() -> str:
    return (Place("radosgw").environment() or {})["METAFLOW_S3_ENDPOINT_URL"]
