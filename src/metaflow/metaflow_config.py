"""Settings under the names that programs import from `metaflow.metaflow_config`.

Each name is read when it is first asked for, from the environment, the project's and the
profile's files, and then stays as it is for the life of the process. Settings
of back ends that this installation does not have are texts, or None if nobody has set them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from metaflow.model.spec import MAX_ATTEMPTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    CLICK_API_PROCESS_CONFIG: bool
    CONTACT_INFO: Mapping[str, str]
    DATASTORE_SYSROOT_LOCAL: str | None
    DATASTORE_SYSROOT_SPIN: str | None
    DEFAULT_DATASTORE: str
    DEFAULT_DECOSPECS: str
    DEFAULT_ENVIRONMENT: str
    DEFAULT_EVENT_LOGGER: str
    DEFAULT_METADATA: str
    DEFAULT_MONITOR: str
    DEFAULT_PACKAGE_SUFFIXES: str
    DEFAULT_SECRETS_BACKEND_TYPE: str | None
    DEFAULT_SECRETS_ROLE: str | None
    FEAT_ALWAYS_UPLOAD_CODE_PACKAGE: bool
    INCLUDE_FOREACH_STACK: bool
    MAXIMUM_FOREACH_VALUE_CHARS: int
    SERVICE_HEADERS: Mapping[str, str]
    SPIN_ALLOWED_DECORATORS: str
    SPIN_DISALLOWED_DECORATORS: str
    SPIN_PERSIST: bool
    TEMPDIR: str
    UI_URL: str | None
    USER: str | None

__all__ = [
    "CLICK_API_PROCESS_CONFIG",
    "CONTACT_INFO",
    "DATASTORE_SYSROOT_LOCAL",
    "DATASTORE_SYSROOT_SPIN",
    "DEFAULT_DATASTORE",
    "DEFAULT_DECOSPECS",
    "DEFAULT_ENVIRONMENT",
    "DEFAULT_EVENT_LOGGER",
    "DEFAULT_METADATA",
    "DEFAULT_MONITOR",
    "DEFAULT_PACKAGE_SUFFIXES",
    "DEFAULT_SECRETS_BACKEND_TYPE",
    "DEFAULT_SECRETS_ROLE",
    "FEAT_ALWAYS_UPLOAD_CODE_PACKAGE",
    "INCLUDE_FOREACH_STACK",
    "MAXIMUM_FOREACH_VALUE_CHARS",
    "MAX_ATTEMPTS",
    "SERVICE_HEADERS",
    "SPIN_ALLOWED_DECORATORS",
    "SPIN_DISALLOWED_DECORATORS",
    "SPIN_PERSIST",
    "TEMPDIR",
    "UI_URL",
    "USER",
]

OF_BACK_ENDS = (
    "CLIENT_CACHE_MAX_SIZE",
    "CLIENT_CACHE_PATH",
    "DATASTORE_SYSROOT_AZURE",
    "DATASTORE_SYSROOT_GS",
    "DATASTORE_SYSROOT_S3",
    "DEFAULT_RUNTIME_LIMIT",
    "PROFILE_FROM_START",
    "SERVICE_AUTH_KEY",
    "SERVICE_RETRY_COUNT",
    "SERVICE_URL",
)
"""Settings that only back ends look at: what somebody has set, as text, or None."""
SWITCHES = ("DEBUG_", "ENABLED_")
"""What the names of switches begin with: there are as many as there are things to switch."""

_SEPARATORS = {
    "DEFAULT_DECOSPECS": " ",
    "DEFAULT_PACKAGE_SUFFIXES": ",",
    "SPIN_ALLOWED_DECORATORS": ",",
    "SPIN_DISALLOWED_DECORATORS": ",",
}
"""Lists are one text here, as they are in the environment."""


def __getattr__(name: str) -> Any:
    """Read a setting when it is first asked for."""
    from metaflow import registry

    extensions = registry.added.extensions
    if extensions is not None and not name.startswith("__"):
        added = extensions.values("config")
        if name in added:
            return added[name]
    if not name.isupper():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from metaflow.settings.load import load_settings

    settings = load_settings()
    if name in __all__:
        value: Any = getattr(settings, name.lower())
    elif name in OF_BACK_ENDS or name.startswith(SWITCHES):
        value = settings.raw.get(name) or None
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _SEPARATORS:
        value = _SEPARATORS[name].join(value)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the names of the settings."""
    return sorted({*globals(), *__all__})
