"""Speaks Google's XML interface in front of an S3 server: what differs is translated.

The two interfaces have the same paths, bodies and answers. Different are the signature, which
the server gets from here, and the condition that there is no object yet.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import http.client
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

NO_OBJECT_YET = "x-goog-if-generation-match"
SIGNED_PARAMETERS = {"delete", "partNumber", "uploadId", "uploads"}
PASSED_ON = ("Content-Type", "Content-MD5", "Range", "If-Match", "If-None-Match")
NOT_PASSED_BACK = {"connection", "transfer-encoding", "content-length", "date", "server"}


class Front(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    upstream: tuple[str, int]
    keys: tuple[str, str]

    def __getattr__(self, name: str):
        if name.startswith("do_"):
            return self.serve
        raise AttributeError(name)

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: self.headers[name] for name in PASSED_ON if self.headers[name]}
        if self.headers.get(NO_OBJECT_YET) == "0":
            headers["If-None-Match"] = "*"
        headers["Date"] = formatdate(usegmt=True)
        headers["Authorization"] = self.signature(headers)
        headers["Content-Length"] = str(len(body))
        connection = http.client.HTTPConnection(*self.upstream)
        try:
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in NOT_PASSED_BACK:
                    self.send_header(name, value)
            is_head = self.command == "HEAD"
            length = answer.getheader("Content-Length") or "0" if is_head else str(len(content))
            self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(content)
        finally:
            connection.close()

    def signature(self, headers: dict[str, str]) -> str:
        path, _, query = self.path.partition("?")
        signed = []
        for part in sorted(query.split("&")):
            name, _, value = part.partition("=")
            if name in SIGNED_PARAMETERS:
                signed.append(f"{name}={value.replace('%7E', '~')}" if value else name)
        resource = path + ("?" + "&".join(signed) if signed else "")
        text = "\n".join(
            (
                self.command,
                headers.get("Content-MD5", ""),
                headers.get("Content-Type", ""),
                headers["Date"],
                resource,
            )
        )
        access_key, secret_key = self.keys
        digest = hmac.new(secret_key.encode(), text.encode(), hashlib.sha1).digest()
        return f"AWS {access_key}:{base64.b64encode(digest).decode()}"

    def log_message(self, *_parts: object) -> None:
        """What goes by is of no interest."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--keys", nargs=2, required=True)
    options = parser.parse_args()
    upstream = urlsplit(options.upstream)
    Front.upstream = upstream.hostname or "", upstream.port or 80
    Front.keys = options.keys[0], options.keys[1]
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Front)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
