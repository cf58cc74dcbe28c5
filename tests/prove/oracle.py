"""The judge of the proofs: reads the database with plain SQL and the states as plain JSON, and nothing of the engine.

Four kinds of fault, the first word of each sentence: ``lost`` (acknowledged, yet not there), ``doubled`` (done more
than once), ``half-done`` (state, tasks, history, timers and outbox do not tell the same story) and ``unfinished``.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Connection, Engine, text

KINDS = ("lost", "doubled", "half-done", "unfinished")
WAITING, READY, STARTED = 8, 16, 32  # states of a token, as the stored form numbers them

# What the elements of proof.bpmn and payment.bpmn wait for, read off the diagrams by hand.
PEOPLE = {"apply", "left", "right", "close"}  # a person does a user task: ready
TIMERS = {"cool_down"}
OUTSIDE = {"ask", "request_payment", "verify_payment"}
GATEWAYS = {"await_result": ({"payment_returned", "cancel_payment"}, {"minute_over"})}  # branches for people, timers
ONCE = {"apply", "right", "close"}  # done exactly once in a case that ended
DONE = ("completed", "cancelled")


@dataclass
class Told:
    """What the clients were told: only this is a promise."""

    completed: set[str] = field(default_factory=set)  # marks of submissions that were acknowledged
    refused: set[str] = field(default_factory=set)  # marks of submissions that were refused for good
    started: set[str] = field(default_factory=set)  # numbers of cases whose start was acknowledged
    errors: list[str] = field(default_factory=list)  # answers that nobody should get


@dataclass(frozen=True)
class Waits:
    """The tokens that a state waits with, by what has to have a row for each."""

    tasks: frozenset[str]
    timers: frozenset[str]
    operations: frozenset[str]


def read_state(state: bytes) -> Waits:
    """What a stored case waits for."""
    stored = json.loads(state)
    assert stored["format"] == 1, stored["format"]
    tasks, timers, operations = set(), set(), set()
    for process in (stored, *stored.get("subprocesses", ())):
        for token in process["tasks"]:
            name, where, identity = token["spec"], token["state"], UUID(token["id"])
            if name in PEOPLE and where == READY:
                tasks.add(str(identity))
            elif name in TIMERS and where == WAITING:
                timers.add(str(identity))
            elif name in OUTSIDE and where == STARTED:
                operations.add(str(identity))
            elif name in GATEWAYS and where == WAITING:
                of_people, of_time = GATEWAYS[name]
                tasks |= {str(uuid5(identity, branch)) for branch in of_people}
                timers |= {str(uuid5(identity, branch)) for branch in of_time}
    return Waits(frozenset(tasks), frozenset(timers), frozenset(operations))


class Oracle:
    """Examines one database, all of it or what changed since the last look, in one snapshot each time."""

    def __init__(self, database: Engine) -> None:
        self._database = database
        self._seen: dict[int, int] = {}  # case → its revision at the last look

    def look(self, *, all_cases: bool = False) -> list[str]:
        """Faults of every case whose revision changed since the last look. Any moment will do, also in mid-work."""
        with self._snapshot() as connection:
            if all_cases:
                self._seen.clear()
            rows = connection.execute(text("SELECT id, revision FROM cases WHERE process_key = 'proof'"))
            changed = [case_id for case_id, revision in rows if self._seen.get(case_id) != revision]
            return [fault for case_id in changed for fault in self._case(connection, case_id)]

    def judge(self, told: Told, world: Mapping[str, Mapping[int, list[str]]]) -> list[str]:
        """Faults of everything, once all work should be done. ``world``: books ``sms`` and ``calls``, case → keys."""
        faults = self.look(all_cases=True)
        with self._snapshot() as connection:
            faults += _promises(connection, told)
            faults += _unfinished(connection)
            faults += _outside(connection, world)
            faults += _money(connection)
        return faults + [f"lost: a client was answered {error}" for error in told.errors]

    def _snapshot(self) -> Connection:
        connection = self._database.connect()
        if connection.dialect.name == "postgresql":
            return connection.execution_options(isolation_level="REPEATABLE READ")
        connection.exec_driver_sql("BEGIN")
        return connection

    def _case(self, connection: Connection, case_id: int) -> Iterator[str]:
        values = {"case": case_id}
        row = connection.execute(text("SELECT number, status, revision, state FROM cases WHERE id = :case"), values)
        number, status, revision, state = row.one()
        self._seen[case_id] = revision
        tasks = connection.execute(
            text(
                "SELECT token, task_key, status FROM (SELECT token, key AS task_key, status FROM tasks "
                "WHERE case_id = :case) AS of_case"
            ),
            values,
        ).all()
        jobs = connection.execute(text("SELECT token, kind FROM jobs WHERE case_id = :case"), values).all()
        history = Counter(
            (what, key)
            for what, key in connection.execute(
                text("SELECT what, task_key FROM history WHERE case_id = :case"), values
            )
        )
        sms = connection.execute(text("SELECT count(*) FROM outbox WHERE case_id = :case"), values).scalar_one()
        if state:
            yield from _same_story(number, read_state(bytes(state)), tasks, jobs)
        else:
            yield f"half-done: case {number} has no state"
        yield from _same_past(number, status, tasks, history, sms)


def _same_story(number: str, waits: Waits, tasks: Any, jobs: Any) -> Iterator[str]:
    """Ready in the state == open task rows; timers armed and operations asked for == job rows."""
    rows = {
        "tasks": [token for token, _key, status in tasks if status == "open"],
        "timers": [token for token, kind in jobs if kind == "timer"],
        "operations": [token for token, kind in jobs if kind == "operation"],
    }
    for kind, found in rows.items():
        wanted: frozenset[str] = getattr(waits, kind)
        if missing := wanted - set(found):
            yield f"half-done: case {number} waits with {len(missing)} {kind} that have no row"
        if orphans := set(found) - wanted:
            yield f"half-done: case {number} has {len(orphans)} rows of {kind} that its state does not wait for"
        if len(found) != len(set(found)):
            yield f"doubled: case {number} has two rows of {kind} for one token"


def _same_past(number: str, status: str, tasks: Any, history: Counter[tuple[str, str]], sms: int) -> Iterator[str]:
    """Completed task rows == history; the outbox == what the history says was sent; nothing twice."""
    completed = Counter(key for _token, key, status_of_task in tasks if status_of_task == "completed")
    told = Counter({key: times for (what, key), times in history.items() if what == "task_completed"})
    for key in completed.keys() | told.keys():
        if completed[key] != told[key]:
            yield f"half-done: case {number}, {key}: {completed[key]} tasks completed, {told[key]} in its history"
    for key in ONCE:
        if told[key] > 1:
            yield f"doubled: case {number}, {key} is {told[key]} times in its history"
    if sms != told["right"]:
        word = "doubled" if sms > told["right"] else "half-done"
        yield f"{word}: case {number} told {told['right']} times to send an SMS, {sms} are in the outbox"
    if history["timer_fired", "cool_down"] > 1:
        yield f"doubled: case {number}, its timer fired {history['timer_fired', 'cool_down']} times"
    if history["case_started", ""] != 1:
        yield f"half-done: case {number} is {history['case_started', '']} times started in its history"
    if history["case_completed", ""] != (status == "completed"):
        yield f"half-done: case {number} is {status}, {history['case_completed', '']} times completed in its history"


def _promises(connection: Connection, told: Told) -> Iterator[str]:
    """Every acknowledged submission is in the history once, no refused one is, and each started case is there."""
    marks: Counter[str] = Counter()
    for (details,) in connection.execute(text("SELECT details FROM history WHERE what = 'task_completed'")):
        read = json.loads(details) if isinstance(details, str) else details
        marks[((read or {}).get("values") or {}).get("ref", "")] += 1
    del marks[""]
    for mark in sorted(told.completed):
        if not marks[mark]:
            yield f"lost: submission {mark} was acknowledged and is in no history"
    for mark, times in sorted(marks.items()):
        if times > 1:
            yield f"doubled: submission {mark} is {times} times in the history"
    for mark in sorted(told.refused & marks.keys()):
        yield f"doubled: submission {mark} was refused and is in the history nevertheless"
    numbers = set(connection.execute(text("SELECT number FROM cases WHERE process_key = 'proof'")).scalars())
    for number in sorted(told.started - numbers):
        yield f"lost: the start of case {number} was acknowledged and there is no such case"
    if more := numbers - told.started:
        yield f"doubled: {len(more)} cases were started that nobody was told of"


def _unfinished(connection: Connection) -> Iterator[str]:
    rows = connection.execute(
        text("SELECT number, status FROM cases WHERE process_key = 'proof' AND status <> 'completed' ORDER BY id")
    )
    for number, status in rows:
        yield f"unfinished: case {number} is {status}"
    incidents = connection.execute(text("SELECT element_id, message FROM incidents WHERE resolved_at IS NULL"))
    for element, message in incidents:
        yield f"unfinished: an incident at {element}: {message[:200]}"
    waiting = connection.execute(text("SELECT count(*) FROM outbox WHERE state <> 'sent'")).scalar_one()
    if waiting:
        yield f"unfinished: {waiting} messages of the outbox were not sent"
    fired = connection.execute(
        text(
            "SELECT c.number, count(h.id) FROM cases c LEFT JOIN history h ON h.case_id = c.id "
            "AND h.what = 'timer_fired' AND h.task_key = 'cool_down' WHERE c.status = 'completed' "
            "AND c.process_key = 'proof' GROUP BY c.number"
        )
    )
    for number, times in fired:
        if times == 0:
            yield f"lost: case {number} ended and its timer never fired"


def _outside(connection: Connection, world: Mapping[str, Mapping[int, list[str]]]) -> Iterator[str]:
    """What left == what the outbox holds, one SMS and one question for each case. A repeat bears the same key."""
    rows = connection.execute(text("SELECT case_id, id FROM outbox WHERE state = 'sent'"))
    kept: dict[int, set[str]] = defaultdict(set)
    for case_id, message in rows:
        kept[case_id].add(str(message))
    rows = connection.execute(
        text(
            "SELECT case_id, count(*) FROM history WHERE what = 'task_completed' AND task_key = 'right' "
            "GROUP BY case_id"
        )
    )
    told: dict[int, int] = {case_id: times for case_id, times in rows}
    for case_id in sorted(kept.keys() | world["sms"].keys() | told.keys()):
        left = set(world["sms"].get(case_id, ()))
        if left - kept[case_id]:
            yield f"half-done: {len(left - kept[case_id])} SMS of case {case_id} left and are not in the outbox"
        if kept[case_id] - left:
            yield f"lost: an SMS of case {case_id} is marked as sent and never left"
        if len(left) > told.get(case_id, 0):
            yield f"doubled: case {case_id} sent {len(left)} SMS for {told.get(case_id, 0)} reasons"
    for case_id, keys in sorted(world["calls"].items()):
        if len(set(keys)) > 1:
            yield f"doubled: the outside operation of case {case_id} was asked for under {len(set(keys))} keys"


def _money(connection: Connection) -> Iterator[str]:
    """Ledger == bank: what the bank was paid is counted once, for an invoice that is paid by one settlement."""
    rows = connection.execute(
        text("SELECT authority, amount FROM test_gateway_payments WHERE state = 'paid' AND verified_at IS NOT NULL")
    )
    bank: dict[str, int] = {authority: amount for authority, amount in rows}
    unasked = connection.execute(
        text("SELECT count(*) FROM test_gateway_payments WHERE state = 'paid' AND verified_at IS NULL")
    ).scalar_one()
    if unasked:
        yield f"lost: the bank was paid {unasked} times and was never asked"
    rows = connection.execute(text("SELECT authority, amount FROM payments WHERE state IN ('settled', 'unmatched')"))
    ledger: dict[str, int] = {authority: amount for authority, amount in rows}
    if sum(bank.values()) != sum(ledger.values()) or bank.keys() != ledger.keys():
        yield f"lost: the bank was paid {sum(bank.values())} Rials, the ledger has {sum(ledger.values())}"
    invoices = connection.execute(
        text(
            "SELECT i.number, i.status, i.total, count(p.id), coalesce(sum(p.amount), 0) FROM invoices i "
            "LEFT JOIN payments p ON p.invoice_id = i.id AND p.state = 'settled' "
            "GROUP BY i.id, i.number, i.status, i.total ORDER BY i.id"
        )
    )
    for number, status, total, settlements, amount in invoices:
        if settlements > 1:
            yield f"doubled: invoice {number} was settled {settlements} times"
        if (status == "paid") != (settlements == 1) or (settlements and amount != total):
            yield f"half-done: invoice {number} is {status} with {settlements} settlements of {amount} of {total} Rials"


def summary(faults: list[str]) -> str:
    """How many faults of each kind."""
    counts = Counter(fault.partition(":")[0] for fault in faults)
    return ", ".join(f"{counts[kind]} {kind}" for kind in KINDS)
