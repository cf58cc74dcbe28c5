"""A stand-in for clamd: speaks its protocol on a socket, and misbehaves as a test asks."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

VIRUS = b"%a virus of this test"


class StandIn:
    """``answer``: ``None`` to look for ``VIRUS``, else the bytes that it sends after a whole file."""

    def __init__(self, listening: socket.socket, address: str) -> None:
        self.address = address
        self.answer: bytes | None = None
        self.takes = 25_000_000  # bytes of one file
        self.silent = False
        self.trickles = False  # one byte of its answer, and nothing more
        self.received: list[bytes] = []
        self.pings = 0
        self._listening = listening
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._listening.close()
        self._thread.join(5)

    def _serve(self) -> None:
        self._listening.settimeout(0.05)
        while not self._ended.is_set():
            try:
                connection, _peer = self._listening.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            with closing(connection):
                connection.settimeout(5)
                self._speak(connection)

    def _speak(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as reading:
            command = b""
            while not command.endswith(b"\0"):
                more = reading.read(1)
                if not more:
                    return
                command += more
            if self.silent:
                self._ended.wait(5)
            elif command == b"zPING\0":
                self.pings += 1
                connection.sendall(b"PONG\0")
            elif command == b"zINSTREAM\0":
                self._scan(connection, reading)
            else:
                connection.sendall(b"UNKNOWN COMMAND\0")

    def _scan(self, connection: socket.socket, reading: object) -> None:
        content = b""
        while True:
            (length,) = struct.unpack("!I", reading.read(4))  # type: ignore[attr-defined]
            if length == 0:
                break
            if len(content) + length > self.takes:
                connection.sendall(b"INSTREAM size limit exceeded. ERROR\0")
                return
            content += reading.read(length)  # type: ignore[attr-defined]
        self.received.append(content)
        answer = self.answer
        if answer is None:
            answer = b"stream: Test.Virus-1 FOUND\0" if VIRUS in content else b"stream: OK\0"
        if self.trickles:
            connection.sendall(answer[:1])
            self._ended.wait(5)
        connection.sendall(answer)


@contextmanager
def stand_in(folder: Path | None = None) -> Iterator[StandIn]:
    """A stand-in on a Unix socket in the folder, else on a TCP port of its own."""
    if folder is None:
        listening = socket.create_server(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{listening.getsockname()[1]}"
    else:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(str(folder / "c.sock"))
        listening.listen()
        address = f"unix://{folder / 'c.sock'}"
    served = StandIn(listening, address)
    try:
        yield served
    finally:
        served.stop()
