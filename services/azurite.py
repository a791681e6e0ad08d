"""The emulator of Azure's blob storage that its maker ships."""

from __future__ import annotations

import base64
import hashlib
import hmac
import urllib.error
import urllib.request
from email.utils import formatdate

from daemons import LOOPBACK, Place, ServiceFailed, answers, free_port
from installing import npm

VERSION = "3.37.0"
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The documented key of every emulator."""
CONTAINER = "tests"
SERVICE_VERSION = "2021-12-02"


def start(place: Place) -> dict[str, str]:
    """Start the emulator, which keeps blobs in files, and make a container."""
    command = npm(place.installed, "azurite", VERSION, "azurite-blob")
    folder = place.fresh_data()
    port = free_port()
    place.spawn(
        [command, "--blobHost", LOOPBACK, "--blobPort", str(port), "--location", str(folder),
         "--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    )  # fmt: skip
    endpoint = f"http://{LOOPBACK}:{port}/{ACCOUNT}"
    place.wait("the emulator", lambda: answers(endpoint), 60)
    make_container(endpoint, CONTAINER)
    return {
        "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
        "AZURE_STORAGE_ACCOUNT_KEY": KEY,
        "METAFLOW_AZURE_STORAGE_BLOB_SERVICE_ENDPOINT": endpoint,
        "METAFLOW_DATASTORE_SYSROOT_AZURE": f"{CONTAINER}/metaflow",
    }


def make_container(endpoint: str, container: str) -> None:
    """Make a container, signed with the account's key."""
    date = formatdate(usegmt=True)
    headers = f"x-ms-date:{date}\nx-ms-version:{SERVICE_VERSION}\n"
    resource = f"/{ACCOUNT}/{ACCOUNT}/{container}\nrestype:container"
    text = "PUT" + "\n" * 12 + headers + resource
    digest = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    request = urllib.request.Request(
        f"{endpoint}/{container}?restype=container",
        method="PUT",
        headers={
            "x-ms-date": date,
            "x-ms-version": SERVICE_VERSION,
            "Content-Length": "0",
            "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}",
        },
    )
    try:
        urllib.request.urlopen(request, timeout=60).close()
    except urllib.error.HTTPError as error:
        raise ServiceFailed(f"azurite: no container `{container}`: {error.read()!r}") from error
