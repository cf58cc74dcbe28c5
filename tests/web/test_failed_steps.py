"""A step that fails, as people and programs see it: a clear answer, the task still open, an incident to retry."""

from __future__ import annotations

import re
from typing import Any

import pytest

from engine.bpmn.diagram import read_diagrams
from engine.deployment import definitions
from tests.engine.small import chain, end, event, flow, process, properties, start
from tests.web.api_client import Api, code_of

FIELDS = (
    "<spiffworkflow:formFields>"
    '<spiffworkflow:formField id="answer" label="پاسخ" type="text" required="true"/></spiffworkflow:formFields>'
)
ASK = f'<bpmn:userTask id="ask" name="پرسش">{properties(role="citizen")}</bpmn:userTask>'.replace(
    "</bpmn:extensionElements>", FIELDS + "</bpmn:extensionElements>"
)
BAD = event("endEvent", "bad", "error E7").replace('name="bad"', 'name="پایان ناخوش"')
ERRING = process(start() + ASK + BAD + chain("begin", "ask", "bad"), key="erring", errors="E7")
CIRCLING = process(
    start()
    + ASK
    + '<bpmn:exclusiveGateway id="one"/><bpmn:exclusiveGateway id="two" default="back"/>'
    + end()
    + chain("begin", "ask", "one", "two")
    + flow("two", "one", identifier="back")
    + flow("two", "done", "answer == 'x'"),
    key="circling",
)


@pytest.fixture
def deployed(application: Any) -> None:
    read = {diagram.key: diagram for xml in (ERRING, CIRCLING) for diagram in read_diagrams(xml)}
    with application.engine.transaction() as session:
        definitions.deploy(session, read, now=application.clock())


@pytest.mark.both_databases("saving")
@pytest.mark.parametrize(("key", "element"), [("erring", "bad"), ("circling", "one|two")])
@pytest.mark.usefixtures("deployed")
def test_the_page_says_that_nothing_is_kept_and_a_supervisor_knows(signed_in: Any, key: str, element: str) -> None:
    browser = signed_in("citizen")
    page = browser.post(f"/start/{key}", data={"csrf_token": token_of(browser)}, follow_redirects=True)
    task = page.request.path.rpartition("/")[2]
    answer = browser.post(f"/tasks/{task}", data={"csrf_token": token_of(browser), "answer": "بله"})
    assert answer.status_code == 500
    assert "گام انجام نشد" in answer.text and "به سرپرست اطلاع داده شد" in answer.text
    assert "Traceback" not in answer.text
    assert browser.get(f"/tasks/{task}").status_code == 200  # the task is still open
    shown = signed_in("supervisor").get("/incidents").text
    assert re.search(rf'<bdi class="code">({element})</bdi>', shown)
    assert key != "erring" or "پایان ناخوش" in shown


@pytest.mark.usefixtures("deployed")
def test_a_program_gets_the_incidents_number(client: Any, people: Any) -> None:
    people.add("citizen", "citizen")
    api = Api.signed_in(client, "citizen")
    started = api.post("/cases", {"process": "erring"})
    assert started.status_code == 201, started.text
    answer = api.complete(started.json["tasks"][0], answer="بله")
    assert code_of(answer) == (500, "operation_failed")
    assert answer.json["incident"] > 0


def token_of(browser: Any) -> str:
    return re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/worklist").text)[1]  # type: ignore[index]
