"""Who may do what at every address: the whole application against the table in ``authorisation.toml``."""

from __future__ import annotations

import io
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from werkzeug.test import TestResponse

from engine.identity import registration
from tests.conftest import SATURDAY, prepare
from tests.engine.test_documents import PDF
from tests.scenarios import gas_office as office
from tests.web.world import CSRF, OUTSIDE, SECRETS, SUBJECTS, World, build_world, changes, dump
from webapp.shell import access_log

TABLE = tomllib.loads(Path(__file__).with_name("authorisation.toml").read_text("utf-8"))
REFUSED = ("sign-in", "password", "enrol", "400", "403", "404")
UNKNOWN = {"number": "1405-00098765-7", "id": 98765, "payment": "T" + "0" * 35}
STRANGERS = ("contractor_b", "inspector_b", "citizen", "gas_office", "former")  # to the case that was just begun
SENT: dict[str, dict[str, Any]] = {  # what a request needs to come as far as doing something
    "POST /tasks/{property}": office.PROPERTY | {"renovation_code": "3-9-9-9"},
    "POST /tasks/{visit}": {"visit_date": "1405/09/01", "visit_time": "10:00"},
    "POST /cases/{by_hand}/suspend": {"reason": "بررسی"},
    "POST /cases/{by_hand}/cancel": {"reason": "به درخواست"},
    "POST /tasks/{hand}/reassign": {"person": ""},
    "POST /messages/send": {"role": "citizen", "title": "جلسه", "body": "شنبه"},
    "POST /payments/return/test": {"Authority": "{payment}", "Status": "OK"},
    "POST /test-gateway/{payment}": {"decision": "pay"},
    "POST /people/new": {
        "username": "someone",
        "first_name": "نیما",
        "last_name": "فرجی",
        "kind": "staff",
        "role": "finance",
    },
    "POST /people/{person}/roles": {"role": "finance"},
    "POST /people/{person}/openid": {"subject": "somebody"},
    "POST /office/openid": {"value": "staff", "role": "finance"},
    "POST /office/openid/new-accounts": {"allowed": "yes"},
    "POST /calendar/days/{day}": {"action": "holiday", "name": "برف", "reason": "برف"},
    "POST /calendar/settings": {
        "weekend": "friday",
        "opens": "08:00",
        "closes": "16:00",
        "zone": "Asia/Tehran",
        "reason": "تابستان",
    },
    "POST /office/processes/ticket": {"offered": "no"},
    "POST /office/rules": {
        "payment_minutes": "45",
        "file_megabytes": "6",
        "case_megabytes": "300",
        "person_megabytes": "500",
        "audit_access_days": "365",
        "audit_reading_days": "730",
        "audit_change_days": "3650",
        "reason": "تصمیم شورا",
    },
    "POST /api/v1/cases": {"process": "project_registration"},
    "PUT /api/v1/tasks/{property}/draft": {"values": {"address": "نشانی"}},
    "POST /api/v1/tasks/{property}/complete": {"values": office.PROPERTY | {"renovation_code": "3-9-9-9"}},
    "POST /api/v1/tasks/{visit}/complete": {"values": {"visit_date": "1405/09/01", "visit_time": "10:00"}},
}
QUERY = {
    "GET /payments/return/test": "?Authority={payment}&Status=OK",
    "GET /verify/{certificate}": "?s={signed}",
}
ROWS = [*TABLE["pages"], *TABLE["api"]]
OBJECTS = [row for row in ROWS if "{" in row]
UNSAFE_PAGES = [row for row in TABLE["pages"] if not row.startswith("GET")]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    built = build_world(tmp_path_factory.mktemp("files"), prepare=prepare, now=SATURDAY)
    yield built
    built.application.database.dispose()


def expected(row: str) -> dict[str, str]:
    """The answer that each subject gets: subject → answer."""
    given = (TABLE["pages"] if row in TABLE["pages"] else TABLE["api"])[row]
    answers = dict.fromkeys(OUTSIDE, "sign-in") | {"new": "password", "unenrolled": "enrol"}
    for answer, subjects in given.items():
        for subject in _members(subjects):
            answers[subject] = answer
    rest = answers.pop("all", None)
    assert rest or set(answers) == set(SUBJECTS), f"{row} does not say what everybody else gets"
    return {subject: answers.get(subject, rest or "") for subject in SUBJECTS}


def _members(words: str) -> Iterator[str]:
    for word in words.split():
        if word in TABLE["groups"]:
            yield from _members(TABLE["groups"][word])
        else:
            assert word == "all" or word in SUBJECTS, f"nobody is called {word}"
            yield word


def ask(world: World, row: str, subject: str, objects: dict[str, Any] | None = None, **more: Any) -> TestResponse:
    """What the subject gets for the request of a row; ``objects`` in the place of the world's."""
    method, _space, address = row.partition(" ")
    named = world.objects | (objects or {})
    path = (address + QUERY.get(row, "")).format(**named)
    sent = SENT.get(row, {})
    if not path.startswith("/api/"):
        values = {name: str(value).format(**named) for name, value in sent.items()}
        return world.ask(subject, method, path, data=values, **more)
    if row == "POST /api/v1/documents":
        form = {"case": named["begun"], "file": (io.BytesIO(PDF), "plan.pdf")}
        return world.call(subject, method, path, data=form)
    return world.call(subject, method, path, **({} if method == "GET" else {"json": sent}))


def outcome(row: str, answer: TestResponse) -> str:
    if answer.status_code == 303:
        ways = {"/sign-in": "sign-in", "/password": "password", "/account/second-factor": "enrol"}
        way = urlsplit(answer.location).path
        return "303" if way == answer.request.path.removesuffix("/off") else ways.get(way, "303")
    if answer.mimetype == "application/problem+json":
        codes = {
            "not_signed_in": "sign-in",
            "must_change_password": "password",
            "must_enrol_second_factor": "enrol",
        }
        return codes.get(answer.json["code"], str(answer.status_code))  # type: ignore[index]
    return str(answer.status_code)


def test_every_route_has_a_line_in_the_table(world: World) -> None:
    known = {
        (rule.endpoint, method)
        for rule in world.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    match = world.app.url_map.bind("localhost").match
    listed = set()
    for row in ROWS:
        method, _space, address = row.partition(" ")
        listed.add((match(address.format(**world.objects), method=method)[0], method))
    assert listed == known, f"without a line: {sorted(known - listed)}"


@pytest.mark.rule("DOC-1", "CASE-1")
@pytest.mark.parametrize("row", ROWS)
def test_everybody_gets_what_the_table_says(world: World, row: str) -> None:
    """And a request that is refused changes not one row of the database, not even for a moment."""
    wrong = []
    for subject, wanted in expected(row).items():
        with world.undone() as connection:
            before = changes(connection)
            answer = ask(world, row, subject)
            got, changed = outcome(row, answer), changes(connection) - before
            answer.close()
        if got != wanted:
            wrong.append(f"{subject}: {got} and not {wanted}")
        elif changed and got in REFUSED and row != "POST /sign-out":
            wrong.append(f"{subject}: {got}, and yet {changed} rows changed")
    assert not wrong, "\n".join(wrong)


@pytest.mark.rule("CASE-1", "DOC-1")
@pytest.mark.parametrize("row", OBJECTS)
def test_what_is_not_ones_own_answers_like_what_does_not_exist(world: World, row: str) -> None:
    """In status and in every letter: neither a name nor a title nor that there is such a thing leaks out."""
    name = re.findall(r"{(\w+)}", row)[0]
    kind = "id" if isinstance(world.objects[name], int) else "payment" if name == "payment" else "number"
    for subject, wanted in expected(row).items():
        if subject not in STRANGERS or wanted not in ("403", "404"):
            continue
        foreign, unknown = ask(world, row, subject), ask(world, row, subject, {name: UNKNOWN[kind]})
        if subject == "gas_office" and outcome(row, unknown) != wanted:
            continue  # they see this case, and are told that they may not stop it
        assert outcome(row, unknown) == wanted, subject
        assert _text(foreign) == _text(unknown), subject
        for secret in (*SECRETS, *world.objects.values()):
            assert not isinstance(secret, str) or secret not in _text(foreign), f"{subject} reads {secret}"


def _text(answer: TestResponse) -> str:
    """What the answer says, but for the address that was asked for and the number of the request."""
    return answer.text.replace(answer.request.path, "…").replace(answer.headers[access_log.HEADER], "…")


@pytest.mark.parametrize("subject", STRANGERS)
def test_lists_and_searches_show_nobody_a_foreign_case(world: World, subject: str) -> None:
    number = world.objects["begun"]
    for q in ("", number, number.replace("-", ""), "آزادی", "contractor-of-the-case"):
        for path in ("/cases", "/worklist", "/messages"):
            page = world.ask(subject, "GET", path, query_string={"q": q}).text.replace(f'value="{q}"', "")
            assert not re.search(rf'href="/(tasks|cases)/({number}|{world.objects["property"]})\b', page), (path, q)
        for path in ("/api/v1/cases", "/api/v1/tasks"):
            items = world.call(subject, "GET", path, query_string={"q": q}).json["items"]  # type: ignore[index]
            assert number not in str(items), (path, q)


@pytest.mark.parametrize(
    "path",
    [
        "//people",
        "/people/",
        "/people;x",
        "/PEOPLE",
        "/%70eople",
        "/cases/..%2fpeople",
        "/./people",
        "/people%00",
        "/api/..;/people",
    ],
)
def test_no_spelling_of_an_address_goes_around_the_guards(world: World, path: str) -> None:
    for subject in ("nobody", "contractor"):
        answer = world.ask(subject, "GET", path)
        assert answer.status_code in (303, 308, 403, 404), f"{subject} {path}: {answer.status_code}"
        assert "name-inspector" not in answer.text


# Forged requests


@pytest.mark.parametrize("row", UNSAFE_PAGES)
def test_a_request_without_the_token_of_this_session_is_refused(world: World, row: str) -> None:
    subject = next((who for who, answer in expected(row).items() if answer in ("200", "303", "422")), "contractor")
    refused: dict[str, dict[str, Any]] = {
        "no token": {"csrf": None},
        "another session's": {"csrf": "token-of-another-session"},
        "empty": {"csrf": ""},
        "from another site": {"csrf": CSRF, "headers": {"Sec-Fetch-Site": "cross-site"}},
    }
    for how, more in refused.items():
        with world.undone() as connection:
            before = changes(connection)
            answer = ask(world, row, subject, **more)
            assert changes(connection) == before or "/payments/return" in row, how
        if "/payments/return" not in row:
            assert answer.status_code == 400, how


@pytest.mark.rule("PAY-1", "PAY-2")
def test_the_return_from_the_bank_is_exempt_and_settles_nothing_by_itself(world: World) -> None:
    """Whoever says what: the payment stays open and the invoice unpaid until the bank itself has said so."""
    exempt = {endpoint for endpoint, view in world.app.view_functions.items() if getattr(view, "csrf_exempt", False)}
    assert exempt == {"payments.come_back"}
    for subject in ("nobody", "contractor", "contractor_b", "admin"):
        for row in ("GET /payments/return/test", "POST /payments/return/test"):
            with world.undone() as connection:
                ask(world, row, subject, csrf=None)
                found = connection.exec_driver_sql(
                    "SELECT payments.state, invoices.status FROM payments JOIN invoices ON invoices.id ="
                    " payments.invoice_id WHERE payments.authority = ?",
                    (world.objects["payment"],),
                ).one()
                assert tuple(found) == ("started", "open")


def test_the_api_knows_no_cookies_and_pages_no_bearer_tokens(world: World) -> None:
    """So that no page of another site can call the API, and no stolen token opens pages."""
    assert world.ask("contractor", "GET", "/api/v1/cases").status_code == 401
    assert world.call("contractor", "GET", "/cases").status_code == 303
    world.tokens["mixed", "browser"] = world.tokens["contractor", "api"]
    world.tokens["mixed", "api"] = world.tokens["contractor", "browser"]
    assert world.ask("mixed", "GET", "/cases").status_code == 303
    assert world.call("mixed", "GET", "/api/v1/cases").status_code == 401


# Rights that end


def test_a_role_that_was_taken_away_opens_nothing_from_the_next_request_on(world: World) -> None:
    person = world.people["gas_office"]
    task, case = f"/tasks/{world.objects['hand']}", f"/cases/{world.objects['by_hand']}"
    with world.undone() as connection:
        assert world.ask("gas_office", "GET", task).status_code == 200
        found = "SELECT id FROM role_grants WHERE person_id = ?"
        grant = connection.exec_driver_sql(found, (person,)).scalar_one()
        assert world.ask("admin", "POST", f"/people/{person}/roles/{grant}/revoke").status_code == 303
        for path in (task, case, "/messages/send"):
            assert world.ask("gas_office", "GET", path).status_code in (403, 404), path
        assert world.ask("gas_office", "POST", f"{task}/claim").status_code == 404
        assert world.call("gas_office", "GET", f"/api/v1{task}").status_code == 404
        assert world.call("gas_office", "GET", f"/api/v1{case}").status_code == 404
        assert world.call("gas_office", "GET", "/api/v1/tasks").json["items"] == []  # type: ignore[index]


def test_a_personal_task_ends_with_the_role_at_every_door(world: World) -> None:
    """With the session and the token from before: whoever took the role, by whatever way."""
    person, task = world.people["inspector"], world.objects["visit"]
    visit = SENT["POST /api/v1/tasks/{visit}/complete"]
    draft, done = f"/api/v1/tasks/{task}/draft", f"/api/v1/tasks/{task}/complete"
    with world.undone() as connection:
        assert world.call("inspector", "GET", f"/api/v1/tasks/{task}").status_code == 200
        connection.exec_driver_sql("DELETE FROM role_grants WHERE person_id = ?", (person,))
        for method, path in (("GET", f"/tasks/{task}"), ("POST", f"/tasks/{task}"), ("POST", f"/tasks/{task}/files")):
            assert world.ask("inspector", method, path, data={}).status_code == 404, (method, path)
        assert world.call("inspector", "GET", f"/api/v1/tasks/{task}").status_code == 404
        assert world.call("inspector", "PUT", draft, json={"values": {}}).status_code == 404
        assert world.call("inspector", "POST", done, json=visit).status_code == 404
        assert world.call("inspector", "GET", "/api/v1/tasks").json["items"] == []  # type: ignore[index]
        assert f"/tasks/{task}" not in world.ask("inspector", "GET", "/worklist").text


@pytest.mark.parametrize("how", ["lock", "password"])
def test_an_account_that_was_locked_or_given_a_new_password_is_out_at_once(world: World, how: str) -> None:
    with world.undone():
        person = world.people["contractor"]
        assert world.ask("admin", "POST", f"/people/{person}/{how}").status_code in (200, 303)
        assert world.ask("contractor", "GET", "/worklist").location.startswith("/sign-in?next=")
        answer = world.ask("contractor", "POST", f"/tasks/{world.objects['property']}", data={"floors": "3"})
        assert answer.location.startswith("/sign-in?next=")
        assert world.call("contractor", "GET", "/api/v1/cases").status_code == 401
        assert world.call("contractor", "POST", "/api/v1/cases", json={}).status_code == 401


# Values that nobody asked for

FORGED = {
    "id": "1",
    "role": "admin",
    "roles": "admin",
    "is_admin": "1",
    "active": "1",
    "person_id": "1",
    "assignee_id": "1",
    "contractor_id": "1",
    "inspector_id": "1",
    "started_by_id": "1",
    "status": "completed",
    "state": "settled",
    "total": "1",
    "amount": "1",
    "must_change_password": "",
    "mobile_verified": "1",
    "project_id": "1",
    "code": "1",
}


def test_columns_that_are_posted_along_are_not_taken(world: World) -> None:
    """The step does exactly what it does without them."""
    row = "POST /tasks/{property}"
    dumps = []
    for forged in ({}, FORGED):
        with world.undone() as connection:
            values = {name: str(value) for name, value in (SENT[row] | forged).items()}
            answer = world.ask("contractor", "POST", row.partition(" ")[2].format(**world.objects), data=values)
            assert answer.status_code == 303
            dumps.append(dump(connection, but=("state", "token")))
    assert dumps[0] == dumps[1]


@pytest.mark.rule("ACC-1")
def test_nobody_registers_with_a_role(world: World) -> None:
    citizen = {"first_name": "سارا", "last_name": "مرادی", "mobile": "09120009999", "kind": "citizen"}
    with world.undone() as connection:
        values = FORGED | citizen | {"password": "moon over karaj"}
        assert world.ask("nobody", "POST", "/register", data=values).status_code == 303
        pending = "SELECT mark, kind FROM pending_registrations WHERE mobile = '09120009999'"
        mark, kind = connection.exec_driver_sql(pending).one()
        assert kind == "citizen"
        text = connection.exec_driver_sql("SELECT text FROM outbox WHERE receiver = '09120009999'").scalar_one()
        code = re.search(r"\d{6}", text)
        with world.application.engine.transaction() as session:
            person = registration.confirm(session, world.application.accounts.codes, mark, code[0], now=SATURDAY)
            assert {grant.role for grant in person.roles} == {"citizen"}
