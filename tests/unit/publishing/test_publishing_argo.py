"""Events on their way to a webhook."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from metaflow.ambient import ambient
from metaflow.errors.events import EventNotPublished
from metaflow.integrations import ArgoEvent


class Webhook(HTTPServer):
    """Answers with the given codes in turn, the last one from then on."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.codes = [200]
        self.requests: list[tuple[dict[str, str], dict]] = []
        self.url = f"http://127.0.0.1:{self.server_port}/event"


class Answer(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests.append((dict(self.headers), body))
        codes = self.server.codes
        self.send_response(codes.pop(0) if len(codes) > 1 else codes[0])
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def webhook(monkeypatch):
    monkeypatch.setattr(ambient, "current", None)
    for name in ("URL", "AUTH"):
        monkeypatch.delenv(f"METAFLOW_ARGO_EVENTS_WEBHOOK_{name}", raising=False)
    with Webhook() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_event_has_its_name_its_payload_and_an_id(webhook):
    event = ArgoEvent("news", url=webhook.url, payload={"a": 1}).add_to_payload("b", 2)
    event_id = event.publish({"c": [3], "d": object})
    ((headers, body),) = webhook.requests
    assert {name.lower(): value for name, value in headers.items()}["content-type"] == (
        "application/json"
    )
    assert body["name"] == "news"
    payload = body["payload"]
    assert (payload["a"], payload["b"], payload["c"]) == (1, 2, [3])
    assert "object" in payload["d"]
    assert payload["id"] == event_id
    assert payload["name"] == "news"
    assert payload["generated-by-metaflow"] is True
    assert set(payload) >= {"timestamp", "utc_date"}


def test_the_address_and_headers_come_from_the_settings(webhook, monkeypatch):
    monkeypatch.setenv("METAFLOW_ARGO_EVENTS_WEBHOOK_URL", webhook.url)
    monkeypatch.setenv("METAFLOW_SERVICE_HEADERS", '{"x-team": "a"}')
    monkeypatch.setenv("METAFLOW_SERVICE_AUTH_KEY", "k")
    assert ArgoEvent("news").publish()
    monkeypatch.setenv("METAFLOW_ARGO_EVENTS_WEBHOOK_AUTH", "service")
    assert ArgoEvent("news", access_token="t").publish()
    plain, authorized = (
        {name.lower(): value for name, value in headers.items()} for headers, _ in webhook.requests
    )
    assert "x-api-key" not in plain
    assert (authorized["x-team"], authorized["x-api-key"]) == ("a", "k")
    assert authorized["authorization"] == "Bearer t"


def test_a_webhook_that_fails_is_asked_again(webhook):
    webhook.codes = [503, 500, 200]
    assert ArgoEvent("news", url=webhook.url).publish(ignore_errors=False)
    assert len(webhook.requests) == 3


def test_a_refusal_is_final(webhook, capsys):
    webhook.codes = [403]
    event = ArgoEvent("news", url=webhook.url)
    assert event.publish() is None
    assert "403" in capsys.readouterr().err
    with pytest.raises(EventNotPublished):
        event.publish(ignore_errors=False)
    assert len(webhook.requests) == 2


def test_an_event_that_has_nowhere_to_go(webhook):
    del webhook
    for url in (None, "file:///etc/passwd"):
        with pytest.raises(EventNotPublished):
            ArgoEvent("news", url=url).publish(ignore_errors=False)


def test_safe_publish_speaks_in_deployed_flows_only(webhook, monkeypatch):
    event = ArgoEvent("news", url=webhook.url)
    assert event.safe_publish() is None
    running = {"flow_name": "F", "pathspec": "F/1/s/2"}
    monkeypatch.setattr(ambient, "current", {**running, "extras": {}})
    assert event.safe_publish() is None
    monkeypatch.setattr(ambient, "current", {**running, "extras": {"is_deployed": True}})
    assert event.safe_publish()
    ((_, body),) = webhook.requests
    assert body["payload"]["pathspec"] == "F/1/s/2"
