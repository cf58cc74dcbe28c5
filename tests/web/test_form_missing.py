"""An open task whose form this version of the code does not have: said in words, done by nobody."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

import kartabl
import webapp
from engine.bpmn.diagram import read_diagrams
from engine.deployment import definitions
from models.case import Case, Task, TaskStatus
from tests.engine.small import chain, end, event, flow, process, start, user_task
from tests.web.api_client import Api, code_of
from tests.web.test_pages import Browser, send

GONE = process(
    start()
    + user_task("vanished")
    + event("boundaryEvent", "stopping", "message stop", attributes='attachedToRef="vanished"', role="citizen")
    + end()
    + end("stopped")
    + chain("begin", "vanished", "done")
    + flow("stopping", "stopped"),
    key="gone",
    messages="stop",
)
WORDS = "فرم این کار در این نسخهٔ سامانه نیست"


@pytest.fixture(autouse=True)
def deployed(application: kartabl.Application) -> None:
    with application.engine.transaction() as session:
        read = {diagram.key: diagram for diagram in read_diagrams(GONE)}
        definitions.deploy(session, read, now=application.clock())


def open_task(application: kartabl.Application) -> Task:
    with application.engine.transaction() as session:
        return session.scalars(select(Task).join(Case).where(Case.process_key == "gone", Task.key == "vanished")).one()


def test_the_page_says_it_and_completes_nothing(signed_in: Browser, application: kartabl.Application) -> None:
    browser = signed_in("citizen")
    assert send(browser, "/start/gone").status_code == 303
    task = open_task(application)
    page = browser.get(f"/tasks/{task.id}")
    assert page.status_code == 409
    assert WORDS in page.text and "به مدیر سامانه اطلاع دهید" in page.text
    assert "<form" not in page.text.partition("<main")[2].partition("</main>")[0]
    for action in ("complete", "draft", "refresh"):
        answer = send(browser, f"/tasks/{task.id}", _action=action)
        assert (answer.status_code, WORDS in answer.text) == (409, True)
    assert open_task(application).status is TaskStatus.OPEN


def test_the_case_is_readable_and_a_supervisor_sees_why_it_waits(
    signed_in: Browser, application: kartabl.Application
) -> None:
    browser = signed_in("citizen")
    send(browser, "/start/gone")
    number = re.search(r"/cases/([0-9-]+)", browser.get(f"/tasks/{open_task(application).id}").text)[1]  # type: ignore[index]
    case = browser.get(f"/cases/{number}")
    assert case.status_code == 200
    assert "فرم «vanished» در این نسخهٔ سامانه نیست" not in case.text, "that is for the supervisor"
    supervisor = signed_in("supervisor")
    assert "فرم «vanished» در این نسخهٔ سامانه نیست" in supervisor.get(f"/cases/{number}").text
    figures = supervisor.get("/monitor").text
    assert "ناسازگار با این نسخهٔ سامانه" in figures and "این کار فرم ندارد" in figures


def test_programs_get_a_code_of_its_own(client: Any, people: Any, application: kartabl.Application) -> None:
    people.add("citizen", "citizen")
    api = Api.signed_in(client, "citizen")
    begun: Any = api.post("/cases", {"process": "gone"}).json
    (task,) = begun["tasks"]
    assert code_of(api.get(f"/tasks/{task['id']}")) == (409, "form_missing")
    assert code_of(api.complete(task)) == (409, "form_missing")
    assert code_of(api.put(f"/tasks/{task['id']}/draft", {"values": {}})) == (409, "form_missing")
    assert open_task(application).status is TaskStatus.OPEN


def test_readiness_is_refused_unless_it_was_forced(client: Any, people: Any, application: kartabl.Application) -> None:
    application.worker.work()
    assert client.get("/readyz").json["incompatible_definitions"] == 0
    people.add("citizen", "citizen")
    Api.signed_in(client, "citizen").post("/cases", {"process": "gone"})
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["checks"]["definitions"]) == (503, False)
    assert answer.json["incompatible_definitions"] == 2, "the task and the action at its edge"
    forced = webapp.create_app(replace(application, forced=True)).test_client()
    answer = forced.get("/readyz")
    assert (answer.status_code, answer.json["incompatible_definitions"]) == (200, 2)
