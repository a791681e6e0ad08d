"""A proxy in front of a real server of objects that loses, cuts and changes what it passes on."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import urlsplit

PASS, BUSY, GONE, LOST, CUT, CUT_SILENTLY, FLIP = (
    "pass", "busy", "gone", "lost", "cut", "cut silently", "flip",
)  # fmt: skip
"""Pass on; say 503; close the connection without a word, before or after the server has done it;
close in the midst of the body; pretend that the first half is all; change a bit of the request."""


class Request(NamedTuple):
    method: str
    path: str
    """With its query."""


class Proxy:
    """Decides by request what happens to it, and remembers all requests."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream)
        self.requests: list[Request] = []
        self.decide: Callable[[Request, int], str] = lambda _request, _count: PASS
        """Given a request and how many there were like it, says what happens."""
        self.lock = threading.Lock()

    def failing(self, method: str, action: str, times: int = 10**9, path: str = "") -> None:
        """Let the first requests with a method and a part of a path go wrong."""

        def decide(request: Request, count: int) -> str:
            wanted = request.method == method and path in request.path
            return action if wanted and count < times else PASS

        self.requests.clear()
        self.decide = decide

    def count(self, method: str) -> int:
        return sum(request.method == method for request in self.requests)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def handle_any(self) -> None:
        request = Request(self.command, self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.proxy.lock:
            count = self.proxy.requests.count(request)
            self.proxy.requests.append(request)
        action = self.proxy.decide(request, count)
        if action == GONE:
            self.hang_up()
            return
        if action == BUSY:
            self.answer(503, [], b"<Error><Code>SlowDown</Code></Error>")
            return
        if action == FLIP:
            body = bytes([body[0] ^ 1]) + body[1:]
        status, headers, content = self.forward(body)
        if action == LOST:
            self.hang_up()
        elif action == CUT:
            self.answer(status, headers, content[: len(content) // 2], len(content))
            self.hang_up()
        elif action == CUT_SILENTLY:
            self.answer(status, headers, content[: len(content) // 2])
        else:
            self.answer(status, headers, content)

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self.handle_any
        raise AttributeError(name)

    def forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        upstream = self.proxy.upstream
        connection = http.client.HTTPConnection(upstream.hostname or "", upstream.port)
        try:
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():  # the host too, because it is signed
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            headers = [
                pair
                for pair in response.getheaders()
                if pair[0].lower() not in {"connection", "transfer-encoding", "content-length"}
                or (self.command == "HEAD" and pair[0].lower() == "content-length")
            ]
            return response.status, headers, response.read()
        finally:
            connection.close()

    def answer(
        self, status: int, headers: list[tuple[str, str]], content: bytes, length: int | None = None
    ) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)

    def hang_up(self) -> None:
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def log_message(self, *_parts: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_about: object) -> None:
        """A client that goes away is what these tests are about."""


@contextmanager
def proxy_in_front_of(endpoint: str) -> Iterator[tuple[Proxy, str]]:
    """Run a proxy; its own endpoint is given with it."""
    proxy = Proxy(endpoint)
    handler = type("OneHandler", (Handler,), {"proxy": proxy})
    server = Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield proxy, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
