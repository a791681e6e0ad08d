"""Addresses, keys, and what the settings say about clouds."""

from __future__ import annotations

from pathlib import Path

import pytest

from metaflow.errors.input import SettingInvalid
from metaflow.errors.object_store import ObjectKeyInvalid, ObjectStoreAddressInvalid
from metaflow.object_store.addresses import Address, check_key, parse_address
from metaflow.object_store.local import LocalObjects
from metaflow.object_store.opening import open_object_store
from metaflow.settings import load_settings
from metaflow.settings.object_store import CloudSettings, cloud_settings, root_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://b", Address("s3", "b", "")),
        ("s3://b/", Address("s3", "b", "")),
        ("s3://b/p/q/", Address("s3", "b", "p/q")),
        ("gs://b/p", Address("gs", "b", "p")),
        ("azure://c/p q", Address("azure", "c", "p q")),
        ("/some/folder", None),
    ],
)
def test_addresses(url, expected):
    assert parse_address(url) == expected
    if expected is not None:
        assert expected.url == url.rstrip("/")


@pytest.mark.parametrize(
    "url", ["relative/path", "", "ftp://b/p", "s3://", "s3:///p", "s3://b//p", "s3://b/../p"]
)
def test_what_is_no_address(url):
    with pytest.raises(ObjectStoreAddressInvalid, match="is no address of a store"):
        parse_address(url)


def test_a_wrong_key_says_what_is_wrong():
    with pytest.raises(ObjectKeyInvalid, match=r"`a//b` can't be the key .* there is no name"):
        check_key("/root", "a//b")
    with pytest.raises(ObjectKeyInvalid, match="longer than 900 bytes"):
        check_key("/root", "é" * 451)


def test_a_path_is_a_folder(tmp_path):
    store = open_object_store(f"{tmp_path}/", load_settings({}))
    assert isinstance(store, LocalObjects)
    assert store.url == str(tmp_path)


def test_roots():
    raw = {
        "DATASTORE_SYSROOT_S3": "s3://b/p/",
        "DATASTORE_SYSROOT_GS": "gs://b",
        "DATASTORE_SYSROOT_AZURE": "c/p/q",
    }
    assert root_url("s3", raw) == "s3://b/p"
    assert root_url("gs", raw) == "gs://b"
    assert root_url("azure", raw) == "azure://c/p/q"
    assert root_url("s3", {}) is None


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("s3", "DATASTORE_SYSROOT_S3", "b/p"),
        ("s3", "DATASTORE_SYSROOT_S3", "s3://"),
        ("gs", "DATASTORE_SYSROOT_GS", "s3://b/p"),
        ("azure", "DATASTORE_SYSROOT_AZURE", "/c/p"),
        ("azure", "DATASTORE_SYSROOT_AZURE", "c/p/"),
        ("azure", "DATASTORE_SYSROOT_AZURE", "c//p"),
        ("azure", "DATASTORE_SYSROOT_AZURE", "https://account.blob.core.windows.net/c"),
    ],
)
def test_what_is_no_root(kind, name, value):
    with pytest.raises(SettingInvalid, match=f"METAFLOW_{name}"):
        root_url(kind, {name: value})


def test_cloud_settings():
    environ = {"HOME": "/none", "AWS_ACCESS_KEY_ID": "x", "AWS_DEFAULT_REGION": "eu-1"}
    raw = {
        "S3_ENDPOINT_URL": "http://here",
        "S3_RETRY_COUNT": "3",
        "S3_SERVER_SIDE_ENCRYPTION": "AES256",
        "S3_VERIFY_CERTIFICATE": "0",
        "AZURE_STORAGE_BLOB_SERVICE_ENDPOINT": "https://a.blob.core.windows.net",
    }
    assert cloud_settings(raw, environ) == CloudSettings(
        retries=3,
        s3_endpoint="http://here",
        s3_verify=False,
        s3_encryption="AES256",
        s3_region="eu-1",
        azure_endpoint="https://a.blob.core.windows.net",
    )


def test_certificates_may_be_a_file():
    found = cloud_settings({"S3_VERIFY_CERTIFICATE": "/etc/own.pem"}, {"AWS_ACCESS_KEY_ID": "x"})
    assert (found.s3_verify, found.s3_certificates) == (True, "/etc/own.pem")


@pytest.mark.parametrize("text", ["-1", "many", "1000"])
def test_wrong_retries(text):
    with pytest.raises(SettingInvalid, match="METAFLOW_S3_RETRY_COUNT"):
        cloud_settings({"S3_RETRY_COUNT": text}, {"AWS_ACCESS_KEY_ID": "x"})


def test_the_emulator_of_google_needs_no_scheme():
    environ = {"AWS_ACCESS_KEY_ID": "x", "STORAGE_EMULATOR_HOST": "127.0.0.1:9"}
    assert cloud_settings({}, environ).gs_endpoint == "http://127.0.0.1:9"


def profile_files(folder: Path) -> dict[str, str]:
    (folder / "credentials").write_text(
        "[default]\naws_access_key_id = D\naws_secret_access_key = E\n"
        "[work]\naws_access_key_id = W\naws_secret_access_key = S%C\naws_session_token = T\n"
    )
    (folder / "config").write_text("[profile work]\nregion = eu-2\n[default]\nregion = us-9\n")
    return {
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_CONFIG_FILE": str(folder / "config"),
    }


def test_keys_of_a_profile(tmp_path):
    files = profile_files(tmp_path)
    found = cloud_settings({}, {**files, "AWS_PROFILE": "work"})
    assert found.s3_region == "eu-2"
    assert (found.s3_access_key, found.s3_secret_key, found.s3_session_token) == ("W", "S%C", "T")
    found = cloud_settings({}, files)
    assert (found.s3_access_key, found.s3_secret_key, found.s3_region) == ("D", "E", "us-9")


def test_keys_of_the_environment_come_first(tmp_path):
    environ = {**profile_files(tmp_path), "AWS_ACCESS_KEY_ID": "x", "AWS_REGION": "here"}
    found = cloud_settings({}, environ)
    assert (found.s3_access_key, found.s3_region) == (None, "here")


def test_a_broken_profile_is_as_none(tmp_path):
    (tmp_path / "broken").write_text("no section\n")
    path = str(tmp_path / "broken")
    environ = {"AWS_SHARED_CREDENTIALS_FILE": path, "AWS_CONFIG_FILE": path}
    assert cloud_settings({}, environ).s3_access_key is None
