"""The stores of clouds against real servers: each of them is what the protocol says."""

from __future__ import annotations

import pytest
from cloud_stores import fresh_url, open_url

from metaflow.testing import object_store_conformance

pytestmark = pytest.mark.timeout(900)  # the first test may have to install the server


@pytest.mark.parametrize("check", object_store_conformance, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", ["s3", "azure", "gs"])
def test_cloud_store(kind, check, service):
    store = open_url(fresh_url(kind, service))
    check(store)
    store.delete(found.key for found in store.list())
    store.close()
