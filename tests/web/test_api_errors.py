"""The JSON API: repeated calls, errors, its description."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest
from openapi_spec_validator import validate

from models.account import IdempotencyKey
from models.case import Case
from tests.web.api_client import BASE, DESCRIBED, PDF, Api, code_of, count, upload
from webapp.shell import limits

# Repeated calls


@pytest.mark.both_databases("saving")
def test_a_repeated_call_is_done_once_and_answered_alike(contractor, application):
    first = contractor.post("/cases", {"process": "project_registration"}, key="start-1")
    again = contractor.post("/cases", {"process": "project_registration"}, key="start-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json == first.json
    assert count(application, Case) == 1

    task = first.json["tasks"][0]
    done = contractor.complete(task, key="done-1", source="new")
    assert contractor.complete(task, key="done-1", source="new").json == done.json
    assert code_of(contractor.complete(task, key="done-2", source="new")) == (409, "task_not_open")


def test_what_was_refused_is_refused_again(contractor, project):
    refused = contractor.complete(project["task"], key="wrong-1", source="nonsense")
    assert contractor.complete(project["task"], key="wrong-1", source="nonsense").json == refused.json
    assert code_of(contractor.complete(project["task"], key="wrong-1", source="new")) == (422, "idempotency_key_reused")
    assert contractor.complete(project["task"], key="right-1", source="new").status_code == 200


def test_a_key_is_ones_own_and_fits_one_call(contractor, stranger, application):
    contractor.post("/cases", {"process": "project_registration"}, key="k")
    assert stranger.post("/cases", {"process": "project_registration"}, key="k").status_code == 201
    answer = contractor.post("/cases", {"process": "payment"}, key="k")
    assert code_of(answer) == (422, "idempotency_key_reused")
    assert code_of(contractor.post("/cases", {}, key="x" * 101)) == (400, "malformed")
    assert count(application, IdempotencyKey) == 2


def test_a_repeated_upload_is_stored_once(contractor, project):
    first = upload(contractor, project["case"]["number"], key="file-1").json
    assert upload(contractor, project["case"]["number"], key="file-1").json == first
    other = upload(contractor, project["case"]["number"], content=PDF + b"\n", key="file-1")
    assert code_of(other) == (422, "idempotency_key_reused")


@pytest.mark.both_databases("locking")
def test_simultaneous_repeats_do_the_work_once(app, contractor, application):
    answers: list[Any] = []
    barrier = threading.Barrier(4)

    def call() -> None:
        api = Api(app.test_client())
        api.headers = contractor.headers
        barrier.wait()
        answers.append(api.post("/cases", {"process": "project_registration"}, key="at-once"))

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.text for answer in answers}) == 1
    assert count(application, Case) == 1


# Errors


def test_unknown_addresses_and_methods_are_problems_too(client, contractor):
    assert code_of(client.get(f"{BASE}/nonsense")) == (404, "not_found")
    assert code_of(client.get(f"{BASE}/tasks/99999999999999999999999")) == (404, "not_found")
    assert code_of(client.get(f"{BASE}/tasks/x")) == (404, "not_found")
    answer = client.delete(f"{BASE}/cases")
    assert code_of(answer) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"[]",
        b'"x"',
        b"[" * 10_000,
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b"\xff",
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_body_that_is_no_json_object_is_malformed(contractor, raw):
    answer = contractor.call("POST", "/cases", data=raw, content_type="application/json")
    assert code_of(answer) == (400, "malformed")


@pytest.mark.parametrize(
    "values",
    [[], "x", 1, {"source": {"a": 1}}, {"source": ["new"]}, {"\ud800": 1}, {"source": "\x00"}],
)
def test_values_of_a_wrong_kind_are_errors_and_never_failures(contractor, project, values):
    answer = contractor.post(f"/tasks/{project['task']['id']}/complete", {"values": values})
    assert code_of(answer) == (422, "invalid")
    assert contractor.put(f"/tasks/{project['task']['id']}/draft", {"values": values}).status_code in (204, 422)
    assert contractor.get(f"/tasks/{project['task']['id']}").status_code == 200


def test_too_much_at_once_is_told(contractor, project, monkeypatch):
    monkeypatch.setattr(limits, "MAX_UPLOAD", 1000)
    assert code_of(upload(contractor, project["case"]["number"], content=PDF + b" " * 2000)) == (413, "too_large")


def test_messages_come_in_the_language_asked_for(contractor):
    persian = contractor.get("/tasks/1").json["detail"]
    assert persian == "چیزی با این مشخصات پیدا نشد. آدرس و شماره را بررسی کنید."
    answer = contractor.call("GET", "/tasks/1", headers={"Accept-Language": "en"})
    assert answer.json["code"] == "not_found"


# The description


def test_the_description_is_valid_openapi(client):
    described = client.get("/api/openapi.json")
    assert described.json["openapi"].startswith("3.1")
    validate(described.json)


def test_every_call_is_described_and_every_description_is_a_call(app):
    called = {
        (_template(rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(f"{BASE}/")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    described = {(path, method) for path, calls in DESCRIBED["paths"].items() for method in calls}
    assert called == described


def test_the_page_of_the_api_uses_our_own_files_only(client):
    page = client.get("/api/")
    assert page.status_code == 200
    assert 'data-spec="/api/openapi.json"' in page.text
    assert "script-src" not in page.headers["Content-Security-Policy"]


def _template(rule: str) -> str:
    return re.sub(r"<(?:[^:>]*:)?([a-z_]+)>", r"{\1}", rule.removeprefix(BASE))
