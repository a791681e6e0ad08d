"""Stores in the real servers that tests have started, each in a part of its own."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from metaflow.object_store.opening import open_object_store
from metaflow.protocols.object_store import ObjectStore
from metaflow.settings import load_settings
from metaflow.settings.object_store import root_url

SERVICES = {"s3": "radosgw", "azure": "azurite", "gs": "gcs"}


def fresh_url(kind: str, service: Callable[[str], dict[str, str]]) -> str:
    """The address of a store in which there is nothing."""
    environment = service(SERVICES[kind])
    url = root_url(kind, load_settings(environment).raw)
    assert url is not None
    return f"{url}/{uuid.uuid4().hex}"


def open_url(url: str, **settings: str) -> ObjectStore:
    """Open a store as a program would, with some settings changed."""
    loaded = load_settings()
    return open_object_store(url, loaded._replace(raw={**loaded.raw, **settings}))
