"""A client of clamd, the daemon of ClamAV: asks it whether a file is known to be harmful (its manual: clamd(8))."""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO
from urllib.parse import urlsplit

WITHIN = 25.0  # seconds for a whole file: less than a worker's lease, and than what a stopping process has
PING_WITHIN = 2.0  # seconds: a page waits for it
PING_EVERY = 15.0  # seconds between two pings of one process: whoever asks more often gets the last answer
CHUNK = 65_536  # bytes
LONGEST_ANSWER = 4_096  # bytes
_LENGTH = struct.Struct("!I")
_FOUND = re.compile(r"stream: (\S(?:.*\S)?) FOUND")
_TOO_LARGE = "INSTREAM size limit exceeded. ERROR"


class ScannerFailed(Exception):
    """There is no verdict: the scanner is away, is slow, has an error, or answers something else."""


class Clamd:
    """The scanner at one address, ``tcp://host:port`` or ``unix:///path``. Safe for many threads."""

    def __init__(self, address: str, *, within: float = WITHIN, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._address = address
        self._within = within
        self._elapsed = elapsed
        self._lock = threading.Lock()
        self._answered = False
        self._asked: float | None = None

    def scan(self, file: IO[bytes]) -> str:
        """What the scanner found in the file, in its own words; ``""``: nothing. Raises ``ScannerFailed``.

        The answer must be whole: one that is cut off is no verdict.
        """
        answer = self._ask(b"zINSTREAM\0", _in_chunks(file), self._within)
        if answer == "stream: OK":
            return ""
        if found := _FOUND.fullmatch(answer):
            return found[1]
        if answer == _TOO_LARGE:
            raise ScannerFailed("The file is larger than the scanner takes (StreamMaxLength of clamd.conf)")
        raise ScannerFailed(f"The scanner says {answer[:200]!r}")

    def answers(self) -> bool:
        """Whether the scanner answered a ping, at most ``PING_EVERY`` seconds ago."""
        with self._lock:
            now = self._elapsed()
            if self._asked is None or now - self._asked >= PING_EVERY:
                self._answered = self._ping()
                self._asked = now
            return self._answered

    def _ping(self) -> bool:
        try:
            return self._ask(b"zPING\0", iter(()), PING_WITHIN) == "PONG"
        except ScannerFailed:
            return False

    def _ask(self, command: bytes, parts: Iterator[bytes], within: float) -> str:
        deadline = time.monotonic() + within
        try:
            with self._connected(deadline) as connection:
                # A scanner that takes no more says so and closes: what it said is read though sending failed.
                with suppress(BrokenPipeError, ConnectionResetError):
                    _send(connection, command, deadline)
                    for part in parts:
                        _send(connection, part, deadline)
                return _answer(connection, deadline)
        except OSError as error:
            raise ScannerFailed(f"The scanner does not answer: {error}") from error

    @contextmanager
    def _connected(self, deadline: float) -> Iterator[socket.socket]:
        parts = urlsplit(self._address)
        if parts.scheme == "tcp":
            with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=_left(deadline)) as opened:
                yield opened
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as opened:
            opened.settimeout(_left(deadline))
            opened.connect(parts.path)
            yield opened


def _in_chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield _LENGTH.pack(len(chunk)) + chunk
    yield _LENGTH.pack(0)


def _send(connection: socket.socket, part: bytes, deadline: float) -> None:
    connection.settimeout(_left(deadline))
    connection.sendall(part)


def _answer(connection: socket.socket, deadline: float) -> str:
    read = b""
    while b"\0" not in read:
        connection.settimeout(_left(deadline))
        more = connection.recv(LONGEST_ANSWER)
        if not more:
            raise ScannerFailed(f"The scanner's answer is cut off after {read[:200]!r}")
        read += more
        if len(read) > LONGEST_ANSWER:
            raise ScannerFailed(f"The scanner's answer has no end: {read[:200]!r}")
    answer, _end, rest = read.partition(b"\0")
    if rest:
        raise ScannerFailed(f"The scanner says more than one thing: {read[:200]!r}")
    return answer.decode("utf-8", "replace")


def _left(deadline: float) -> float:
    """Seconds until the deadline. Raises ``TimeoutError`` after it."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left
