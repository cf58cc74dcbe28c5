"""What one request may bring, before anything looks at it; on a real server: ``tests/prove/attacks/bodies.py``."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.engine.test_documents import PDF
from tests.play import Play
from tests.scenarios import tickets
from tests.web.api_client import Api, code_of
from webapp.shell import limits

JSON = "application/json"
URL_ENCODED = "application/x-www-form-urlencoded"


@pytest.fixture
def program(app: Flask, play: Play) -> Api:
    tickets.staff(play)
    return Api.signed_in(app.test_client(), "citizen")


@pytest.fixture
def task(program: Api, play: Play) -> int:
    play.start("ticket", by="citizen")
    return int(play.task("submit_ticket").id)


def token(client: FlaskClient, body: bytes, *, announced: bool = True) -> TestResponse:
    if announced:
        return client.post("/api/v1/token", data=body, content_type=JSON)
    environ = {"wsgi.input_terminated": True, "wsgi.input": io.BytesIO(body), "HTTP_TRANSFER_ENCODING": "chunked"}
    return client.post("/api/v1/token", content_type=JSON, environ_overrides=environ)


@pytest.mark.parametrize("announced", [True, False])
def test_a_stranger_may_send_ten_kilobytes_of_json(client: FlaskClient, announced: bool) -> None:
    most = limits.MAX_ANONYMOUS_JSON - (not announced)  # of unknown length, a body that fills the room counts as cut
    for size, code in ((most, (401, "not_signed_in")), (most + 1, (413, "too_large"))):
        given = {"username": "nobody", "password": "x" * 900, "more": ""}
        given["more"] = "x" * (size - len(json.dumps(given)))
        assert code_of(token(client, json.dumps(given).encode(), announced=announced)) == code


def test_only_somebody_with_a_valid_token_may_send_more(program: Api, task: int) -> None:
    body = {"values": {"body": "x" * 50_000}}
    path = f"/api/v1/tasks/{task}/draft"
    assert program.put(f"/tasks/{task}/draft", body).status_code == 204
    for authorization in ("", "Bearer wrong", "Bearer "):
        headers = {"Authorization": authorization} if authorization else {}
        assert program.client.put(path, json=body, headers=headers).status_code == 401


def test_json_of_a_person_is_limited_in_bytes_values_and_depth(program: Api, task: int) -> None:
    path = f"/tasks/{task}/complete"
    deep: Any = 1
    for _level in range(limits.MAX_DEPTH + 1):
        deep = [deep]
    for values in ({"title": "x" * limits.MAX_JSON}, {"title": [1] * limits.MAX_VALUES}, {"title": deep}):
        assert code_of(program.post(path, {"values": values})) == (413, "too_large")
    unread = b"[" * (limits.MAX_VALUES + 1)  # refused before it is parsed, and so before it proves to be no JSON
    assert code_of(program.call("POST", path, data=unread, content_type="application/json")) == (413, "too_large")


def test_names_that_the_form_does_not_have_are_refused_in_few_words(program: Api, task: int) -> None:
    unknown = {f"name-{number}": number for number in range(9_000)}
    answer = program.post(f"/tasks/{task}/complete", {"values": {**unknown, **tickets.ASKS}})
    assert code_of(answer) == (422, "invalid")
    assert len(answer.json["errors"]) <= 20 and len(answer.data) < 10_000
    assert program.put(f"/tasks/{task}/draft", {"values": {**unknown, "title": "عنوان"}}).status_code == 204
    assert program.get(f"/tasks/{task}").json["values"]["title"] == "عنوان", "a known name after unknown ones counts"


@pytest.mark.parametrize("path", ["/sign-in", "/register", "/language/fa", "/payments/return/test"])
def test_a_form_has_so_many_fields_and_bytes_in_every_encoding(client: FlaskClient, path: str) -> None:
    many = "&".join(f"f{number}=" for number in range(limits.MAX_FIELDS + 1))
    parts = {f"f{number}": "" for number in range(limits.MAX_FIELDS + 1)}
    bodies: list[dict[str, Any]] = [
        {"data": many, "content_type": URL_ENCODED},
        {"data": parts, "content_type": "multipart/form-data"},
        {"data": "f=" + "x" * limits.MAX_ANONYMOUS_FORM, "content_type": URL_ENCODED},
        {"data": {"f": "x" * limits.MAX_ANONYMOUS_FORM}, "content_type": "multipart/form-data"},
    ]
    for body in bodies:
        answer = client.post(path, **body)
        assert answer.status_code == 413, body["content_type"]
        assert "بیش از اندازه بزرگ" in answer.text


def test_files_are_taken_where_files_are_asked_for_and_nowhere_else(signed_in: Any, play: Play) -> None:
    browser = signed_in("citizen", "citizen")
    play.start("ticket", by="citizen")
    task = play.task("submit_ticket").id
    page = browser.get(f"/tasks/{task}")
    csrf = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
    large = PDF + b"%" + b"x" * limits.MAX_FORM

    def send(path: str) -> int:
        texts = {"csrf_token": csrf, "field": "files"}.items()
        parts = [f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}' for name, text in texts]
        parts.append('--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n')
        body = "\r\n".join(parts).encode() + large + b"\r\n--b--\r\n"
        return int(browser.post(path, data=body, content_type="multipart/form-data; boundary=b").status_code)

    assert send(f"/tasks/{task}/files") in (201, 422)  # looked at
    assert send("/messages/send") == send("/start/ticket") == send("/password") == 413


@pytest.mark.parametrize(
    ("address", "status"),
    [
        (f"/cases/{'x' * limits.MAX_PATH}", 414),
        (f"/cases?q={'x' * limits.MAX_QUERY}", 414),
        ("/cases?" + "&".join("a=1" for _each in range(limits.MAX_ARGUMENTS + 1)), 414),
        (f"/verify?s={'x' * 3_000}", 200),
    ],
)
def test_an_address_has_an_end(client: FlaskClient, address: str, status: int) -> None:
    answer = client.get(address)
    assert answer.status_code == status
    assert client.get(f"/api/v1{address}").status_code == (413 if status == 414 else 404)


def test_headers_have_an_end(client: FlaskClient) -> None:
    for name in ("Accept-Language", "X-Anything"):
        assert client.get("/sign-in", headers={name: "x" * limits.MAX_HEADERS}).status_code == 431
        assert client.get("/sign-in", headers={name: "x" * 4_000}).status_code == 200


def test_no_view_that_takes_no_file_may_be_sent_much(app: Flask) -> None:
    """Whoever adds a view with files says so; the list is short."""
    views = {name for name, view in app.view_functions.items() if getattr(view, "takes_files", False)}
    assert views == {"tasks.submit", "documents.upload", "api.upload"}
