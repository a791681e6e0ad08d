"""An S3 server that is slow to agree, out of reach, or loses half of what it says."""

from __future__ import annotations

import pytest
from cloud_stores import fresh_url, open_url
from object_proxy import BUSY, CUT, CUT_SILENTLY, FLIP, GONE, LOST, PASS, proxy_in_front_of

from metaflow.errors.object_store import (
    BucketMissing,
    ObjectStoreDenied,
    ObjectStoreUnreachable,
)
from metaflow.errors.storage import ObjectIncomplete, ObjectMissing

pytestmark = pytest.mark.timeout(900)  # the first test may have to install the server

LARGE = bytes(range(256)) * (160 << 10)
"""40 MB: three parts."""


@pytest.fixture
def url(service):
    return fresh_url("s3", service)


@pytest.fixture
def proxy_and_store(service, url):
    endpoint = service("radosgw")["METAFLOW_S3_ENDPOINT_URL"]
    with proxy_in_front_of(endpoint) as (proxy, address):
        store = open_url(url, S3_ENDPOINT_URL=address, S3_RETRY_COUNT="3")
        yield proxy, store
        store.close()


@pytest.fixture
def proxy(proxy_and_store):
    return proxy_and_store[0]


@pytest.fixture
def store(proxy_and_store):
    return proxy_and_store[1]


@pytest.fixture
def direct(service, url):
    service("radosgw")
    return open_url(url)


@pytest.mark.parametrize("action", [BUSY, GONE])
def test_a_request_is_repeated(proxy, store, action):
    proxy.failing("PUT", action, times=2)
    assert store.put("k", b"content") is True
    assert proxy.count("PUT") == 3
    proxy.failing("GET", action, times=2)
    assert store.get("k") == b"content"
    assert proxy.count("GET") == 3
    proxy.failing("HEAD", action, times=2)
    assert store.size("k") == 7
    proxy.failing("GET", action, times=2, path="list-type")
    assert [found.key for found in store.list()] == ["k"]
    proxy.failing("POST", action, times=2, path="delete")
    store.delete(["k"])
    proxy.failing("GET", PASS)
    assert store.size("k") is None


@pytest.mark.parametrize(("action", "reason"), [(BUSY, "503"), (GONE, "")])
def test_a_server_that_never_answers(proxy, store, action, reason):
    proxy.failing("GET", action)
    with pytest.raises(ObjectStoreUnreachable, match=rf"Cannot read `k`.*127\.0\.0\.1.*{reason}"):
        store.get("k")
    assert proxy.count("GET") == 4


def test_nobody_listens(service, url):
    service("radosgw")
    store = open_url(url, S3_ENDPOINT_URL="http://127.0.0.1:1", S3_RETRY_COUNT="1")
    with pytest.raises(ObjectStoreUnreachable, match="Connection refused"):
        store.put("k", b"")
    with pytest.raises(ObjectStoreUnreachable, match="Connection refused"):
        store.put_pieces("k", [LARGE])


@pytest.mark.parametrize("action", [CUT, CUT_SILENTLY])
def test_a_body_that_ends_early_is_read_again(proxy, store, direct, action):
    direct.put("k", b"content")
    direct.put("large", LARGE)
    proxy.failing("GET", action, times=2)
    assert store.get("k") == b"content"
    proxy.failing("GET", action, times=2)
    assert b"".join(store.get_pieces("large")) == LARGE


@pytest.mark.parametrize("action", [CUT, CUT_SILENTLY])
def test_a_body_that_always_ends_early_is_an_error(proxy, store, direct, action):
    direct.put("k", b"content")
    proxy.failing("GET", action)
    with pytest.raises(ObjectIncomplete, match="`k`"):
        store.get("k")


def test_an_object_that_is_replaced_while_it_is_read(direct):
    direct.put("k", bytes(200 << 20))
    pieces = direct.get_pieces("k")
    next(pieces)
    direct.put("k", LARGE)
    with pytest.raises(ObjectIncomplete, match="another object has taken its place"):
        list(pieces)


def test_a_writer_does_not_lose_against_itself(proxy, store, direct):
    """The first try has written the object, and only its answer was lost."""
    proxy.failing("PUT", LOST, times=1)
    assert store.put("k", b"mine", replace=False) is True
    assert proxy.count("PUT") == 2
    assert direct.get("k") == b"mine"


def test_a_writer_loses_against_another(proxy, store, direct):
    direct.put("k", b"his!")
    proxy.failing("PUT", GONE, times=1)
    assert store.put("k", b"mine", replace=False) is False
    proxy.failing("PUT", LOST, times=1)
    assert store.put("k", b"mine", replace=False) is False
    assert direct.get("k") == b"his!"


def test_a_write_whose_answer_is_lost(proxy, store, direct):
    proxy.failing("PUT", LOST, times=1)
    assert store.put("k", b"mine") is True
    proxy.failing("POST", LOST, times=1, path="delete")
    store.delete(["k"])
    assert direct.size("k") is None


def test_a_bit_that_changes_on_the_way_to_the_server(proxy, store, direct):
    proxy.failing("PUT", FLIP, times=2)
    store.put("k", b"content")
    assert direct.get("k") == b"content"


@pytest.mark.parametrize("action", [BUSY, GONE])
def test_parts_are_repeated(proxy, store, direct, action):
    proxy.failing("PUT", action, times=2, path="partNumber")
    assert store.put_pieces("k", [LARGE]) == len(LARGE)
    assert direct.get("k") == LARGE


def test_an_upload_that_fails_in_its_midst(proxy, store, direct):
    proxy.failing("PUT", BUSY, path="partNumber=2")
    with pytest.raises(ObjectStoreUnreachable, match="Cannot write `k`"):
        store.put_pieces("k", [LARGE])
    assert direct.size("k") is None
    assert proxy.count("DELETE") == 1  # what was sent was taken back


def test_wrong_credentials(service, url, monkeypatch):
    service("radosgw")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")
    store = open_url(url)
    for use in (
        lambda: store.put("k", b""),
        lambda: store.get("k"),
        lambda: store.size("k"),
        lambda: list(store.list()),
        lambda: store.put_pieces("k", [LARGE]),
        lambda: store.delete(["k"]),
    ):
        with pytest.raises(ObjectStoreDenied, match="AWS_ACCESS_KEY_ID") as caught:
            use()
        assert "wrong-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "wrong"), [("s3", "s3://no-such-bucket/p"), ("azure", "azure://no-such-container/p")]
)
def test_a_bucket_that_is_not_there(kind, wrong, service):
    fresh_url(kind, service)
    store = open_url(wrong)
    for use in (
        lambda: store.put("k", b""),
        lambda: store.get("k"),
        lambda: list(store.list()),
        lambda: store.put_pieces("k", [LARGE]),
        lambda: store.delete(["k"]),
    ):
        with pytest.raises(BucketMissing, match="no-such-"):
            use()


def test_what_is_missing_is_asked_for_once(proxy, store):
    proxy.failing("GET", PASS)
    with pytest.raises(ObjectMissing):
        store.get("k")
    assert store.size("k") is None
    assert (proxy.count("GET"), proxy.count("HEAD")) == (1, 1)


ENDPOINTS = {
    "azure": ("azurite", "METAFLOW_AZURE_STORAGE_BLOB_SERVICE_ENDPOINT"),
    "gs": ("gcs", "STORAGE_EMULATOR_HOST"),
}


@pytest.fixture(params=ENDPOINTS)
def other_clouds(request, service, monkeypatch):
    """A proxy in front of a server of another kind, a store behind it, and one beside it."""
    url = fresh_url(request.param, service)
    direct = open_url(url)
    name, variable = ENDPOINTS[request.param]
    endpoint = service(name)[variable]
    host, _, path = endpoint.removeprefix("http://").partition("/")
    with proxy_in_front_of(f"http://{host}") as (proxy, address):
        monkeypatch.setenv(variable, f"{address}/{path}".rstrip("/"))
        store = open_url(url)
        yield proxy, store, direct
        store.close()


@pytest.mark.parametrize("action", [BUSY, GONE])
def test_other_clouds_are_asked_again(other_clouds, action):
    proxy, store, direct = other_clouds
    proxy.decide = lambda _request, count: action if count < 2 else PASS
    assert store.put("k", b"content") is True
    assert store.get("k") == b"content"
    assert store.size("k") == 7
    assert [found.key for found in store.list()] == ["k"]
    assert store.put_pieces("large", [LARGE]) == len(LARGE)
    assert direct.get("large") == LARGE
    assert store.get("large") == LARGE
    store.delete(["k", "large", "never"])
    assert list(direct.list()) == []
    assert len(proxy.requests) >= 3 * 7


@pytest.mark.parametrize("action", [CUT, CUT_SILENTLY])
def test_bodies_of_other_clouds_are_read_to_their_end(other_clouds, action):
    proxy, store, direct = other_clouds
    direct.put("large", LARGE)
    proxy.failing("GET", action, times=2)
    assert store.get("large") == LARGE
    assert b"".join(store.get_pieces("large")) == LARGE


def test_a_writer_to_other_clouds_does_not_lose_against_itself(other_clouds):
    proxy, store, direct = other_clouds
    proxy.failing("PUT", LOST, times=1)
    assert store.put("k", b"mine", replace=False) is True
    proxy.failing("PUT", LOST, times=1)
    assert store.put("k", b"his!", replace=False) is False
    assert direct.get("k") == b"mine"
