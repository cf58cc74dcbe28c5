"""The processes under proof: ``kartabl run`` and ``kartabl worker``, forked from a process that has imported them.

``python -m tests.prove.site`` reads orders from its standard input, one JSON object a line, and answers each with
one. Nothing of the application is changed but its clock, which runs faster, its SMS provider, which writes
down what it sends, and its diagrams: the real payment and a proof of its own. A naive twin is asked for by ``naive``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

import kartabl
import webapp
from engine.actor import SYSTEM
from engine.deployment import checking
from engine.settings import Settings
from models.account import Person, RoleGrant
from tests.play import PASSWORD
from tests.prove import naive, proof
from tests.prove.world import TelephoneCompany, World
from tests.secret import SECRET_KEY
from workflows.registry import operations

HERE = Path(__file__).parent
PACE = 20  # seconds of the application in one second: a lease of a minute ends after three
RECONCILE_EVERY = 5  # seconds

assert proof.__name__  # importing it registers the proof's operations


class ProofApplication(kartabl.Application):
    """The application with the diagrams of the proof."""

    def deploy(self, *folders: Path, by: int | None = None) -> checking.Bundle:
        with_proof = Path(os.environ["PROVE_FOLDER"]) / "diagrams"
        return super().deploy(*(folders or (with_proof,)), by=by)


def application() -> kartabl.Application:
    """What ``kartabl.application_from_environment`` gives, for the proof."""
    settings, chosen = kartabl.read_settings(os.environ)
    began = float(os.environ["PROVE_BEGAN"])

    def now() -> datetime:
        return datetime.fromtimestamp(began, UTC) + timedelta(seconds=(time.time() - began) * PACE)

    is_naive = os.environ["PROVE_NAIVE"] == "yes"
    if is_naive:
        vars(kartabl)["operations"] = naive.send_inside(operations)
    first = kartabl.build(settings, chosen, now=now)
    services = replace(first.engine.services, sms=TelephoneCompany(World(Path(os.environ["PROVE_FOLDER"]))))
    first.database.dispose()
    built = kartabl.build(settings, chosen, now=now, services=services)
    if is_naive:
        naive.save_state_first(built.database)
    return ProofApplication(**vars(built))


def prepare(people: list[str]) -> None:
    """A database with schema, diagrams and people; each is contractor and finance clerk at once."""
    made = application()
    kartabl.prepare(made)
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with made.engine.transaction() as session:
        made.engine.offers.offer_all(session, made.engine.definitions, by=SYSTEM, now=made.clock())
        for name in people:
            roles = [RoleGrant(role=role) for role in ("contractor", "finance")]
            session.add(
                Person(
                    username=name,
                    password_hash=quick,
                    first_name="نام",
                    last_name=name,
                    mobile=None,
                    created_at=made.clock(),
                    mobile_verified=True,
                    roles=roles,
                )
            )
    made.database.dispose()


def run(arguments: list[str]) -> None:
    """A command of ``kartabl`` with the proof's application."""
    kartabl.application_from_environment = application
    kartabl.RECONCILE_EVERY = RECONCILE_EVERY
    kartabl.main(args=arguments, standalone_mode=False)


def _begin(order: dict[str, Any], log: Path) -> int:
    """Fork a process that runs a command of ``kartabl``; returns its id. ``group`` 0: a group of its own."""
    child = os.fork()
    if child:
        with suppress(PermissionError):  # it has begun already, and done so itself
            os.setpgid(child, order["group"] or child)
        return child
    status = 1
    try:
        os.setpgid(0, order["group"])
        os.environ.update(order["environment"])
        with log.open("ab", buffering=0) as out, open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
            os.dup2(out.fileno(), 1)
            os.dup2(out.fileno(), 2)
        if order["do"] == "prepare":
            prepare(order["people"])
        else:
            run(order["arguments"])
        status = 0
    finally:
        os._exit(status)


def _kill(children: list[int], *, group: int) -> None:
    """SIGKILL to processes, or to a whole group at once, and wait until nothing of them is left."""
    if group:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    for child in children:
        with suppress(ChildProcessError):  # no child any more: its number may be another's by now
            if os.waitpid(child, os.WNOHANG)[0] == 0:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)


def warm_up() -> None:
    """Import what an application imports late, by starting one that nobody uses."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(secret_key=SECRET_KEY, database_url=f"sqlite:///{folder}/warm.db", files_path=Path(folder))
        made = kartabl.build(settings)
        kartabl.prepare(made)
        webapp.create_app(made).test_client().get("/sign-in")
        made.database.dispose()


def main() -> None:
    warm_up()
    started: set[int] = set()
    try:
        for line in sys.stdin:
            print(json.dumps(_obey(json.loads(line), started)), flush=True)
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    finally:
        _kill(sorted(started), group=0)  # whoever gave the orders is gone


def _obey(order: dict[str, Any], started: set[int]) -> dict[str, Any]:
    if order["do"] == "kill":
        _kill(order["processes"], group=order["group"])
        return {}
    child = _begin(order, Path(order["log"]))
    if order["do"] == "prepare":
        return {"status": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}
    started.add(child)
    return {"process": child}


if __name__ == "__main__":
    main()
