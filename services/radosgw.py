"""A real S3 server on one machine: Ceph's object gateway with one monitor and one disk."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import urllib.error
import urllib.request
import uuid
from email.utils import formatdate
from typing import TYPE_CHECKING

from daemons import LOOPBACK, Place, ServiceFailed, answers, free_port, run, run_until_it_works
from installing import debian

if TYPE_CHECKING:
    from pathlib import Path

ACCESS_KEY, SECRET_KEY = "AKTEST00", "SKTEST0000000000"
"""Of a server that only this machine reaches, and whose data vanishes with it."""
BUCKET = "tests"
DISK_BYTES = 64 << 30
"""Of a sparse file: room is taken only for what is stored."""
OSD_TRIES = 8
START_S = 120

CONFIGURATION = """
[global]
fsid = {fsid}
mon host = v1:127.0.0.1:{mon_port}
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
mon allow pool size one = true
mon max pg per osd = 1000
mon data avail crit = 1
mon data avail warn = 2
osd crush chooseleaf type = 0
ms bind msgr2 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
admin socket =
run dir = {folder}
crash dir = {folder}
pid file =
log file = {folder}/$name.log
keyring = {folder}/keyring
[mon.a]
mon data = {folder}/mon
[osd.0]
osd data = {folder}/osd
osd objectstore = bluestore
bluestore block size = {disk_bytes}
osd memory target = 1073741824
osd class load list = *
osd class default list = *
[client.rgw]
# Without tcp_nodelay, small answers wait for 40 ms.
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw thread pool size = 64
"""


def start(place: Place) -> dict[str, str]:
    """Start the three daemons, make a user and a bucket."""
    debian(
        ["radosgw", "ceph-mon", "ceph-osd", "ceph-common"],
        ["radosgw", "ceph-mon", "ceph-osd", "ceph", "radosgw-admin"],
    )
    folder = place.fresh_data()
    (folder / "keyring").touch()
    fsid, port, mon_port = str(uuid.uuid4()), free_port(), free_port()
    configuration = folder / "ceph.conf"
    configuration.write_text(
        CONFIGURATION.format(
            fsid=fsid, folder=folder, port=port, mon_port=mon_port, disk_bytes=DISK_BYTES
        ),
        encoding="utf-8",
    )
    conf = ["-c", str(configuration)]
    _start_mon(place, folder, conf, fsid, mon_port)
    _start_osd(place, folder, conf)
    place.spawn(["radosgw", "-f", *conf, "-n", "client.rgw"])
    endpoint = f"http://{LOOPBACK}:{port}"
    place.wait("the gateway", lambda: answers(endpoint), START_S)
    run(["radosgw-admin", *conf, "user", "create", "--uid=tests", "--display-name=tests",
         f"--access-key={ACCESS_KEY}", f"--secret={SECRET_KEY}"])  # fmt: skip
    make_bucket(endpoint, BUCKET)
    return {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "METAFLOW_S3_ENDPOINT_URL": endpoint,
        "METAFLOW_DATASTORE_SYSROOT_S3": f"s3://{BUCKET}/metaflow",
    }


def _start_mon(place: Place, folder: Path, conf: list[str], fsid: str, mon_port: int) -> None:
    monmap = str(folder / "monmap")
    address = f"[v1:{LOOPBACK}:{mon_port}]"
    run(["monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, monmap])
    run(["ceph-mon", *conf, "--mkfs", "-i", "a", "--monmap", monmap, "--keyring",
         str(folder / "keyring")])  # fmt: skip
    place.spawn(["ceph-mon", "-f", *conf, "-i", "a"])


def _start_osd(place: Place, folder: Path, conf: list[str]) -> None:
    disk = str(uuid.uuid4())
    run_until_it_works(["ceph", *conf, "osd", "new", disk, "0"], START_S)
    (folder / "osd").mkdir()
    run(["ceph-osd", *conf, "-i", "0", "--mkfs", "--osd-uuid", disk])

    def is_up() -> bool:
        return " 1 up" in run_until_it_works(["ceph", *conf, "osd", "stat"], START_S)

    # Now and then it says «wrong fsid» to the first try and ends.
    for _ in range(OSD_TRIES):
        process = place.spawn(["ceph-osd", "-f", *conf, "-i", "0"])
        while process.poll() is None:
            if is_up():
                return
            time.sleep(0.1)
        place.forget(process.pid)
    raise ServiceFailed(f"radosgw: the disk does not start; see {folder}/*.log")


def make_bucket(endpoint: str, bucket: str) -> None:
    """Make a bucket; the gateway still takes the first version of signatures."""
    date = formatdate(usegmt=True)
    text = f"PUT\n\n\n{date}\n/{bucket}"
    digest = hmac.new(SECRET_KEY.encode(), text.encode(), hashlib.sha1).digest()
    request = urllib.request.Request(
        f"{endpoint}/{bucket}",
        method="PUT",
        headers={
            "Date": date,
            "Authorization": f"AWS {ACCESS_KEY}:{base64.b64encode(digest).decode()}",
        },
    )
    try:
        urllib.request.urlopen(request, timeout=60).close()
    except urllib.error.HTTPError as error:
        raise ServiceFailed(f"radosgw: no bucket `{bucket}`: {error.read()!r}") from error
