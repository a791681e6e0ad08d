"""Where a secret comes from: which source is meant, and what it hands out."""

# No postponed annotations here: a NamedTuple would compile each of them at import.
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from metaflow import registry
from metaflow.errors.base import MetaflowException
from metaflow.errors.secrets import SecretNotFetched, SecretSourceInvalid, SecretSourceUnknown
from metaflow.protocols.secret_source import SecretSource
from metaflow.settings import Settings, load_settings

KIND: Final = "secret_source"
KEYS: Final = {"type", "id", "options", "role"}
ELSEWHERE: Final = {
    "aws-secrets-manager": "AWS Secrets Manager",
    "az-key-vault": "Azure Key Vault",
    "gcp-secret-manager": "Google Cloud Secret Manager",
}
"""Types that users may know, whose back ends come later."""
VISIBLE_OPTIONS: Final = frozenset({"region", "json", "binary", "env_var_name"})
"""Options that say how to read a secret; all others are masked wherever they are shown."""
MASK: Final = "***"


class SecretRequest(NamedTuple):
    """One secret, as the user names it."""

    kind: str
    id: str
    options: Mapping[str, Any]
    role: str | None

    @property
    def label(self) -> str:
        """What messages call it; without its options, which may hold values."""
        return f"{self.kind}.{self.id}"


def read_source(source: Any, role: str | None, settings: Settings) -> SecretRequest:
    """Understand how a user has written a source.

    Parameters
    ----------
    source : str or mapping
        `type.id`, an id of the default type, or a dict with `type`, `id`, `options`, `role`.
    role : str or None
        Whose rights to use where the source does not say.
    settings : Settings
        Which type and role are the defaults.

    Returns
    -------
    SecretRequest
        What to fetch.

    Raises
    ------
    SecretSourceInvalid
        It cannot be understood.
    """
    if isinstance(source, str):
        return _read_text(source, role, settings)
    if not isinstance(source, Mapping):
        raise SecretSourceInvalid(f"<{type(source).__name__}>", "a source is a string or a dict")
    kind: Any = source.get("type", settings.default_secrets_backend_type)
    name: Any = source.get("id")
    options: Any = source.get("options") or {}
    own: Any = source.get("role")
    label = f"{kind or '?'}.{name or '?'}"
    if unknown := sorted(str(key) for key in source.keys() - KEYS):
        known = "`type`, `id`, `options` and `role`"
        raise SecretSourceInvalid(label, f"a source has {known}, not `{unknown[0]}`")
    if kind == "inline" and name is None:
        name = ""  # what it hands out stands in its options
    fields = [
        ("`type` is missing", isinstance(kind, str) and bool(kind)),
        ("`id` is a string", isinstance(name, str) and (bool(name) or kind == "inline")),
        ("`options` is a dict", isinstance(options, Mapping)),
        ("`role` is a string", own is None or isinstance(own, str)),
    ]
    for problem, is_fine in fields:
        if not is_fine:
            raise SecretSourceInvalid(label, problem)
    return SecretRequest(kind, name, options, own or role or settings.default_secrets_role)


def _read_text(source: str, role: str | None, settings: Settings) -> SecretRequest:
    kind, dot, name = source.partition(".")
    if not dot:
        kind, name = settings.default_secrets_backend_type or "", source
    if not kind and not dot:
        problem = "it has no type, and `METAFLOW_DEFAULT_SECRETS_BACKEND_TYPE` is not set"
        raise SecretSourceInvalid(source, problem)
    if not kind or not name:
        raise SecretSourceInvalid(source, "a part of it is missing")
    return SecretRequest(kind, name, {}, role or settings.default_secrets_role)


def find_source(kind: str) -> SecretSource:
    """Make the source of a type.

    Raises
    ------
    SecretSourceUnknown
        There is none of this type here.
    """
    try:
        made: SecretSource = registry.load(KIND, kind)()
    except KeyError:
        known = registry.names(KIND)
        raise SecretSourceUnknown(kind, known, ELSEWHERE.get(kind, "")) from None
    return made


def get_secret(source: Any, role: str | None = None) -> dict[str, str]:
    """Read a secret.

    Parameters
    ----------
    source : str or dict
        `'type.id'`, or a dict with `type`, `id`, `options` and `role`. Without a type,
        `METAFLOW_DEFAULT_SECRETS_BACKEND_TYPE` counts.
    role : str, optional
        Whose rights to use, where the source does not say.

    Returns
    -------
    dict of str to str
        Values by name.

    Raises
    ------
    SecretSourceInvalid
        The source cannot be understood.
    SecretSourceUnknown
        There is no source of this type here.
    """
    request = read_source(source, role, load_settings())
    return dict(find_source(request.kind).fetch(request.id, request.options, request.role))


def fetch(request: SecretRequest) -> Mapping[str, Any]:
    """Read a secret for a step; what goes wrong is told without the words of the source.

    Raises
    ------
    SecretNotFetched
        The source failed.
    """
    try:
        found = find_source(request.kind).fetch(request.id, request.options, request.role)
    except MetaflowException:
        raise
    except Exception as error:
        # No chaining: the trace of the cause, which would be logged, may hold the secret.
        raise SecretNotFetched(request.label, error) from None
    if not isinstance(found, Mapping):
        raise SecretSourceInvalid(request.label, "what it hands out is not a dict")
    return found


def masked(source: Any) -> Any:
    """Write a source as it may be shown: its identity, and of its options nothing secret."""
    if isinstance(source, str):
        return source
    if not isinstance(source, Mapping):
        return f"<{type(source).__name__}>"
    shown: dict[str, Any] = {}
    for key, value in source.items():
        if key == "options" and isinstance(value, Mapping):
            shown[key] = {str(name): _masked_option(name, item) for name, item in value.items()}
        else:
            shown[str(key)] = value if key in {"type", "id", "role"} else MASK
    return shown


def _masked_option(name: Any, value: Any) -> Any:
    if name in VISIBLE_OPTIONS:
        return value
    if name == "env_vars" and isinstance(value, Mapping):
        return {str(variable): MASK for variable in value}
    return MASK


def variable_problem(name: Any, value: Any) -> str | None:
    """Say why a secret cannot be an environment variable; None if it can."""
    if not isinstance(name, str) or not isinstance(value, str):
        return "is not a string with a string for a name"
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return "is not the name of an environment variable"
    if name.startswith("METAFLOW_"):
        return "begins with `METAFLOW_`, and these variables are the framework's own"
    return "has a zero byte in its value" if "\0" in value else None
