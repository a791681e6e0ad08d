"""An emulator of Google's storage; it ignores preconditions, so it serves only for a look."""

from __future__ import annotations

from daemons import LOOPBACK, Place, answers, free_port
from installing import pip

VERSION = "2026.7.19"
BUCKET = "tests"


def start(place: Place) -> dict[str, str]:
    """Start the emulator, which keeps objects in memory, with one bucket."""
    command = pip(place.installed, "gcp-storage-emulator", VERSION, "gcp-storage-emulator")
    place.fresh_data()
    port = free_port()
    place.spawn(
        [command, "start", f"--host={LOOPBACK}", f"--port={port}", "--in-memory",
         f"--default-bucket={BUCKET}"]
    )  # fmt: skip
    endpoint = f"http://{LOOPBACK}:{port}"
    place.wait("the emulator", lambda: answers(endpoint), 60)
    return {
        "STORAGE_EMULATOR_HOST": endpoint,
        "METAFLOW_DATASTORE_SYSROOT_GS": f"gs://{BUCKET}/metaflow",
    }
