"""The library that talks to clouds is loaded when one is used, and missed in words."""

from __future__ import annotations

import subprocess
import sys

import pytest

from metaflow.errors.object_store import ObjectStoreAddressInvalid, ObjectStoreDenied
from metaflow.errors.storage import StorageUnavailable
from metaflow.object_store.opening import open_object_store
from metaflow.settings import load_settings

CLOUD = "from metaflow.object_store.opening import open_object_store as o\n"
SETTINGS = "from metaflow.settings import load_settings as l\nimport sys\n"


def said(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CLOUD + SETTINGS + program],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_folder_needs_no_library():
    loaded = said('o("/tmp/x", l({})); print(*sys.modules)').split()
    assert "metaflow.object_store.local" in loaded
    assert not {"obstore._obstore", "metaflow.object_store.cloud", "threading"} & set(loaded)


def test_a_cloud_needs_only_the_compiled_part():
    loaded = said('o("s3://b/p", l({})); print(*sys.modules)').split()
    assert "obstore._obstore" in loaded
    assert not {"obstore", "obstore.store", "concurrent.futures", "logging"} & set(loaded)


@pytest.mark.parametrize(("scheme", "extra"), [("s3", "s3"), ("gs", "gs"), ("azure", "azure")])
def test_a_library_that_is_missing(scheme, extra):
    text = said(
        f"""
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name == "obstore":
            raise ModuleNotFoundError("No module named 'obstore'")
sys.meta_path.insert(0, Hidden())
from metaflow.errors.object_store import ObjectLibraryMissing
try:
    o("{scheme}://b/p", l({{}}))
except ObjectLibraryMissing as error:
    print(error)
"""
    )
    assert "`obstore`, which cannot be imported: No module named 'obstore'" in text
    assert f"pip install 'millrace[{extra}]'" in text


def open_with(url: str, **raw: str):
    return open_object_store(url, load_settings({f"METAFLOW_{k}": v for k, v in raw.items()}))


def test_a_setting_that_the_library_refuses():
    with pytest.raises(ObjectStoreAddressInvalid, match="nonsense"):
        open_with("s3://b/p", S3_SERVER_SIDE_ENCRYPTION="nonsense")


def test_certificates_that_are_not_there(tmp_path):
    path = str(tmp_path / "none.pem")
    with pytest.raises(StorageUnavailable, match=r"none\.pem"):
        open_with("s3://b/p", S3_VERIFY_CERTIFICATE=path)


def test_certificates_that_are_none(tmp_path):
    path = tmp_path / "odd.pem"
    path.write_text("no certificate")
    with pytest.raises(ObjectStoreAddressInvalid, match="certificate"):
        open_with("s3://b/p", S3_VERIFY_CERTIFICATE=str(path))


def test_a_malformed_key_is_not_shown(monkeypatch):
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "ü-this-is-secret")
    with pytest.raises(ObjectStoreDenied, match="AZURE_STORAGE_ACCOUNT_KEY") as caught:
        open_with(
            "azure://c/p",
            AZURE_STORAGE_BLOB_SERVICE_ENDPOINT="https://name.blob.core.windows.net",
        )
    assert "secret:" not in str(caught.value)
    assert "this-is" not in str(caught.value)


def test_an_account_must_be_known(monkeypatch):
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(ObjectStoreAddressInvalid, match="Account must be specified"):
        open_with("azure://c/p")
