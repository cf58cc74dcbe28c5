"""The JSON API: signing in, cases, tasks, documents."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.account import SignInSession
from models.case import Case
from tests import audited
from tests.play import PASSWORD
from tests.scenarios.gas_office import MANDATORY, METER, OWNER, PROPERTY, SURFACE, up_to_invoice
from tests.web.api_client import BASE, PDF, Api, code_of, count, upload

# Signing in


def test_a_token_opens_the_api_and_nothing_else_does(client, people, contractor):
    assert contractor.get("/processes").status_code == 200
    for sent in ("", "Bearer", "Bearer nonsense", "Basic x"):
        answer = client.get(f"{BASE}/processes", headers={"Authorization": sent})
        assert code_of(answer) == (401, "not_signed_in")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_browsers_session_is_no_token(client, signed_in, application):
    browser = signed_in("contractor")
    assert code_of(browser.get(f"{BASE}/processes")) == (401, "not_signed_in")


def test_a_wrong_password_and_an_unknown_user_are_answered_alike(client, people):
    people.add("contractor", "contractor")
    answers = [
        Api(client).post("/token", {"username": name, "password": "nonsense-123"})
        for name in ("contractor", "nobody-at-all")
    ]
    assert [code_of(answer) for answer in answers] == [(401, "not_signed_in")] * 2
    assert answers[0].json == answers[1].json


@pytest.mark.rule("ACC-2")
def test_guessing_is_stopped_with_the_time_to_wait(client, people):
    people.add("contractor", "contractor")
    for _ in range(5):
        Api(client).post("/token", {"username": "contractor", "password": "nonsense-123"})
    answer = Api(client).post("/token", {"username": "contractor", "password": PASSWORD})
    assert code_of(answer) == (429, "too_many")
    assert 0 < int(answer.headers["Retry-After"]) <= 901


@pytest.mark.rule("ACC-5")
def test_user_names_and_numbers_are_read_in_any_digits(client, people):
    people.add("12-30-01234", "inspector")
    Api.signed_in(client, "۱۲-۳۰-٠١٢٣٤")
    people.add("09123456789", "citizen")
    Api.signed_in(client, "+98 ۹۱۲ ۳۴۵ ۶۷۸۹")


def test_a_token_ends_by_itself_and_when_it_is_ended(client, contractor, clock, application):
    assert contractor.call("DELETE", "/token").status_code == 204
    assert code_of(contractor.get("/processes")) == (401, "not_signed_in")

    again = Api.signed_in(client, "contractor")
    clock.advance(timedelta(hours=12, seconds=1))
    assert code_of(again.get("/processes")) == (401, "not_signed_in")
    assert count(application, SignInSession) >= 1


@pytest.mark.rule("ACC-3")
def test_a_first_password_must_be_changed_before_a_token_is_given(client, people, application):
    made = people.add("contractor", "contractor")
    with application.engine.transaction() as session:
        first = application.accounts.give_first_password(session.merge(made), now=application.clock())
    answer = Api(client).post("/token", {"username": "contractor", "password": first})
    assert code_of(answer) == (403, "must_change_password")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": "x"},
        {"username": ["x"], "password": 1},
        {"username": "\ud800", "password": "\x00\ud800"},
    ],
)
def test_credentials_of_a_wrong_kind_are_refused_in_place(client, body):
    answer = Api(client).post("/token", body)
    assert answer.status_code in (401, 422)


# Cases and tasks


def test_processes_say_which_the_caller_may_start(contractor):
    by_key = {process["key"]: process for process in contractor.get("/processes").json}
    assert by_key["project_registration"]["may_start"] is True
    assert by_key["payment"]["may_start"] is False
    assert by_key["project_registration"]["version"] >= 1


@pytest.mark.both_databases("story")
@pytest.mark.rule("REG-1", "REG-2", "REG-4")
def test_a_case_goes_on_step_by_step(contractor, project):
    assert project["task"]["key"] == "choose_property"
    assert project["case"]["status"] == "running"
    assert [wait["task"] for wait in project["case"]["waits_for"]] == ["choose_property"]
    assert "cancel_registration" in [action["key"] for action in project["case"]["actions"]]

    step = contractor.complete(project["task"], source="new").json
    assert [task["key"] for task in step["tasks"]] == ["register_property"]
    step = contractor.complete(step["tasks"][0], **PROPERTY).json
    assert [task["key"] for task in step["tasks"]] == ["register_owner"]
    assert step["messages"]
    step = contractor.complete(step["tasks"][0], **OWNER).json
    assert step["case"]["number"] == project["case"]["number"]

    history = contractor.get(f"/cases/{step['case']['number']}/history").json
    assert history[0]["what"] == "case_started"
    assert [entry["task"] for entry in history if entry["what"] == "task_completed"][:2] == [
        "choose_property",
        "register_property",
    ]


def test_a_task_comes_with_its_form_and_what_was_saved_before(contractor, project):
    task = contractor.get(f"/tasks/{project['task']['id']}").json
    assert task["form"]["$schema"].endswith("2020-12/schema")
    assert task["form"]["properties"]["source"]["enum"] == ["new", "existing"]
    assert task["draft"] is False

    assert contractor.put(f"/tasks/{task['id']}/draft", {"values": {"source": "existing"}}).status_code == 204
    task = contractor.get(f"/tasks/{task['id']}").json
    assert task["values"]["source"] == "existing"
    assert task["draft"] is True


def test_wrong_values_are_refused_field_by_field_and_nothing_is_kept(contractor, project):
    step = contractor.complete(project["task"], source="new").json
    answer = contractor.complete(step["tasks"][0], **PROPERTY | {"postal_code": "123", "colour": "red"})
    assert code_of(answer) == (422, "invalid")
    assert set(answer.json["errors"]) == {"postal_code", "colour"}
    assert contractor.get(f"/tasks/{step['tasks'][0]['id']}").status_code == 200


@pytest.mark.rule("REG-2")
def test_what_an_operation_refuses_is_told_at_its_field(contractor, stranger, project):
    step = contractor.complete(project["task"], source="new").json
    contractor.complete(step["tasks"][0], **PROPERTY)
    other = stranger.post("/cases", {"process": "project_registration"}).json
    step = stranger.complete(other["tasks"][0], source="new").json
    answer = stranger.complete(step["tasks"][0], **PROPERTY)
    assert code_of(answer) == (422, "invalid")
    assert list(answer.json["errors"]) == ["renovation_code"]


def test_rows_name_their_errors_by_their_place_as_sent(contractor, project):
    step = contractor.complete(project["task"], source="new").json
    step = contractor.complete(step["tasks"][0], **PROPERTY).json
    step = contractor.complete(step["tasks"][0], **OWNER).json
    step = contractor.complete(step["tasks"][0], **SURFACE).json
    assert [task["key"] for task in step["tasks"]] == ["register_meters"]
    meters = [{}, METER | {"consumption": 90}]  # the first one is blank and does not count
    answer = contractor.complete(step["tasks"][0], meters=meters, all_registered=True)
    assert code_of(answer) == (422, "invalid")
    assert list(answer.json["errors"]) == ["meters.1.consumption"]


def test_what_others_may_not_see_does_not_exist_for_them(contractor, stranger, project):
    number, task_id = project["case"]["number"], project["task"]["id"]
    answers = [
        stranger.get(f"/cases/{number}"),
        stranger.get(f"/cases/{number}/history"),
        stranger.get(f"/tasks/{task_id}"),
        stranger.post(f"/tasks/{task_id}/claim"),
        stranger.complete(project["task"], source="new"),
        stranger.put(f"/tasks/{task_id}/draft", {"values": {}}),
        stranger.get("/tasks/999999999"),
        stranger.get("/cases/1405-000001-1"),
        stranger.get("/documents/1"),
    ]
    assert [code_of(answer) for answer in answers] == [(404, "not_found")] * len(answers)
    assert stranger.get("/cases").json == {"items": [], "next": None}
    assert stranger.get("/tasks").json["items"] == []


def test_a_task_is_completed_once(contractor, project):
    assert contractor.complete(project["task"], source="new").status_code == 200
    assert code_of(contractor.complete(project["task"], source="new")) == (409, "task_not_open")
    assert code_of(contractor.get(f"/tasks/{project['task']['id']}")) == (409, "task_not_open")


@pytest.mark.both_databases("search")
def test_lists_go_on_by_cursor(contractor):
    numbers = [contractor.post("/cases", {"process": "project_registration"}).json["case"]["number"] for _ in range(3)]
    first = contractor.get("/cases", limit=2).json
    second = contractor.get("/cases", limit=2, cursor=first["next"]).json
    assert [case["number"] for case in first["items"] + second["items"]] == numbers[::-1]
    assert second["next"] is None
    assert len(contractor.get("/tasks", mine="true", limit=100).json["items"]) == 3
    assert contractor.get("/tasks", group="true").json["items"] == []
    assert len(contractor.get("/cases", q=numbers[0]).json["items"]) == 1
    assert contractor.get("/cases", status="completed").json["items"] == []


@pytest.mark.parametrize(
    "arguments", [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"cursor": "x"}, {"cursor": "WzFd"}]
)
def test_wrong_arguments_are_told(contractor, arguments):
    assert code_of(contractor.get("/cases", **arguments)) == (422, "invalid")
    assert code_of(contractor.get("/tasks", **arguments)) == (422, "invalid")


@pytest.mark.both_databases("search")
@pytest.mark.parametrize("arguments", [{"q": "\x00"}, {"process": "\x00'"}, {"status": "nonsense"}, {"q": "٪_%'\\"}])
def test_strange_arguments_find_nothing(contractor, arguments):
    assert contractor.get("/cases", **arguments).status_code == 200


def test_only_ones_own_processes_can_be_started(client, people):
    people.add("12-30-01234", "inspector")
    inspector = Api.signed_in(client, "12-30-01234")
    for key in ("project_registration", "payment", "nonsense"):
        assert code_of(inspector.post("/cases", {"process": key})) == (404, "not_found")
    assert code_of(inspector.post("/cases", {})) == (422, "invalid")


def test_a_start_without_a_form_takes_no_values(contractor, application):
    answer = contractor.post("/cases", {"process": "project_registration", "values": {"step": "payment", "case": 1}})
    assert code_of(answer) == (422, "invalid")
    assert count(application, Case) == 0


# Documents


@pytest.mark.both_databases("story")
@pytest.mark.rule("DOC-1")
def test_a_file_is_kept_with_its_case_and_comes_back_as_an_attachment(application, contractor, stranger, project):
    answer = upload(contractor, project["case"]["number"], "نقشه.pdf")
    assert answer.status_code == 201, answer.text
    assert (answer.json["name"], answer.json["size"], answer.json["type"]) == ("نقشه.pdf", len(PDF), "application/pdf")

    with contractor.get(f"/documents/{answer.json['id']}") as file:
        assert file.data == PDF
        assert file.headers["Content-Disposition"].startswith("attachment")
        assert file.headers["X-Content-Type-Options"] == "nosniff"
    number = project["case"]["number"]
    assert audited.last(application) == ("document_downloaded", "contractor", ("case", number), "127.0.0.1")
    assert code_of(stranger.get(f"/documents/{answer.json['id']}")) == (404, "not_found")
    assert code_of(upload(stranger, project["case"]["number"])) == (404, "not_found")


@pytest.mark.rule("DOC-1")
def test_a_file_that_is_not_what_its_name_says_is_refused(contractor, project):
    for name, content in (("plan.pdf", b"<html>"), ("plan.exe", PDF), ("plan.pdf", b"")):
        answer = upload(contractor, project["case"]["number"], name, content)
        assert code_of(answer) == (422, "invalid")
        assert name in answer.json["errors"]["file"][0]
    assert set(contractor.post("/documents", data={}).json["errors"]) == {"file", "case"}


@pytest.mark.rule("DOC-1")
def test_a_form_cannot_name_a_document_of_another_case(contractor, stranger, project):
    foreign = upload(stranger, stranger.post("/cases", {"process": "project_registration"}).json["case"]["number"]).json
    step = contractor.complete(project["task"], source="new").json
    step = contractor.complete(step["tasks"][0], **PROPERTY).json
    step = contractor.complete(step["tasks"][0], **OWNER).json
    step = contractor.complete(step["tasks"][0], **SURFACE).json
    step = contractor.complete(step["tasks"][0], meters=[METER], all_registered=True).json
    task = contractor.get(f"/tasks/{step['tasks'][0]['id']}").json
    assert task["key"] == "upload_documents"
    rows = [{"title": title, "document": foreign["id"]} for title in MANDATORY]
    answer = contractor.complete(task, documents=rows)
    assert code_of(answer) == (422, "invalid")
    assert "documents.0.document" in answer.json["errors"]


@pytest.mark.rule("PAY-4")
def test_a_payer_finds_the_way_to_the_gateway(play, client):
    up_to_invoice(play).does("contractor", "review_invoice")
    task = play.task("payment_returned")
    found = Api.signed_in(client, "contractor").get(f"/tasks/{task.id}").json
    assert [link["url"] for link in found["links"]] == [play.payment().pay_url]
