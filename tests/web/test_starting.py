"""Starting a case with a form, in the browser and by programs; the process is deployed here."""

from __future__ import annotations

import re
from typing import Any

import pytest

from engine.bpmn.diagram import read_diagrams
from engine.contributions.operations import OperationContext
from engine.deployment import definitions
from engine.errors import Refusal
from models.case import Case
from models.digits import persian_digits
from tests.engine.small import chain, end, process, properties, service, user_task
from tests.web.api_client import Api, code_of, count
from tests.web.test_pages import Browser, send, token

FIELDS = (
    "<spiffworkflow:formFields>"
    '<spiffworkflow:formField id="project" label="شمارهٔ پروژه" type="string" required="true"/>'
    '<spiffworkflow:formField id="units" label="واحدها" type="long"/></spiffworkflow:formFields>'
)
START = f'<bpmn:startEvent id="asked">{properties(role="citizen")}</bpmn:startEvent>'.replace(
    "</bpmn:extensionElements>", f"{FIELDS}</bpmn:extensionElements>"
)
ASKED = process(
    START
    + service("enquiring", "test_starting.enquire_on_page", submission="submission")
    + user_task("review")
    + end()
    + chain("asked", "enquiring", "review", "done"),
    key="enquiry",
).replace(b'id="enquiry"', 'id="enquiry" name="استعلام"'.encode())


def enquire_on_page(context: OperationContext, *, submission: dict[str, Any]) -> dict[str, Any]:
    """Knows the project with the number 17 only."""
    if submission["project"] != "17":
        raise Refusal({"project": ["چنین پروژه‌ای نیست."]})
    context.set_subject(f"پروژهٔ {submission['project']}", [])
    context.flash("درخواست شما ثبت شد.")
    return {}


@pytest.fixture(autouse=True)
def deployed(application: Any) -> None:
    if application.engine.operations.get("test_starting.enquire_on_page") is None:
        application.engine.operations.register("test_starting.enquire_on_page")(enquire_on_page)
    with application.engine.transaction() as session:
        read = {diagram.key: diagram for diagram in read_diagrams(ASKED)}
        definitions.deploy(session, read, now=application.clock())


def test_the_page_asks_before_there_is_a_case(signed_in: Browser, application: Any) -> None:
    browser = signed_in("citizen")
    assert 'href="/start/enquiry"' in browser.get("/worklist").text
    assert 'href="/start/enquiry"' in browser.get("/cases").text
    page = browser.get("/start/enquiry")
    assert page.status_code == 200
    assert "استعلام" in page.text
    assert 'name="project"' in page.text
    assert count(application, Case) == 0


@pytest.mark.both_databases("story")
def test_what_was_sent_starts_the_case_and_leads_to_it(signed_in: Browser, application: Any) -> None:
    browser = signed_in("citizen")
    answer = send(browser, "/start/enquiry", project="۱۷", units="۲")
    assert answer.status_code == 303, answer.text
    page = browser.get(answer.location, follow_redirects=True)
    assert "درخواست شما ثبت شد." in page.text
    assert count(application, Case) == 1


def test_fields_are_preset_by_the_address_and_by_nothing_else_in_it(signed_in: Browser) -> None:
    browser = signed_in("citizen")
    page = browser.get("/start/enquiry?project=17&units=دو&csrf_token=x&_add=project&zzz=stray").text
    assert re.search(r'name="project"[^>]*value="17"', page)
    assert re.search(r'name="units"[^>]*value="دو"', page)
    assert "stray" not in re.search(r'<form method="post" action="/start/.*?</form>', page, re.DOTALL)[0]  # type: ignore[index]
    assert "project-error" not in page


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"project": ""}, "project"),
        ({"project": "17", "units": "دو"}, "units"),
        ({"project": "18", "units": "2"}, "project"),
        ({"project": "\x00"}, "project"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_no_case_exists(
    signed_in: Browser, application: Any, sent: dict[str, str], field: str
) -> None:
    browser = signed_in("citizen")
    answer = send(browser, "/start/enquiry", **sent)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    for name, text in sent.items():
        shown = persian_digits(text) if name == "units" else text.replace("\x00", "")
        assert re.search(rf'name="{name}"[^>]*value="{shown}"', answer.text), name
    assert count(application, Case) == 0


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({}, "project"),
        ({"project": ["17"]}, "project"),
        ({"project": "18"}, "project"),
        ({"project": "17", "case": 1}, "case"),
    ],
)
def test_a_program_is_told_the_same_and_no_case_exists(
    client: Any, people: Any, application: Any, values: dict[str, Any], path: str
) -> None:
    people.add("citizen", "citizen")
    answer = Api.signed_in(client, "citizen").post("/cases", {"process": "enquiry", "values": values})
    assert code_of(answer) == (422, "invalid")
    assert list(answer.json["errors"]) == [path]  # type: ignore[index]
    assert count(application, Case) == 0


def test_a_program_sees_the_form_and_starts_with_its_values(client: Any, people: Any) -> None:
    people.add("citizen", "citizen")
    people.add("inspector", "inspector")
    citizen = Api.signed_in(client, "citizen")
    found = {one["key"]: one for one in citizen.get("/processes").json}  # type: ignore[union-attr]
    assert list(found["enquiry"]["form"]["properties"]) == ["project", "units"]
    assert found["payment"]["form"] is None
    answer = citizen.post("/cases", {"process": "enquiry", "values": {"project": "17"}})
    assert answer.status_code == 201, answer.text
    assert answer.json["case"]["summary"] == "پروژهٔ 17"  # type: ignore[index]
    other = Api.signed_in(client, "inspector")
    assert code_of(other.post("/cases", {"process": "enquiry", "values": {}})) == (404, "not_found")


def test_whose_it_is_not_finds_no_page(signed_in: Browser, application: Any) -> None:
    browser = signed_in("inspector")
    assert browser.get("/start/enquiry").status_code == 404
    assert send(browser, "/start/enquiry", project="").status_code == 404
    assert browser.get("/start/nothing").status_code == 404
    assert count(application, Case) == 0


def test_a_process_that_asks_nothing_has_a_page_with_a_button(signed_in: Browser) -> None:
    browser = signed_in("contractor")
    page = browser.get("/start/project_registration")
    assert page.status_code == 200
    assert 'action="/start/project_registration"' in page.text
    answer = browser.post("/start/project_registration", data={"csrf_token": token(browser)})
    assert answer.status_code == 303
