"""What the settings say about stores of clouds; read only when one is opened."""

# No postponed annotations here: a NamedTuple would compile each of them at import.
import configparser
import os
from collections.abc import Mapping
from typing import Final, NamedTuple

from metaflow.errors.input import SettingInvalid
from metaflow.settings.load import truth

ROOTS: Final = {
    "s3": "DATASTORE_SYSROOT_S3",
    "gs": "DATASTORE_SYSROOT_GS",
    "azure": "DATASTORE_SYSROOT_AZURE",
}
"""Where artifacts are kept, by the name of the kind of store."""

MOST_RETRIES: Final = 100


class CloudSettings(NamedTuple):
    """How to talk to a cloud's store."""

    retries: int = 7
    s3_endpoint: str | None = None
    s3_verify: bool = True
    """The server's certificate must be valid."""
    s3_certificates: str | None = None
    """Path of certificates to trust, too."""
    s3_encryption: str | None = None
    s3_access_key: str | None = None
    s3_secret_key: str | None = None
    s3_session_token: str | None = None
    """The three are set only if a profile's file tells them: the library finds the others."""
    s3_region: str | None = None
    azure_endpoint: str | None = None
    gs_endpoint: str | None = None
    """Of an emulator, which asks for no credentials."""


def root_url(kind: str, raw: Mapping[str, str]) -> str | None:
    """Return the address of the store that the settings name for a kind; None if none.

    Parameters
    ----------
    kind : str
        `s3`, `gs` or `azure`.
    raw : Mapping of str to str
        Settings by name, without `METAFLOW_`.

    Raises
    ------
    SettingInvalid
        The value is no address of this kind.
    """
    name = ROOTS[kind]
    text = (raw.get(name) or "").strip()
    if not text:
        return None
    if kind == "azure":
        # Told as container and prefix; a full address is understood as well.
        text = text.removeprefix("azure://")
        if text.startswith("/") or text.endswith("/") or "//" in text or ":" in text:
            raise SettingInvalid(name, text, "a container and a prefix: `container/some/prefix`")
        return f"azure://{text}"
    if not text.startswith(f"{kind}://") or not text.removeprefix(f"{kind}://").strip("/"):
        raise SettingInvalid(name, text, f"an address such as `{kind}://bucket/some/prefix`")
    return text.rstrip("/")


def cloud_settings(
    raw: Mapping[str, str], environ: Mapping[str, str] | None = None
) -> CloudSettings:
    """Read what is needed to open stores of clouds.

    Parameters
    ----------
    raw : Mapping of str to str
        Settings by name, without `METAFLOW_`.
    environ : Mapping of str to str, optional
        Environment variables; those of the process by default.

    Raises
    ------
    SettingInvalid
        A value is not what the setting needs.
    """
    env = os.environ if environ is None else environ
    verify = raw.get("S3_VERIFY_CERTIFICATE") or "1"
    certificates = verify if "/" in verify else None
    profile = {} if env.get("AWS_ACCESS_KEY_ID") else _aws_profile(env)
    return CloudSettings(
        retries=_retries(raw),
        s3_endpoint=(
            raw.get("S3_ENDPOINT_URL")
            or env.get("AWS_ENDPOINT_URL_S3")
            or env.get("AWS_ENDPOINT_URL")
            or None
        ),
        s3_verify=certificates is not None or truth(verify),
        s3_certificates=certificates,
        s3_encryption=raw.get("S3_SERVER_SIDE_ENCRYPTION") or None,
        s3_access_key=profile.get("aws_access_key_id"),
        s3_secret_key=profile.get("aws_secret_access_key"),
        s3_session_token=profile.get("aws_session_token"),
        s3_region=(env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or profile.get("region")),
        azure_endpoint=raw.get("AZURE_STORAGE_BLOB_SERVICE_ENDPOINT") or None,
        gs_endpoint=_with_scheme(env.get("STORAGE_EMULATOR_HOST")),
    )


def _retries(raw: Mapping[str, str]) -> int:
    text = (raw.get("S3_RETRY_COUNT") or "").strip()
    if not text:
        return CloudSettings().retries
    if not text.isdecimal() or int(text) > MOST_RETRIES:
        raise SettingInvalid("S3_RETRY_COUNT", text, f"a whole number, at most {MOST_RETRIES}")
    return int(text)


def _with_scheme(host: str | None) -> str | None:
    if not host:
        return None
    return (host if "://" in host else f"http://{host}").rstrip("/")


def _aws_profile(env: Mapping[str, str]) -> dict[str, str]:
    """Keys and region that the files of AWS' own tools hold for the profile in use."""
    name = env.get("AWS_PROFILE") or env.get("AWS_DEFAULT_PROFILE") or "default"
    home = os.path.join(os.path.expanduser("~"), ".aws")
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    files = (
        env.get("AWS_CONFIG_FILE") or os.path.join(home, "config"),
        env.get("AWS_SHARED_CREDENTIALS_FILE") or os.path.join(home, "credentials"),
    )
    found: dict[str, str] = {}
    for path in files:
        parser.clear()
        try:
            parser.read(os.path.expanduser(path), encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue  # another tool's file: what is wrong there shows as missing credentials
        for section in (f"profile {name}", name):
            if parser.has_section(section):
                found.update(parser.items(section))
    return found
