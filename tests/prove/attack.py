"""Attacks on a running installation, through its own server and through nginx, by strangers and by its own people.

``ATTACKS=uploads,smuggling`` runs some of them only. What is attacked is in ``attack_site``, the attacks are in the
folder ``attacks``. The naive twin is a small page behind waitress as it comes and werkzeug's ProxyFix, as Kartabl once
was served: slow connections and forged addresses are tried on it, too, and must succeed there.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from flask import Flask, request
from waitress import wasyncore
from waitress.server import create_server
from werkzeug.middleware.proxy_fix import ProxyFix

from tests.prove.attack_site import attacked
from tests.prove.attacks import all_attacks
from tests.prove.attacks.connections import SLOW
from tests.prove.protocol import Verdict

NAME = "attack"
PROCESSES = 2
TOO_MANY = 120  # connections: more than waitress takes


def prove(database: str, *, short: bool, seed: int) -> Verdict:
    """Every attack, one after the other, on one installation."""
    verdict = Verdict(harness=NAME, database=database, seed=seed)
    named = os.environ.get("ATTACKS", "").split(",")
    attacks = [one for one in all_attacks() if named == [""] or one.run.__name__ in named]
    verdict.numbers["attacks"] = len(attacks)
    with (
        tempfile.TemporaryDirectory(prefix="kartabl-attack-") as folder,
        attacked(database, Path(folder), processes=PROCESSES, short=short) as target,
    ):
        for one in attacks:
            began = time.monotonic()
            broken = list(one.run(target))
            print(f"  {time.monotonic() - began:5.1f} s {one.run.__name__}", file=sys.stderr, flush=True)
            verdict.violations += [f"{one.promise}: {sentence}" for sentence in broken]
        verdict.violations += [f"in the log: {line}" for line in target.log().splitlines() if "Traceback" in line]
        verdict.numbers |= target.numbers
    held_up, as_proxy = twin_falls()
    verdict.twin = f"page kept away: {_word(held_up)}, all clients one address: {_word(as_proxy)}"
    verdict.twin_caught = held_up and as_proxy
    return verdict


def twin_falls() -> tuple[bool, bool]:
    """Whether slow heads keep a page of the twin away, and whether it takes every client of a proxy for the proxy."""
    app = Flask("twin")
    app.add_url_rule("/", "who", lambda: str(request.remote_addr))
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1)  # type: ignore[method-assign]
    server: Any = create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    port = int(server.effective_port)
    as_proxy = _get(port) == "127.0.0.1"
    with contextlib.ExitStack() as held:
        for _one in range(TOO_MANY):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
            connection.sendall(SLOW["heads"])
        held_up = _get(port) is None
    server.trigger.pull_trigger(lambda: wasyncore.close_all(server._map))
    thread.join()
    server.task_dispatcher.shutdown()
    return held_up, as_proxy


def _get(port: int) -> str | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/", headers={"X-Forwarded-For": "192.0.2.7"})
            return connection.getresponse().read().decode()
        except OSError:
            return None


def _word(happened: bool) -> str:
    return "yes" if happened else "no"
