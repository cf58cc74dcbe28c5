"""People at the API, in threads: they start cases, do tasks and pay, and repeat what was not answered."""

from __future__ import annotations

import http.client
import json
import random
import re
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.play import PASSWORD
from tests.prove.oracle import Told

PATIENCE = 10  # seconds for one answer
REPEATS = 40  # of a call that is answered with an error
REFUSED = (404, 409, 422)
BUSY = 503  # the honest page: nothing was saved, please repeat


class NoAnswer(Exception):
    """Nobody answered, the answer broke off, or it was asked to repeat the call: it is to be made again."""


class Client(threading.Thread):
    """One person: contractor and finance clerk at once. ``wanted`` says whether one more case may be started."""

    def __init__(self, name: str, ports: list[int], told: Told, *, seed: int, wanted: Callable[[], bool]) -> None:
        super().__init__(name=name, daemon=True)
        self.stopped = threading.Event()
        self.calls = 0
        self.unanswered = 0
        self.turned_away = 0  # answered 503
        self._ports = ports
        self._told = told
        self._random = random.Random(seed)
        self._wanted = wanted
        self._token = ""

    def run(self) -> None:
        while not self.stopped.is_set():
            try:
                if not self._token:
                    self._sign_in()
                self._look()
            except NoAnswer:
                time.sleep(0.05)

    def _sign_in(self) -> None:
        status, body = self._call("POST", "/api/v1/token", {"username": self.name, "password": PASSWORD})
        if status == 200:
            self._token = body["access_token"]
        else:
            self._told.errors.append(f"{status} at the sign-in: {body}")
            self.stopped.set()

    def _look(self) -> None:
        """Look at the worklist and do one thing of it, or start a case."""
        status, body = self._call("GET", "/api/v1/tasks?limit=40")
        if status != 200:
            return
        tasks = [task for task in body["items"] if task["key"] != "cancel_payment"]
        if self._wanted() and (len(tasks) < 3 or self._random.random() < 0.1):
            self._start()
        elif not tasks:
            time.sleep(0.05)
        else:
            task = self._random.choice(tasks)
            if task["key"] == "payment_returned":
                self._pay(task)
            else:
                self._complete(task)

    def _start(self) -> None:
        status, body = self._until_answered("/api/v1/cases", {"process": "proof"})
        if status == 201:
            self._told.started.add(body["case"]["number"])
        else:
            self._told.errors.append(f"{status} at the start of a case: {body}")

    def _complete(self, task: dict[str, Any]) -> None:
        """Complete a task; mostly with a key to repeat it by, else the task is looked up again."""
        mark = uuid.uuid4().hex
        values: dict[str, Any] = {"ref": mark}
        if task["key"] == "left":
            values["again"] = self._random.random() < 0.4
        path, sent = f"/api/v1/tasks/{task['id']}/complete", {"values": values}
        if self._random.random() < 0.7:
            status, body = self._until_answered(path, sent)
        else:
            status, body = self._call("POST", path, sent)  # unanswered: the next look at the worklist tells
        if status == 200:
            self._told.completed.add(mark)
        elif status in REFUSED:
            self._told.refused.add(mark)
            if body.get("code") not in ("task_not_open", "not_found", "conflict", "task_claimed"):
                self._told.errors.append(f"{status} {body} at {task['key']}")

    def _pay(self, task: dict[str, Any]) -> None:
        """Pay (mostly) at the gateway's page and (mostly) come back from it."""
        status, body = self._call("GET", f"/api/v1/tasks/{task['id']}")
        if status != 200 or not body["links"]:
            return
        page = urlsplit(body["links"][0]["url"]).path
        decision = self._random.choices(["pay", "fail", "cancel"], [8, 1, 1])[0]
        answer, text = self._ask("GET", page)
        found = re.search(r'name="csrf_token" value="([^"]+)"', text)
        if found is None:
            return
        cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
        form = urlencode({"decision": decision, "csrf_token": found[1]})
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
        answer, _text = self._ask("POST", page, form, headers)
        back = urlsplit(answer.getheader("Location") or "")
        if answer.status == 303 and self._random.random() < 0.85:
            self._ask("GET", f"{back.path}?{back.query}")

    def _until_answered(self, path: str, sent: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Repeat a call under one key until it is answered."""
        key = uuid.uuid4().hex
        tries = 0
        while tries < REPEATS:
            try:
                status, body = self._call("POST", path, sent, key=key)
            except NoAnswer:
                tries += self.stopped.is_set()  # until then somebody will answer, sooner or later
            else:
                if 200 <= status < 500 and body.get("code") != "conflict":
                    return status, body
                tries += 1
            time.sleep(0.05)
        return 0, {"code": "never answered"}

    def _call(
        self, method: str, path: str, sent: dict[str, Any] | None = None, *, key: str = ""
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        if key:
            headers["Idempotency-Key"] = key
        if sent is not None:
            headers["Content-Type"] = "application/json"
        answer, text = self._ask(method, path, json.dumps(sent) if sent is not None else None, headers)
        try:
            body = json.loads(text)
        except ValueError:
            self._told.errors.append(f"{answer.status} without JSON at {method} {path}: {text[:100]!r}")
            body = {}
        return answer.status, body

    def _ask(
        self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[http.client.HTTPResponse, str]:
        """One request to one of the web processes, whole or not at all. Raises ``NoAnswer``."""
        connection = http.client.HTTPConnection("127.0.0.1", self._random.choice(self._ports), timeout=PATIENCE)
        self.calls += 1
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            self.unanswered += 1
            raise NoAnswer from error
        finally:
            connection.close()
        if answer.status == BUSY:
            self.turned_away += 1
            raise NoAnswer(text)
        if answer.status >= 500:
            self._told.errors.append(f"{answer.status} at {method} {path}: {text[:200]}")
        return answer, text
