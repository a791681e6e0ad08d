"""A folder is a store of objects as the protocol says."""

from __future__ import annotations

import pytest

from metaflow.object_store.opening import open_object_store
from metaflow.settings import load_settings
from metaflow.testing import object_store_conformance


@pytest.mark.parametrize("check", object_store_conformance, ids=lambda check: check.__name__)
def test_local_store(check, tmp_path):
    store = open_object_store(str(tmp_path / "root"), load_settings({}))
    check(store)
    store.close()
    assert list(tmp_path.glob("root/.unfinished/*")) == []
