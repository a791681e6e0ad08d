"""Clients of the clouds: what our settings mean in terms of the library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from metaflow.errors.object_store import ObjectStoreAddressInvalid, ObjectStoreDenied
from metaflow.errors.storage import StorageUnavailable
from metaflow.object_store.failures import understand

if TYPE_CHECKING:
    from metaflow.object_store.addresses import Address
    from metaflow.settings.object_store import CloudSettings

CONNECT_TIMEOUT: Final = "10s"
SILENCE_TIMEOUT: Final = "120s"
"""So long a server may say nothing; the time to send a part counts, too."""
REQUEST_TIMEOUT: Final = "10m"
"""For one request, which moves no more than one part, or what `put` is given."""

CREDENTIALS: Final = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the role of the machine",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS, `gcloud auth`, or the role of the machine",
    "azure": "AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN, AZURE_CLIENT_ID with its "
    "secret, or the identity of the machine",
}
"""Where the credentials for a kind of store come from."""

_NO_TOKENS: Final = (
    '{{"gcs_base_url": "{endpoint}", "disable_oauth": true, "client_email": "", '
    '"private_key": "", "private_key_id": ""}}'
)


def make_client(library: Any, address: Address, settings: CloudSettings, inner_retries: int) -> Any:
    """Make the library's store for an address; nothing is sent yet.

    Parameters
    ----------
    library : module
        The library, as it is loaded in this process.
    address : Address
        Of the store.
    settings : CloudSettings
        How to reach it.
    inner_retries : int
        How often the library repeats a request by itself.

    Raises
    ------
    ObjectStoreAddressInvalid
        The library can't do anything with the address or the settings.
    ObjectStoreDenied
        Credentials are not of the form that they should have.
    StorageUnavailable
        A file that the settings name can't be read.
    """
    stores = library._store  # noqa: SLF001 - the package makes its public classes from these
    options: dict[str, Any] = {
        "retry_config": {"max_retries": inner_retries},
        "client_options": {
            "connect_timeout": CONNECT_TIMEOUT,
            "read_timeout": SILENCE_TIMEOUT,
            "timeout": REQUEST_TIMEOUT,
        },
    }
    if address.prefix:
        options["prefix"] = address.prefix
    try:
        if address.scheme == "s3":
            return _s3(stores, address, settings, options)
        if address.scheme == "gs":
            return _gs(stores, address, settings, options)
        return _azure(stores, address, settings, options)
    except OSError as error:
        raise StorageUnavailable(error.filename or address.url, str(error.strerror)) from error
    except (ValueError, TypeError) as error:
        raise ObjectStoreAddressInvalid(address.url, str(error)) from error
    except Exception as error:
        reason = understand(error).reason
        if "Key" in reason or "redential" in reason:
            # What is wrong with a key is not shown: it may quote a part of it.
            raise ObjectStoreDenied(
                address.url, "be used", "the credentials are malformed", CREDENTIALS[address.scheme]
            ) from None
        raise ObjectStoreAddressInvalid(address.url, reason) from error


def _s3(stores: Any, address: Address, settings: CloudSettings, options: dict[str, Any]) -> Any:
    client = options["client_options"]
    if settings.s3_endpoint:
        options["endpoint"] = settings.s3_endpoint
        client["allow_http"] = settings.s3_endpoint.startswith("http://")
    if settings.s3_certificates:
        with open(settings.s3_certificates, encoding="utf-8") as file:
            client["root_certificate"] = file.read()
    if not settings.s3_verify:
        client["allow_invalid_certificates"] = True
    given = {
        "server_side_encryption": settings.s3_encryption,
        "access_key_id": settings.s3_access_key,
        "secret_access_key": settings.s3_secret_key,
        "session_token": settings.s3_session_token,
        "region": settings.s3_region or "us-east-1",
    }
    options.update({name: value for name, value in given.items() if value})
    return stores.S3Store(address.bucket, **options)


def _gs(stores: Any, address: Address, settings: CloudSettings, options: dict[str, Any]) -> Any:
    if settings.gs_endpoint:
        options["service_account_key"] = _NO_TOKENS.format(endpoint=settings.gs_endpoint)
        options["client_options"]["allow_http"] = True
    return stores.GCSStore(address.bucket, **options)


def _azure(stores: Any, address: Address, settings: CloudSettings, options: dict[str, Any]) -> Any:
    endpoint = settings.azure_endpoint
    if endpoint:
        options["endpoint"] = endpoint.rstrip("/")
        options["client_options"]["allow_http"] = endpoint.startswith("http://")
        account = _account(endpoint)
        if account:
            options["account_name"] = account
    return stores.AzureStore(address.bucket, **options)


def _account(endpoint: str) -> str | None:
    """Name of the account in an endpoint: its first word, or, of an emulator, its path."""
    host, _, path = endpoint.partition("://")[2].partition("/")
    if path.strip("/"):
        return path.strip("/")
    name, _, domain = host.partition(".")
    return name if domain.startswith("blob.") else None
