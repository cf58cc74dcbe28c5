"""A task that is kept shut, as people and programs meet it: seen everywhere, completed nowhere."""

from __future__ import annotations

import re
from typing import Any

import pytest

from engine.bpmn.diagram import read_diagrams
from engine.deployment import definitions
from tests.engine.small import chain, end, process, properties, start
from tests.web.api_client import Api, code_of
from tests.web.test_pages import Browser, send

FIELD = (
    '<spiffworkflow:formFields><spiffworkflow:formField id="answer" label="پاسخ" type="string"/>'
    "</spiffworkflow:formFields></bpmn:extensionElements>"
)
WHY = "تا پرداخت بدهی نمی‌توان زمان بازدید گذاشت."


def task(identifier: str, name: str, **more: str) -> str:
    inner = properties(role="citizen", **more).replace("</bpmn:extensionElements>", FIELD)
    return f'<bpmn:userTask id="{identifier}" name="{name}">{inner}</bpmn:userTask>'


SHUT = process(
    start()
    + task("pay", "پرداخت بدهی", locks="visit", lock_reason=f"&quot;{WHY}&quot;")
    + task("visit", "زمان بازدید")
    + end()
    + chain("begin", "pay", "visit", "done"),
    key="shut",
)


@pytest.fixture(autouse=True)
def deployed(application: Any) -> None:
    with application.engine.transaction() as session:
        read = {diagram.key: diagram for diagram in read_diagrams(SHUT)}
        definitions.deploy(session, read, now=application.clock())


@pytest.mark.both_databases("story")
def test_people_see_it_shut_and_go_on_at_the_same_page(signed_in: Browser) -> None:
    browser = signed_in("citizen")
    answer = browser.get(send(browser, "/start/shut").location)
    pay = answer.location
    number = re.search(r"/cases/([0-9-]+)", browser.get(pay).text)[1]  # type: ignore[index]
    case = browser.get(f"/cases/{number}").text
    assert WHY in case
    visit = next(found for found in re.findall(r"/tasks/[0-9]+", case) if found != pay)
    assert f'href="{visit}"' in browser.get("/worklist").text
    page = browser.get(visit)
    assert (page.status_code, WHY in page.text, "data-disabled" in page.text) == (200, True, True)
    assert browser.get(f"/cases/{number}/next").location == pay

    answer = send(browser, visit, answer="فردا")
    assert answer.status_code == 409
    assert WHY in answer.text

    assert send(browser, visit, answer="فردا", _action="draft").status_code == 303
    assert browser.get(send(browser, pay, answer="پرداختم").location).location == visit
    opened = browser.get(visit).text
    assert WHY not in opened
    assert 'value="فردا"' in opened
    assert send(browser, visit, answer="فردا").status_code == 303
    assert "به پایان رسید" in browser.get(f"/cases/{number}").text


def test_programs_are_told_why(client: Any, people: Any) -> None:
    people.add("citizen", "citizen")
    api = Api.signed_in(client, "citizen")
    begun: Any = api.post("/cases", {"process": "shut"}).json
    tasks = {one["key"]: one for one in begun["tasks"]}
    assert (tasks["pay"]["locked"], tasks["visit"]["locked"]) == (None, WHY)
    assert {wait["task"]: wait["locked"] for wait in begun["case"]["waits_for"]} == {"pay": None, "visit": WHY}
    assert api.get(f"/tasks/{tasks['visit']['id']}").json["locked"] == WHY  # type: ignore[index]
    assert code_of(api.complete(tasks["visit"])) == (409, "task_locked")
    after: Any = api.complete(tasks["pay"]).json
    assert [(one["id"], one["locked"]) for one in after["tasks"]] == [(tasks["visit"]["id"], None)]
    assert api.complete(tasks["visit"]).status_code == 200
