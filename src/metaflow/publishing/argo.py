"""How an event is sent to Argo Events: one request to its webhook."""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Mapping
from typing import Any, Final

from metaflow.authoring.current import current
from metaflow.errors.events import EventNotPublished
from metaflow.settings import load_settings

TIMEOUT_S: Final = 60
TRIES: Final = 3


class ArgoEvent:
    """A small message that starts deployed flows which have `@trigger` with its name.

    Parameters
    ----------
    name : str
        Name of the event.
    url : str, optional
        Where to send it; `METAFLOW_ARGO_EVENTS_WEBHOOK_URL` without it.
    payload : dict, optional
        Fields of the event, which parameters of flows can take.
    access_token : str, optional
        Sent along as a bearer token.
    """

    def __init__(
        self,
        name: str,
        url: str | None = None,
        payload: Mapping[str, Any] | None = None,
        access_token: str | None = None,
    ) -> None:
        self._name: str = name
        self._url: str | None = url or load_settings().argo_events_webhook_url
        self._payload: dict[str, Any] = dict(payload or {})
        self._access_token: str | None = access_token

    def add_to_payload(self, key: str, value: Any) -> ArgoEvent:
        """Set one field of the event.

        Parameters
        ----------
        key : str
            Name of the field.
        value : Any
            Its value: plain data as it is, anything else as text.

        Returns
        -------
        ArgoEvent
            The same event.
        """
        self._payload[key] = value
        return self

    def safe_publish(
        self, payload: Mapping[str, Any] | None = None, ignore_errors: bool = True
    ) -> str | None:
        """Send the event if this runs in a deployed flow, and do nothing elsewhere.

        Parameters
        ----------
        payload : dict, optional
            Further fields, for this time only.
        ignore_errors : bool, default True
            Print what goes wrong instead of raising it.

        Returns
        -------
        str or None
            Id of the event; None if it was not sent.
        """
        return self.publish(payload, force=False, ignore_errors=ignore_errors)

    def publish(
        self,
        payload: Mapping[str, Any] | None = None,
        force: bool = True,
        ignore_errors: bool = True,
    ) -> str | None:
        """Send the event.

        Parameters
        ----------
        payload : dict, optional
            Further fields, for this time only.
        force : bool, default True
            Send it wherever this runs; otherwise only in a deployed flow.
        ignore_errors : bool, default True
            Print what goes wrong instead of raising it.

        Returns
        -------
        str or None
            Id of the event; None if it was not sent.

        Raises
        ------
        EventNotPublished
            It cannot be sent, and errors are not ignored.
        """
        if not (force or _is_deployed()):
            return None
        event_id = str(uuid.uuid4())
        try:
            self._send(self._message({**self._payload, **(payload or {})}, event_id))
        except EventNotPublished as error:
            if not ignore_errors:
                raise
            sys.stderr.write(f"{error.headline}: {error}\n")
            return None
        return event_id

    def _message(self, payload: Mapping[str, Any], event_id: str) -> bytes:
        now = int(time.time())
        facts = {
            "name": self._name,
            "id": event_id,
            "timestamp": now,
            "utc_date": time.strftime("%Y%m%d", time.gmtime(now)),
            "generated-by-metaflow": True,
        }
        if current.is_running_flow:
            facts["pathspec"] = current.pathspec
        fields = {key: value if _is_plain(value) else str(value) for key, value in payload.items()}
        return json.dumps({"name": self._name, "payload": {**fields, **facts}}).encode()

    def _send(self, message: bytes) -> None:
        if not self._url:
            problem = "neither `url` nor `METAFLOW_ARGO_EVENTS_WEBHOOK_URL` says where to send it"
            raise EventNotPublished(self._name, problem)
        from urllib.error import HTTPError, URLError
        from urllib.request import Request, urlopen

        if not self._url.startswith(("http://", "https://")):
            raise EventNotPublished(self._name, f"`{self._url}` is no address of a webhook")
        request = Request(self._url, message, self._headers(), method="POST")  # noqa: S310 - checked above
        for left in reversed(range(TRIES)):
            try:
                with urlopen(request, timeout=TIMEOUT_S):  # noqa: S310 - checked above
                    return
            except HTTPError as error:
                error.close()
                is_final = error.code < 500  # noqa: PLR2004 - the request itself is at fault
                problem = f"the webhook answers {error.code} {error.reason}"
                cause: Exception = error
            except (URLError, OSError) as error:
                is_final, problem, cause = False, f"{getattr(error, 'reason', error)}", error
            if is_final or not left:
                raise EventNotPublished(self._name, problem) from cause

    def _headers(self) -> dict[str, str]:
        headers = {"content-type": "application/json"}
        settings = load_settings()
        if settings.argo_events_webhook_auth == "service":
            headers.update(settings.service_headers)
        if self._access_token:
            headers["Authorization"] = f"Bearer {self._access_token}"
        return headers


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool | list | dict)


def _is_deployed() -> bool:
    """Tell whether this is a task of a flow that a scheduler runs."""
    return current.is_running_flow and bool(current.get("is_deployed"))
