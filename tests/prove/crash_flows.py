"""The steps in which a process dies: how each begins, what it does, and how whoever did it does it again."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import webapp
from engine.actor import Actor
from engine.persistence import idempotency
from models.account import Person
from models.billing import Payment
from models.case import Case
from tests.engine.test_documents import PDF
from tests.prove.place import Place, deploy, errand

CSRF = "token-of-this-session"
POLLED = frozenset({"timer_fired"})


@dataclass(frozen=True)
class Flow:
    """One step. ``before`` makes the world in which it is done and says what the step has to know."""

    name: str
    before: Callable[[Place], dict[str, Any]]
    step: Callable[[Place, dict[str, Any]], object]
    without: frozenset[str] = frozenset()  # kinds of history that come as often as the clock ticks


def _written(place: Place) -> dict[str, Any]:
    case_id = place.start()
    return {"case": case_id, **place.open(case_id)}


def _checked(place: Place) -> dict[str, Any]:
    case_id = place.start()
    place.does(case_id, "write", answer="x")
    return {"case": case_id, **place.open(case_id)}


def _signed(place: Place) -> dict[str, Any]:
    ids = _checked(place)
    place.complete(ids["check"], by="reza")
    place.complete(ids["sign"])
    return ids


def _asked(place: Place) -> dict[str, Any]:
    case_id, invoice = place.invoiced()
    place.does(case_id, "accept_invoice", by="mina", invoice=invoice)
    return {"case": case_id}


def _opened(place: Place) -> dict[str, Any]:
    ids = _asked(place)
    place.worker.work()
    return ids


def _paid(place: Place) -> dict[str, Any]:
    ids = _opened(place)
    with place.engine.transaction() as session:
        authority = session.query(Payment).one().authority
        place.application.test_gateway.decide(session, authority, decision="pay", now=place.clock())  # type: ignore[union-attr]
    return {**ids, "authority": authority}


def _late(place: Place) -> dict[str, Any]:
    ids = _written(place)
    place.later(timedelta(hours=1))
    return ids


def _signed_in(place: Place) -> dict[str, Any]:
    ids = _written(place)
    with place.engine.transaction() as session:
        person = session.query(Person).filter_by(username="ali").one()
        token = place.application.accounts.open_session(session, person, now=place.clock(), kind="browser")
    return {**ids, "token": token}


def _start(place: Place, _ids: dict[str, Any]) -> None:
    """As a program starts it: with a key, so that a repetition is known."""
    by: Actor = place.actor("ali")
    with place.engine.transaction() as session:
        known = idempotency.claim(session, by.person_id or 0, "k", request_hash="h", now=place.clock())
        if known is None:
            place.engine.start_case(session, "errand", by=by)
            idempotency.keep(session, by.person_id or 0, "k", idempotency.Answer(201, "{}"))


def _upload(place: Place, ids: dict[str, Any]) -> None:
    browser = webapp.create_app(place.application).test_client()
    with browser.session_transaction() as cookie:
        cookie["csrf_token"], cookie["token"] = CSRF, ids["token"]
    sent = {"csrf_token": CSRF, "note": "متن", "paper": (io.BytesIO(PDF), "paper.pdf")}
    answer = browser.post(f"/tasks/{ids['write']}", data=sent, content_type="multipart/form-data")
    if answer.status_code not in (303, 409):
        raise AssertionError(answer.text)


def _claim(place: Place, ids: dict[str, Any]) -> None:
    with place.engine.transaction() as session:
        place.engine.claim(session, ids["check"], by=place.actor("reza"))


def _draft(place: Place, ids: dict[str, Any]) -> None:
    with place.engine.transaction() as session:
        place.engine.save_draft(session, ids["write"], by=place.actor("ali"), values={"note": "نیمه"})


def _reassign(place: Place, ids: dict[str, Any]) -> None:
    with place.engine.transaction() as session:
        to = place.actor("omid").person_id
        if session.get_one(Case, ids["case"]).ended_at is None:
            place.engine.supervision.reassign(session, ids["check"], by=place.actor("boss"), person_id=to)


def _cancel(place: Place, ids: dict[str, Any]) -> None:
    with place.engine.transaction() as session:
        place.engine.supervision.cancel_case(session, ids["case"], by=place.actor("boss"), reason="r")


def _suspend(place: Place, ids: dict[str, Any]) -> None:
    with place.engine.transaction() as session:
        place.engine.supervision.suspend(session, ids["case"], by=place.actor("boss"), reason="r")


def _deploy(place: Place, _ids: dict[str, Any]) -> None:
    changed = errand().replace(b'id="sign" name="sign"', b'id="sign" name="newly named"')
    with place.engine.transaction() as session:
        deploy(
            session,
            {"errand": changed, "other": errand().replace(b'<bpmn:process id="errand"', b'<bpmn:process id="other"')},
        )


def _returned(place: Place, ids: dict[str, Any]) -> None:
    with place.engine.transaction() as session:
        place.application.payment_returned(place.engine, session, gateway="test", authority=ids["authority"])
    place.worker.work()


def _work(place: Place, _ids: dict[str, Any]) -> None:
    place.worker.work()


FLOWS = (
    Flow("start a case", lambda place: {}, _start),
    Flow("complete a task", _checked, lambda place, ids: place.complete(ids["sign"])),
    Flow(
        "complete the last task",
        lambda place: _to_close(place),
        lambda place, ids: place.complete(ids["close"], answer="fine"),
    ),
    Flow("complete with an upload", _signed_in, _upload),
    Flow("claim", _checked, _claim),
    Flow("draft", _written, _draft),
    Flow("action", _written, lambda place, ids: place.complete(ids["withdraw"])),
    Flow("timer", _late, _work),
    Flow("outside operation and SMS", _signed, _work),
    Flow("payment request", _asked, _work, POLLED),
    Flow("payment verified and settled", _paid, _returned, POLLED),
    Flow("reassign", _checked, _reassign),
    Flow("cancel a case", _checked, _cancel),
    Flow("suspend a case", _checked, _suspend),
    Flow("deploy", lambda place: {}, _deploy),
)


def _to_close(place: Place) -> dict[str, Any]:
    ids = _signed(place)
    place.worker.work()
    return {**ids, **place.open(ids["case"])}
