"""Stops and deployments under load: what is under way is answered, and nobody is refused."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import httpx

from tests.prove.attack_site import Target
from tests.prove.attacks import attack

VISITORS = 6
REPLACED_WITHIN = 30  # seconds
RESTARTS_WITHIN = 60  # seconds


@attack("one process after the other restarts with a new version, or the only one behind a held port: no request fails")
def rolling_restart(target: Target) -> Iterator[str]:
    stopping = threading.Event()
    failures: list[str] = []
    answered = [0] * VISITORS

    def visit(number: int) -> None:
        with target.visitor(address=f"127.0.3.{number + 1}") as visitor:
            visitor.timeout = RESTARTS_WITHIN
            while not stopping.is_set():
                try:
                    visitor.look("/sign-in")
                    answer = visitor.send_form("/sign-in", username="", password="")
                    answered[number] += 2
                    if answer.status_code != 422:
                        failures.append(f"{answer.status_code} {answer.text[:80]!r}")
                except httpx.HTTPError as error:
                    failures.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(VISITORS)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    codes = [target.restart(which) for _round in range(1 if target.short else 3) for which in range(target.processes)]
    time.sleep(1)
    stopping.set()
    for thread in threads:
        thread.join()
    target.numbers["restarts under load"], target.numbers["requests meanwhile"] = len(codes), sum(answered)
    target.numbers["failed meanwhile"] = len(failures)
    yield from (f"during a restart: {failure}" for failure in failures)
    yield from (f"a process that was asked to stop ended with {code}" for code in codes if code)


@attack("one of several processes on a port is killed: the others answer, and another takes its place")
def killed_process(target: Target) -> Iterator[str]:
    before = target.children()
    if not before:
        return  # on SQLite there is one
    os.kill(before[0], signal.SIGKILL)
    give_up, lost = time.monotonic() + REPLACED_WITHIN, 0
    while time.monotonic() < give_up:
        lost += target.page_takes(direct=True) == float("inf")
        if len(set(target.children()) - {before[0]}) == len(before):
            target.numbers["processes killed and replaced"] = 1
            break
        time.sleep(0.2)
    else:
        yield f"of {before} are {target.children()} left"
    if lost:
        yield f"{lost} pages were lost"
