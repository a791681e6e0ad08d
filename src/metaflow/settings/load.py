"""Where a setting comes from: environment, then project file, then profile, then default."""

# No postponed annotations here: a NamedTuple would compile each of them at import, which
# costs ten times as much as evaluating them.
import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from metaflow.errors.input import ProfileNotFound, SettingInvalid, SettingsFileInvalid
from metaflow.settings.search import nearest_local_directory

PREFIX: Final = "METAFLOW_"
USER_VARIABLES: Final = ("SUDO_USER", "USERNAME", "USER")
"""Variables that tell who is logged in, after METAFLOW_USER."""
WEBHOOK_AUTHS: Final = ("none", "service")
TASK_STARTS: Final = ("auto", "fork", "spawn")
PROCESS, POWER = "process", "power"
PICKLES: Final = ("allow", "trusted", "deny")

OVERRIDES: Final[list[Callable[[], Mapping[str, str]]]] = []
"""What has the last word on settings, by name without `METAFLOW_`: extension packages."""


class Settings(NamedTuple):
    """All settings of one process, frozen when it starts."""

    default_datastore: str = "local"
    default_metadata: str = "local"
    default_environment: str = "local"
    default_event_logger: str = "nullSidecarLogger"
    default_monitor: str = "nullSidecarMonitor"
    default_package_suffixes: tuple[str, ...] = (".py", ".R", ".RDS")
    default_decospecs: tuple[str, ...] = ()
    """Decorators added to every step of a run, after those of the command line."""
    default_secrets_backend_type: str | None = None
    """Type of the secret sources that name none."""
    default_secrets_role: str | None = None
    """Whose rights secret sources use that name no role."""
    argo_events_webhook_url: str | None = None
    """Where events are sent to."""
    argo_events_webhook_auth: str = "none"
    """`service` sends the headers of the metadata service along with an event."""
    service_headers: Mapping[str, str] = MappingProxyType({})
    """Headers that the metadata service asks for, its key among them."""
    owner: str | None = None
    """Whose branch of a project is used; the user's own if not set."""
    user: str | None = None
    """Name of the user, whichever variable tells it."""
    production_token: str | None = None
    datastore_sysroot_local: str | None = None
    """The local store is in the `.metaflow` directory of this one."""
    datastore_sysroot_spin: str | None = None
    spin_allowed_decorators: tuple[str, ...] = (
        "card",
        "conda",
        "conda_base",
        "environment",
        "project",
        "pypi",
        "pypi_base",
        "timeout",
    )
    """Decorators of the framework that take effect when a step is spun."""
    spin_disallowed_decorators: tuple[str, ...] = ("parallel",)
    """A step that has one of these can't be spun."""
    spin_persist: bool = False
    """What a spun task leaves behind is kept."""
    tempdir: str = "."
    click_api_process_config: bool = True
    """A program that runs a flow reads its configs, to learn the flow's parameters."""
    include_foreach_stack: bool = True
    maximum_foreach_value_chars: int = 30
    task_start: str = "auto"
    """How a local task's process begins: `fork`, `spawn`, or `auto` to let the system decide."""
    pickle: str = "allow"
    """Whether artifacts may be pickles: `allow`, `deny`, or `trusted` for sealed ones only."""
    durability: str = PROCESS
    """What an acknowledged fact survives: the death of any `process`, or a loss of `power`."""
    code_package_mb: int = 20
    """How large the files of a run may be together to be packed with it; 0 packs nothing."""
    feat_always_upload_code_package: bool = False
    """The code is packed before the first task begins."""
    retention: str | None = None
    """Which runs a collection of garbage removes, as a JSON list of rules."""
    contact_info: Mapping[str, str] = MappingProxyType({})
    """Where to learn more and ask: label to address; empty for the built-in list."""
    ui_url: str | None = None
    """Address of a web interface, which a run's first and last line show."""
    no_color: bool = False
    """The user wants no colours (https://no-color.org)."""
    raw: Mapping[str, str] = MappingProxyType({})
    """Every setting that somebody made, by its name without `METAFLOW_`."""


def load_settings(environ: Mapping[str, str] | None = None, cwd: str | None = None) -> Settings:
    """Read the settings of this process.

    Parameters
    ----------
    environ : Mapping of str to str, optional
        Environment variables; those of the process by default.
    cwd : str, optional
        Where the search for a project's configuration file begins; the working directory
        by default.

    Returns
    -------
    Settings
        The resolved values.

    Raises
    ------
    ProfileNotFound
        METAFLOW_PROFILE names a profile that has no file.
    SettingsFileInvalid
        A configuration file is no JSON object, or cannot be read.
    SettingInvalid
        A value is not what the setting needs.
    """
    env: Mapping[str, str] = os.environ if environ is None else environ
    raw = own_settings(env, cwd)
    for overriding in OVERRIDES:
        raw.update(overriding())
    return _settle(raw, env)


def own_settings(
    environ: Mapping[str, str] | None = None, cwd: str | None = None
) -> dict[str, str]:
    """Read what the environment and the files say, before extensions have their say.

    Parameters
    ----------
    environ : Mapping of str to str, optional
        Environment variables; those of the process by default.
    cwd : str, optional
        Where the search for a project's configuration file begins.

    Returns
    -------
    dict of str to str
        Texts by name, without `METAFLOW_`.
    """
    env: Mapping[str, str] = os.environ if environ is None else environ
    raw = _profile_values(env)
    raw.update(_project_values(cwd))
    raw.update((key[len(PREFIX) :], value) for key, value in env.items() if key.startswith(PREFIX))
    return raw


def truth(text: str) -> bool:
    """Tell whether a setting's text means yes: all but `0`, `false` and nothing do."""
    return text.strip().lower() not in {"0", "false", ""}


def _settle(raw: dict[str, str], env: Mapping[str, str]) -> Settings:
    fallback = Settings()
    suffixes = raw.get("DEFAULT_PACKAGE_SUFFIXES")
    return Settings(
        default_datastore=raw.get("DEFAULT_DATASTORE") or fallback.default_datastore,
        default_metadata=raw.get("DEFAULT_METADATA") or fallback.default_metadata,
        default_environment=raw.get("DEFAULT_ENVIRONMENT") or fallback.default_environment,
        default_event_logger=raw.get("DEFAULT_EVENT_LOGGER") or fallback.default_event_logger,
        default_monitor=raw.get("DEFAULT_MONITOR") or fallback.default_monitor,
        default_package_suffixes=(
            tuple(part for part in suffixes.split(",") if part)
            if suffixes
            else fallback.default_package_suffixes
        ),
        default_decospecs=tuple(raw.get("DEFAULT_DECOSPECS", "").split()),
        default_secrets_backend_type=raw.get("DEFAULT_SECRETS_BACKEND_TYPE") or None,
        default_secrets_role=raw.get("DEFAULT_SECRETS_ROLE") or None,
        argo_events_webhook_url=raw.get("ARGO_EVENTS_WEBHOOK_URL") or None,
        argo_events_webhook_auth=_one_of(raw, "ARGO_EVENTS_WEBHOOK_AUTH", WEBHOOK_AUTHS),
        service_headers=_service_headers(raw),
        owner=raw.get("OWNER") or None,
        user=_user(raw, env),
        production_token=raw.get("PRODUCTION_TOKEN") or None,
        datastore_sysroot_local=raw.get("DATASTORE_SYSROOT_LOCAL") or None,
        datastore_sysroot_spin=raw.get("DATASTORE_SYSROOT_SPIN") or None,
        spin_allowed_decorators=_names(
            raw, "SPIN_ALLOWED_DECORATORS", fallback.spin_allowed_decorators
        ),
        spin_disallowed_decorators=_names(
            raw, "SPIN_DISALLOWED_DECORATORS", fallback.spin_disallowed_decorators
        ),
        spin_persist=truth(raw.get("SPIN_PERSIST", "")),
        tempdir=raw.get("TEMPDIR") or fallback.tempdir,
        click_api_process_config=truth(raw.get("CLICK_API_PROCESS_CONFIG", "1")),
        include_foreach_stack=truth(raw.get("INCLUDE_FOREACH_STACK", "1")),
        maximum_foreach_value_chars=_count(
            raw, "MAXIMUM_FOREACH_VALUE_CHARS", fallback.maximum_foreach_value_chars
        ),
        task_start=_one_of(raw, "TASK_START", TASK_STARTS),
        pickle=_one_of(raw, "PICKLE", PICKLES),
        durability=_one_of(raw, "DURABILITY", (PROCESS, POWER)),
        code_package_mb=_count(raw, "CODE_PACKAGE_MB", fallback.code_package_mb),
        feat_always_upload_code_package=truth(raw.get("FEAT_ALWAYS_UPLOAD_CODE_PACKAGE", "")),
        retention=raw.get("RETENTION") or None,
        contact_info=_contacts(raw),
        ui_url=(raw.get("UI_URL") or "").rstrip("/") or None,
        no_color=bool(env.get("NO_COLOR")),
        raw=MappingProxyType(raw),
    )


def _user(raw: Mapping[str, str], env: Mapping[str, str]) -> str | None:
    names = (raw.get("USER"), *(env.get(variable) for variable in USER_VARIABLES))
    return next((name for name in names if name and name != "root"), None)


def _count(raw: Mapping[str, str], key: str, default: int) -> int:
    text = raw.get(key)
    if not text:
        return default
    if not text.strip().isdecimal():
        raise SettingInvalid(key, text, "a whole number, 0 or more")
    return int(text)


def _names(raw: Mapping[str, str], key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """Read a list of names: as JSON, or with commas or spaces between them."""
    text = raw.get(key)
    if text is None:
        return default
    if not text.lstrip().startswith("["):
        return tuple(text.replace(",", " ").split())
    import json

    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise SettingInvalid(key, text, "names with commas between them, or a JSON list of names")
    return tuple(value)


def _one_of(raw: Mapping[str, str], key: str, words: tuple[str, ...]) -> str:
    """Read one of some words; the first is the default."""
    text = raw.get(key) or words[0]
    if text not in words:
        raise SettingInvalid(key, text, "one of " + ", ".join(words))
    return text


def _service_headers(raw: Mapping[str, str]) -> Mapping[str, str]:
    # What is wrong with them is not shown, because it may be a secret.
    headers = _texts_by_name(raw, "SERVICE_HEADERS", "a JSON object of headers", shown="…")
    key = raw.get("SERVICE_AUTH_KEY")
    return MappingProxyType({**headers, "x-api-key": key}) if key else headers


def _contacts(raw: Mapping[str, str]) -> Mapping[str, str]:
    return _texts_by_name(raw, "CONTACT_INFO", "a JSON object of labels and addresses")


def _texts_by_name(
    raw: Mapping[str, str], key: str, expected: str, shown: str | None = None
) -> Mapping[str, str]:
    text = raw.get(key)
    if not text:
        return MappingProxyType({})
    import json

    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise SettingInvalid(key, shown or text, expected)
    return MappingProxyType({str(name): str(item) for name, item in value.items()})


def profile_path(env: Mapping[str, str], profile: str | None) -> str:
    """Return the path of a profile's file; None is the profile without a name."""
    home = os.path.expanduser(env.get("METAFLOW_HOME") or "~/.metaflowconfig")
    return os.path.join(home, f"config_{profile}.json" if profile else "config.json")


def _profile_values(env: Mapping[str, str]) -> dict[str, str]:
    profile = env.get("METAFLOW_PROFILE")
    path = profile_path(env, profile)
    values = _file_values(path)
    if values is None and profile:
        raise ProfileNotFound(profile, path)
    return values or {}


def _project_values(cwd: str | None) -> dict[str, str]:
    directory = nearest_local_directory(cwd or ".")
    if directory is None:
        return {}
    return _file_values(os.path.join(directory, "config.json")) or {}


def _file_values(path: str) -> dict[str, str] | None:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsFileInvalid(path, f"cannot be read: {error}") from error
    import json

    try:
        content = json.loads(text)
    except ValueError as error:
        raise SettingsFileInvalid(path, f"is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise SettingsFileInvalid(path, "does not hold a JSON object")
    return {
        key.removeprefix(PREFIX): _as_text(value)
        for key, value in content.items()
        if value is not None
    }


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    import json

    # Booleans and numbers read as in the environment; lists and objects stay JSON.
    return str(int(value)) if isinstance(value, bool) else json.dumps(value)
