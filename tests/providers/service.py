"""A small HTTP server for the stand-ins of outside services, with the faults that such services have."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

Fault = Literal[
    "timeout_before",  # nothing is done, and nothing answered
    "timeout_after_work",  # done, and nothing answered
    "drip",  # done; the answer comes letter by letter
    "cut",  # done; the answer breaks off
    "500",  # nothing is done
    "500_after_work",
    "garbage",  # done; the answer is a web page
    "not_utf8",
    "array",  # done; the answer is JSON of another shape
    "empty",
    "too_big",
    "packed",
    "deep",
    "redirect",
]
BEFORE_WORK = ("timeout_before", "500", "redirect")

BODIES: dict[str, tuple[int, bytes]] = {
    "500": (500, b'{"data": {"code": 100}, "return": {"status": 200}}'),
    "500_after_work": (502, b"<html>Bad Gateway</html>"),
    "garbage": (200, "<html>در دست تعمیر</html>".encode()),
    "not_utf8": (200, b'{"data": "\xff\xfe"}'),
    "array": (200, b'[1, null, "x"]'),
    "empty": (200, b""),
    "deep": (200, b"[" * 200_000),
}


class Service:
    """Runs while it is entered. ``next_fault`` spoils the next answer; ``requests`` are all that came."""

    def __init__(self) -> None:
        self.next_fault: Fault | None = None
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.lock = threading.Lock()
        self._ended = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def read(self, raw: bytes, content_type: str) -> dict[str, Any]:
        """The values of a request; the service's own way of writing them."""
        raise NotImplementedError

    def answer(self, path: str, values: dict[str, Any]) -> tuple[int, Any]:
        """Do what is asked, under ``lock``; the HTTP status and the JSON answer."""
        raise NotImplementedError

    def handle(self, path: str, values: dict[str, Any]) -> tuple[Fault | None, int, bytes]:
        with self.lock:
            fault, self.next_fault = self.next_fault, None
            self.requests.append((path, values))
            status, body = (0, b"") if fault in BEFORE_WORK else self._worked(path, values)
        if fault in BODIES:
            status, body = BODIES[fault]
        elif fault == "too_big":
            body = b" " * 1024 * 1024 + body  # right to the letter, and more than anybody should read
        return fault, status, body

    def hang(self) -> None:
        """Answer nothing as long as the server is there: whoever goes on has given up by themselves."""
        self._ended.wait()

    def _worked(self, path: str, values: dict[str, Any]) -> tuple[int, bytes]:
        status, body = self.answer(path, values)
        return status, json.dumps(body, ensure_ascii=False).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away in the middle is what the tests are about: nothing to report."""


def _handler(service: Service) -> type["_Handler"]:
    return type("Handler", (_Handler,), {"service": service})


class _Handler(BaseHTTPRequestHandler):
    service: Service

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        values = self.service.read(self.rfile.read(length), self.headers.get("Content-Type", ""))
        fault, status, body = self.service.handle(self.path, values)
        if fault in ("timeout_before", "timeout_after_work"):
            self.service.hang()
        elif fault == "redirect":
            self._head(307, Location=f"{self.service.url}{self.path}")
        elif fault == "drip":
            self._drip(status, body)
        else:
            packing = {"Content-Encoding": "gzip"} if fault == "packed" else {}
            self._head(status, **{"Content-Length": str(len(body))}, **packing)
            self.wfile.write(body[: len(body) // 2] if fault == "cut" else body)

    def _head(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _drip(self, status: int, body: bytes) -> None:
        self._head(status, **{"Content-Length": str(len(body))})
        for position in range(len(body)):
            self.wfile.write(body[position : position + 1])
            self.wfile.flush()
            time.sleep(0.05)

    def log_message(self, format: str, *args: Any) -> None:
        pass
