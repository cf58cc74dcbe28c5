"""The real web application with its worker in a process of its own, and the users who work with it."""

from __future__ import annotations

import contextlib
import http.client
import logging
import os
import resource
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask, redirect
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

import webapp
from models.account import Person
from tests.engine.test_documents import PDF
from tests.prove.forks import _fork
from tests.prove.place import Place
from webapp.serving import server

CSRF = "token-of-this-session"
SAVED, REFUSED, ALREADY = "saved", "nothing was saved", "saved before"
HONEST = "چیزی ثبت نشد"
BOUNDARY = "kartabl-boundary"
CASES = 60  # more than the users get through
BETWEEN = 0.25  # seconds between two works of one user
SMALL_FILE = 4_096  # bytes: what a process may write into one file while the disk is full


class Site:
    """Forked: serves pages on ``port`` over the database at ``through``; ``url`` leads to the same one directly."""

    def __init__(self, url: str, through: str, folder: Path, *, naive: bool) -> None:
        self.url, self.folder, self.lines, self.last_words = url, folder, 0, ""
        self.control = folder / "control"
        self.control.mkdir()
        self._prepare()
        self._listening = server.listen("127.0.0.1", 0)
        self.port = self._listening.getsockname()[1]
        reading, writing = os.pipe()
        self._pid = _fork()
        if self._pid == 0:
            os.close(reading)
            self._serve(through, writing, naive=naive)
        os.close(writing)
        self._listening.close()
        threading.Thread(target=self._read_log, args=(reading,), daemon=True).start()

    def close(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    def _prepare(self) -> None:
        place = Place(self.url, self.folder)
        with place.engine.transaction() as session:
            person = session.query(Person).filter_by(username="ali").one()
            token = place.application.accounts.open_session(session, person, now=place.clock(), kind="browser")
        browser = webapp.create_app(place.application).test_client()
        with browser.session_transaction() as cookie:
            cookie["csrf_token"], cookie["token"] = CSRF, token
        found = browser.get_cookie("kartabl")
        assert found is not None
        self.cookie = f"kartabl={found.value}"
        self.tasks = [place.open(place.start())["write"] for _ in range(CASES)]
        place.close()

    def _read_log(self, reading: int) -> None:
        with os.fdopen(reading, "r", errors="replace") as log:
            for line in log:
                self.lines += 1
                self.last_words = line.strip()[:300]

    def _serve(self, through: str, log: int, *, naive: bool) -> None:
        try:
            for fd in (1, 2):
                os.dup2(log, fd)
            sys.stderr = os.fdopen(log, "w", buffering=1)
            logging.basicConfig(level=logging.WARNING, stream=sys.stderr, force=True)
            logging.getLogger("waitress.queue").setLevel(logging.ERROR)
            place = Place(through, self.folder)
            event.listen(place.database, "checkout", self._obey)
            app = webapp.create_app(place.application)
            if naive:
                _swallow(app)
            place.worker.start()
            server.create_server(app, self._listening, threads=6).run()
        finally:
            os._exit(1)

    def _obey(self, connection: Any, *_more: Any) -> None:
        """The disk is full while the proof says so."""
        full = (self.control / "full").exists()
        _soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        no_files = (self.control / "no files").exists()
        resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL_FILE if no_files else hard, hard))
        if hasattr(connection, "in_transaction") and "sqlite3" in type(connection).__module__:
            pages = connection.execute("PRAGMA page_count").fetchone()[0] if full else 2**30
            connection.execute(f"PRAGMA max_page_count={pages}")


def _swallow(app: Flask) -> None:
    """The naive twin: whatever the database says, the user hears that all is well."""
    app.register_error_handler(DBAPIError, lambda _error: redirect("/worklist", 303))


class User(threading.Thread):
    """Completes one task after the other, and repeats what was not saved."""

    def __init__(
        self, site: Site, tasks: list[int], *, with_file: bool, told: Callable[[str, float, int], None]
    ) -> None:
        super().__init__(daemon=True)
        self._site, self._tasks, self._with_file, self._told = site, tasks, with_file, told
        self.stopping = threading.Event()
        self.done: list[int] = []

    def run(self) -> None:
        for task in self._tasks:
            if self.stopping.is_set():
                return
            while (answer := self._send(task)) == REFUSED:
                time.sleep(0.2)
            if answer in (SAVED, ALREADY):
                self.done.append(task)
            time.sleep(BETWEEN)

    def _send(self, task: int) -> str:
        began = time.monotonic()
        try:
            answer = self._post(task)
        except (OSError, http.client.HTTPException) as error:
            answer = f"no answer: {type(error).__name__}"
        self._told(answer, time.monotonic() - began, task)
        return answer

    def _post(self, task: int) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self._site.port, timeout=30)
        with contextlib.closing(connection):
            headers = {"Cookie": self._site.cookie, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
            connection.request("POST", f"/tasks/{task}", body=self._body(), headers=headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        if answer.status == 303:
            return SAVED
        if answer.status == 503 and HONEST in text and 'lang="fa"' in text:
            return REFUSED
        if answer.status == 409:
            return ALREADY
        return f"answer {answer.status}"

    def _body(self) -> bytes:
        parts = [_part("csrf_token", CSRF.encode()), _part("note", "متن".encode())]
        if self._with_file:
            padding = uuid.uuid4().bytes * 1_000
            parts.append(_part("paper", PDF[:9] + padding + PDF[9:], file="paper.pdf"))
        return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def _part(name: str, content: bytes, *, file: str = "") -> bytes:
    named = f'; filename="{file}"' if file else ""
    kind = "\r\nContent-Type: application/pdf" if file else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}{kind}\r\n\r\n'
    return head.encode() + content + b"\r\n"
