"""Every call of the API, as schemathesis invents it, by somebody of every role: none is an error of ours.

``kartabl run`` with demo data serves them. The ids of what the person may see stand in the description that is tried,
and the forms of their tasks, so that calls come further than "not found". ``API_MINUTES=30`` says for how long in all.
The naive twin is a small application that takes every number for a place in its list.
"""

from __future__ import annotations

import copy
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.databases import SQLITE, drop_database, fresh_database, postgres_url
from tests.prove.attack_site import free_port
from tests.prove.protocol import Verdict
from tests.secret import SECRET_KEY

NAME = "api"
ROOT = Path(__file__).parents[2]
MINUTES = 30.0  # in all, unless API_MINUTES says otherwise
SHORT = 6  # seconds for each person
IN_SHORT = 3  # people
FOR_TWIN = 60  # seconds at most: its first failure ends it
CASES = 40
START_WITHIN = 120  # seconds
OWN = 12  # ids of each kind in the description
ERRORS_IN_LOG = re.compile(r"Traceback|reference [0-9a-f]{8}")


class Site:
    """A running ``kartabl run`` with demo data."""

    def __init__(self, url: str, folder: Path, *, cases: int) -> None:
        self._port, self._log = free_port(), folder / "log"
        self._environment = {
            **os.environ,
            "KARTABL_MODE": "demo",
            "KARTABL_DATABASE_URL": url,
            "KARTABL_SECRET_KEY": SECRET_KEY,
            "KARTABL_FILES_PATH": str(folder / "files"),
            "KARTABL_PUBLIC_URL": f"http://127.0.0.1:{self._port}",
        }
        self._kartabl("demo", "--cases", str(cases))
        self.people: list[dict[str, str]] = json.loads(self._kartabl("demo", "--list", "--json"))
        with self._log.open("wb") as log:
            self._server = subprocess.Popen(
                self._command("run", "--port", str(self._port)), env=self._environment, cwd=ROOT, stdout=log, stderr=log
            )
        self.base = f"http://127.0.0.1:{self._port}/api"
        self._wait()

    def errors(self) -> list[str]:
        """Lines of the log that tell of an error of ours."""
        return [line for line in self._log.read_text(errors="replace").splitlines() if ERRORS_IN_LOG.search(line)]

    def close(self) -> None:
        self._server.terminate()
        self._server.wait(60)

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-c", "import kartabl; kartabl.main()", *arguments]

    def _kartabl(self, *arguments: str) -> str:
        done = subprocess.run(
            self._command(*arguments), env=self._environment, cwd=ROOT, check=True, capture_output=True, text=True
        )
        return done.stdout

    def _wait(self) -> None:
        give_up = time.monotonic() + START_WITHIN
        while time.monotonic() < give_up:
            try:
                httpx.get(f"{self.base}/openapi.json")
            except httpx.TransportError:
                time.sleep(0.1)
            else:
                return
        raise TimeoutError(self._log.read_text(errors="replace")[-3000:])


def prove(database: str, *, short: bool, seed: int) -> Verdict:
    """Try every call as every person of the demo."""
    verdict = Verdict(harness=NAME, database=database, seed=seed)
    with tempfile.TemporaryDirectory(prefix="kartabl-api-") as name, _site(database, Path(name), short=short) as site:
        folder, seconds = Path(name), float(os.environ.get("API_MINUTES", MINUTES)) * 60
        people = list({person["role"]: person for person in reversed(site.people)}.values())  # one of each role
        people = people[:: max(1, len(people) // IN_SHORT)] if short else people
        each = SHORT if short else max(SHORT, int(seconds / len(people)))
        calls = 0
        for person in people:
            made, failures = _try_all(site.base, person, folder, each, seed)
            calls += made
            verdict.violations += [f"{person['username']}: {failure}" for failure in failures]
        verdict.violations += [f"in the log: {line}" for line in site.errors()]
        verdict.numbers = {"people": len(people), "calls": calls}
        verdict.twin_caught = _twin_fails(folder, seed)
    verdict.twin = "an id that it does not have is an error of its own"
    return verdict


@contextmanager
def _site(database: str, folder: Path, *, short: bool) -> Iterator[Site]:
    url = fresh_database(SQLITE if database == "sqlite" else postgres_url(), prepare=_nothing)
    site = Site(url, folder, cases=CASES // 4 if short else CASES)
    try:
        yield site
    finally:
        site.close()
        drop_database(url)


def _nothing(url: str) -> None:
    """A database without tables: the demo makes its own."""
    if not url.startswith("sqlite"):
        return
    sqlite3.connect(url.removeprefix("sqlite:///")).close()


def _try_all(base: str, person: dict[str, str], folder: Path, seconds: int, seed: int) -> tuple[int, list[str]]:
    """How many calls were made in the person's name, and which answers were errors of ours."""
    given = {"username": person["username"], "password": person["password"]}
    described = folder / f"{person['username']}.json"
    with httpx.Client(base_url=f"{base}/v1/", timeout=60) as api:
        answer = api.post("token", json=given)
        if answer.status_code != 200:
            return 1, [] if answer.status_code < 500 else [answer.text]
        api.headers["Authorization"] = token = f"Bearer {answer.json()['access_token']}"
        described.write_text(json.dumps(_own(httpx.get(f"{base}/openapi.json").json(), api)))
    more = ("--exclude-method", "DELETE", "-H", f"Authorization:{token}")  # the token must live
    return _schemathesis(described, f"{base}/v1", seconds, seed, *more)


def _own(description: dict[str, Any], api: httpx.Client) -> dict[str, Any]:
    """The description with the ids of what the person may see, and with the forms of their tasks."""
    own = copy.deepcopy(description)
    parameters, schemas = own["components"]["parameters"], own["components"]["schemas"]
    tasks = [*_items(api, "tasks"), *_items(api, "actions")]
    seen = {
        "task_id": [task["id"] for task in tasks],
        "number": [case["number"] for case in _items(api, "cases")],
        "process": [process["key"] for process in api.get("processes").json()],
    }
    for name, known in seen.items():
        if known:
            schema = parameters[name]["schema"]
            parameters[name]["schema"] = {"anyOf": [{"enum": known[:OWN]}, schema]}
    forms = [api.get(f"tasks/{task['id']}").json().get("form") for task in tasks[:OWN]]
    forms += [process["form"] for process in api.get("processes").json()]
    plain = [{name: value for name, value in form.items() if name != "$schema"} for form in forms if form]
    for schema in (schemas["Submission"], schemas["Start"]):
        if plain:
            values = schema["properties"]["values"]
            schema["properties"]["values"] = {"anyOf": [*plain, values]}
    if seen["process"]:
        schemas["Start"]["properties"]["process"] = {"anyOf": [{"enum": seen["process"]}, {"type": "string"}]}
    return own


def _items(api: httpx.Client, path: str) -> list[dict[str, Any]]:
    answer = api.get(path, params={"limit": 100})
    return list(answer.json()["items"]) if answer.status_code == 200 else []


def _schemathesis(description: Path, url: str, seconds: int, seed: int, *more: str) -> tuple[int, list[str]]:
    """Calls made, and the failures that schemathesis told."""
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", str(description), "--url", url]
    command += ["--checks", "not_a_server_error", "--continue-on-failure", "--phases", "coverage,fuzzing,stateful"]
    command += ["--max-time", str(seconds), "--seed", str(seed), "--no-color", "--warnings", "off"]
    command += ["--request-timeout", "60", "--suppress-health-check", "all", *more]
    done = subprocess.run(command, cwd=description.parent, capture_output=True, text=True, timeout=seconds * 3 + 300)
    said = done.stdout + done.stderr
    (description.with_suffix(".txt")).write_text(said)
    made = re.search(r"(\d[\d,]*) generated", said)
    failures = (
        re.findall(r"(?m)^(?:_+ (.+?) _+$|\s*- (?:Server error|.*[Tt]imeout.*))", said) if done.returncode else []
    )
    if done.returncode and not failures:
        failures = [said[-1500:]]
    if failures:
        failures.append(said[-3000:])
    return int(made[1].replace(",", "")) if made else 0, failures


class _Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass


def _twin_fails(folder: Path, seed: int) -> bool:
    """Whether schemathesis sees what an application does that looks up any number."""
    app, rows = Flask("twin"), ["the first", "the second"]
    app.logger.disabled = True

    @app.get("/rows/<int:row>")
    def look_up(row: int) -> str:
        return rows[row]

    schema = {"type": "integer", "minimum": 0}
    call = {
        "parameters": [{"name": "row", "in": "path", "required": True, "schema": schema}],
        "responses": {"200": {"description": "a row"}},
    }
    info = {"title": "twin", "version": "1"}
    described = folder / "twin.json"
    described.write_text(json.dumps({"openapi": "3.1.0", "info": info, "paths": {"/rows/{row}": {"get": call}}}))
    server = make_server("127.0.0.1", 0, app, request_handler=_Silent)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        _made, failures = _schemathesis(
            described, f"http://127.0.0.1:{server.port}", FOR_TWIN, seed, "--max-failures", "1"
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    return bool(failures)
