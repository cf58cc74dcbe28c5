"""Which processes an installation offers: decided by an admin, kept with who and when, obeyed by every start."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest
from sqlalchemy import select

from engine.actor import SYSTEM
from engine.deployment import offers
from engine.deployment.offers import Offers
from engine.errors import NotAllowed, NotFound, ProcessNotOffered
from models.account import Person, RoleGrant
from models.case import Case
from models.offer import ProcessOffer, ProcessOfferChange
from tests.engine.small import NOW, Small, chain, end, event, process, start, user_task

CALLER = process(
    start()
    + user_task("ask")
    + '<bpmn:callActivity id="paying" calledElement="paid"/>'
    + end()
    + chain("begin", "ask", "paying", "done")
)
CALLED = process('<bpmn:startEvent id="begin"/>' + user_task("pay") + end() + chain("begin", "pay", "done"), key="paid")
THROWER = process(
    start()
    + event("intermediateThrowEvent", "telling", "message order")
    + event("intermediateThrowEvent", "crying", "signal alarm")
    + end()
    + chain("begin", "telling", "crying", "done"),
    key="thrower",
    messages="order",
    signals="alarm",
)
ORDERED = process(
    event("startEvent", "ordered", "message order") + user_task("make") + end() + chain("ordered", "make", "done"),
    key="ordered",
    messages="order",
)
CALLED_OUT = process(
    event("startEvent", "alarmed", "signal alarm") + user_task("run") + end() + chain("alarmed", "run", "done"),
    key="alarmed",
    signals="alarm",
)

pytestmark = pytest.mark.both_databases("saving")


@pytest.fixture
def small(server: str) -> Iterator[Small]:
    made = Small(server, CALLER, CALLED, THROWER, ORDERED, CALLED_OUT)
    with made.engine.transaction() as session:
        session.add(
            Person(
                username="admin",
                first_name="بیتا",
                last_name="مقدم",
                password_hash="",
                created_at=NOW,
                roles=[RoleGrant(role="admin")],
            )
        )
    yield made
    made.close()


def switch(small: Small, key: str, offered: bool, *, by: str = "admin") -> ProcessOfferChange | None:
    with small.engine.transaction() as session:
        return small.engine.offers.switch(session, key, offered, by=small.actor(by), now=small.clock())


def keys(small: Small) -> list[str]:
    """The keys of all cases, in the order of their starts."""
    found: list[str] = small.look(lambda session: session.scalars(select(Case.process_key).order_by(Case.id)).all())
    return found


def test_what_nobody_has_decided_is_offered_in_a_demonstration_and_not_in_production(small: Small) -> None:
    demo, production = Offers(undecided=True), Offers(undecided=False)
    assert small.look(lambda session: demo.offered(session, ["small", "paid"])) == {"small", "paid"}
    assert small.look(lambda session: production.offered(session, ["small", "paid"])) == frozenset()
    assert not small.look(production.any_offered)
    switch(small, "small", True)
    assert small.look(lambda session: production.offered(session, ["small", "paid"])) == {"small"}
    assert small.look(production.any_offered)


def test_a_change_is_kept_with_who_when_before_and_after(small: Small) -> None:
    made = switch(small, "small", False)
    assert made is not None
    admin = small.actor("admin")
    assert (made.process_key, made.before, made.after, made.at) == ("small", True, False, NOW)
    assert (made.by_id, made.by_name) == (admin.person_id, "بیتا مقدم")
    assert switch(small, "small", False) is None, "it is so already"
    switch(small, "small", True)
    listed = small.look(lambda session: offers.changes(session, by=admin))
    assert [(one.before, one.after) for one in listed] == [(False, True), (True, False)]
    row = small.look(lambda session: session.get_one(ProcessOffer, "small"))
    assert (row.offered, row.changed_at, row.changed_by_id) == (True, NOW, admin.person_id)


def test_only_an_admin_decides_and_only_about_what_is_deployed(small: Small) -> None:
    for name in ("ali", "boss"):
        with pytest.raises(NotAllowed):
            switch(small, "small", False, by=name)
        with small.engine.transaction() as session, pytest.raises(NotAllowed):
            small.engine.offers.overview(session, small.engine.definitions, by=small.actor(name))
        with small.engine.transaction() as session, pytest.raises(NotAllowed):
            offers.changes(session, by=small.actor(name))
    with pytest.raises(NotFound):
        switch(small, "nothing", True)


def test_nobody_starts_what_is_not_offered_and_running_cases_go_on(small: Small) -> None:
    running = small.start().case
    switch(small, "small", False)
    with pytest.raises(ProcessNotOffered):
        small.start()
    assert not small.look(lambda session: small.engine.may_start(session, "small", small.actor("ali")))
    small.complete(running.id, "ask")
    assert list(small.open(running.id)) == ["pay"], "what it calls is started all the same"
    switch(small, "small", True)
    small.start()
    assert keys(small) == ["small", "small"]


def test_a_person_without_the_role_is_not_told_that_there_is_such_a_process(small: Small) -> None:
    switch(small, "small", False)
    with pytest.raises(NotFound):
        small.start(by="reza")


@pytest.mark.parametrize("offered", [True, False])
def test_messages_and_signals_start_only_what_is_offered(small: Small, offered: bool) -> None:
    for key in ("ordered", "alarmed"):
        switch(small, key, offered)
    small.start("thrower")
    for _again in range(4):
        small.worker.work()
    assert sorted(keys(small)) == (["alarmed", "ordered", "thrower"] if offered else ["thrower"])


def test_the_overview_says_what_each_needs_and_how_many_run(small: Small) -> None:
    small.start()
    ended = small.start().case
    with small.engine.transaction() as session:
        small.engine.supervision.cancel_case(session, ended.id, by=small.actor("boss"), reason="test")
    switch(small, "ordered", False)
    with small.engine.transaction() as session:
        found = {
            one.key: one
            for one in small.engine.offers.overview(session, small.engine.definitions, by=small.actor("admin"))
        }
    assert list(found) == ["alarmed", "ordered", "paid", "small", "thrower"]
    assert {key: (one.startable, one.offered, one.running) for key, one in found.items()} == {
        "alarmed": (True, True, 0),
        "paid": (False, True, 0),
        "small": (True, True, 1),
        "thrower": (True, True, 0),
        "ordered": (True, False, 0),
    }
    assert (found["small"].calls, found["paid"].called_by) == (("paid",), ("small",))


def test_a_process_stays_in_sight_while_it_has_cases(small: Small) -> None:
    case = small.start().case
    for key in ("small", "ordered"):
        switch(small, key, False)
    in_view = ["small", "ordered", "thrower"]
    assert small.look(lambda session: small.engine.offers.in_use(session, in_view)) == {"small", "thrower"}
    with small.engine.transaction() as session:
        small.engine.supervision.cancel_case(session, case.id, by=small.actor("boss"), reason="test")
    assert small.look(lambda session: small.engine.offers.in_use(session, in_view)) == {"small", "thrower"}


def test_of_two_admins_at_once_each_change_says_what_was_before_it(small: Small) -> None:
    decisions = [threading.Thread(target=switch, args=(small, "small", offered)) for offered in (False, True)]
    for decision in decisions:
        decision.start()
    for decision in decisions:
        decision.join(30)
    listed = small.look(lambda session: offers.changes(session, by=SYSTEM))
    row = small.look(lambda session: session.get_one(ProcessOffer, "small"))
    assert row.offered == (listed[0].after if listed else True)
    assert all(newer.before == older.after for newer, older in pairwise(listed))
