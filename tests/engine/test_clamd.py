"""The client of clamd: only a whole, clear answer is a verdict; everything else is none, within its time (DOC-1)."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.uploads.clamd import CHUNK, PING_EVERY, Clamd, ScannerFailed
from tests.clamd import VIRUS, StandIn, stand_in

pytestmark = pytest.mark.rule("DOC-1")

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
CLAMD = shutil.which("clamd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


@pytest.fixture
def scanner() -> Iterator[StandIn]:
    with stand_in() as served:
        yield served


def scan(scanner: StandIn, content: bytes, *, within: float = 5.0) -> str:
    return Clamd(scanner.address, within=within).scan(io.BytesIO(content))


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7])
def test_the_whole_file_arrives_in_chunks(scanner: StandIn, size: int) -> None:
    content = os.urandom(size)
    assert scan(scanner, content) == ""
    assert scanner.received == [content]


def test_what_was_found_is_said_in_the_scanners_words(scanner: StandIn) -> None:
    assert scan(scanner, b"%" * CHUNK + VIRUS) == "Test.Virus-1"
    scanner.answer = b"stream: Win.Test.EICAR_HDB-1(44d88612:68) FOUND\0"
    assert scan(scanner, b"x") == "Win.Test.EICAR_HDB-1(44d88612:68)"


def test_it_speaks_over_a_unix_socket() -> None:
    with tempfile.TemporaryDirectory() as folder, stand_in(Path(folder)) as scanner:
        assert scan(scanner, VIRUS) == "Test.Virus-1"
        assert Clamd(scanner.address).answers()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"stream: OK",  # cut off
        b"stream: O\0",
        b"stream: ",
        b"OK\0",
        b"stream: OK\0stream: Test.Virus-1 FOUND\0",
        b"stream: OK\nstream: Test.Virus-1 FOUND\0",
        b"stream: FOUND\0",
        b"stream:  FOUND\0",
        b"stream: Can't allocate memory ERROR\0",
        b"UNKNOWN COMMAND\0",
        b"HTTP/1.1 200 OK\r\n\r\nstream: OK\0",
        b"\xff\xfe\x00",
        b"x" * 5_000,
    ],
)
def test_anything_else_is_no_verdict(scanner: StandIn, answer: bytes) -> None:
    scanner.answer = answer
    with pytest.raises(ScannerFailed):
        scan(scanner, b"harmless")


def test_a_file_that_is_larger_than_it_takes_says_what_to_set(scanner: StandIn) -> None:
    scanner.takes = 2 * CHUNK
    with pytest.raises(ScannerFailed, match="StreamMaxLength"):
        scan(scanner, b"%" * (2 * CHUNK + 1))


@pytest.mark.parametrize("how", ["silent", "trickles"])
def test_a_slow_scanner_is_left_in_time(scanner: StandIn, how: str) -> None:
    setattr(scanner, how, True)
    began = time.monotonic()
    with pytest.raises(ScannerFailed, match="timed out"):
        scan(scanner, b"harmless", within=0.3)
    assert time.monotonic() - began < 4


def test_nobody_there_is_no_verdict() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for address in (f"tcp://127.0.0.1:{port}", "unix:///nowhere/clamd.ctl"):
        with pytest.raises(ScannerFailed, match="does not answer"):
            Clamd(address).scan(io.BytesIO(b"harmless"))
        assert not Clamd(address).answers()


def test_pings_are_seldom(scanner: StandIn) -> None:
    now = [0.0]
    clamd = Clamd(scanner.address, elapsed=lambda: now[0])
    assert clamd.answers()
    assert clamd.answers()
    assert scanner.pings == 1
    now[0] += PING_EVERY
    assert clamd.answers()
    assert scanner.pings == 2


@pytest.mark.skipif(CLAMD is None, reason="clamd of Debian's package clamav-daemon is not installed")
def test_a_real_clamd_knows_the_eicar_test_file() -> None:
    """Its own list of signatures has this one file, so that the test needs no download."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "db").mkdir()
        (folder / "db" / "test.hdb").write_text(f"{hashlib.md5(EICAR, usedforsecurity=False).hexdigest()}:68:Eicar\n")
        settings = {
            "LocalSocket": folder / "c.sock",
            "DatabaseDirectory": folder / "db",
            "Foreground": "yes",
            "StreamMaxLength": "1M",
            "MaxThreads": 2,
        }
        (folder / "clamd.conf").write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
        with subprocess.Popen([str(CLAMD), f"--config-file={folder / 'clamd.conf'}"], stdout=subprocess.DEVNULL) as run:
            try:
                clamd = Clamd(f"unix://{folder / 'c.sock'}")
                ends = time.monotonic() + 60
                while not Clamd(f"unix://{folder / 'c.sock'}").answers():
                    assert run.poll() is None, "clamd ended"
                    assert time.monotonic() < ends, "clamd did not begin"
                    time.sleep(0.1)
                assert clamd.scan(io.BytesIO(b"harmless")) == ""
                assert clamd.scan(io.BytesIO(EICAR)).startswith("Eicar")
                with pytest.raises(ScannerFailed, match="StreamMaxLength"):
                    clamd.scan(io.BytesIO(b"%" * 1_200_000))
            finally:
                run.send_signal(signal.SIGTERM)
