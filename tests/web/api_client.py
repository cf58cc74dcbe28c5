"""A program that uses the API, and holds every answer against the API's own description."""

from __future__ import annotations

import io
import re
from typing import Any

from flask.testing import FlaskClient
from openapi_schema_validator import OAS31Validator
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from tests.play import PASSWORD
from webapp.api.openapi import document

DESCRIBED = document()
BASE = "/api/v1"
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


class Api:
    """One signed-in program."""

    def __init__(self, client: FlaskClient, token: str = "") -> None:
        self.client = client
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    @classmethod
    def signed_in(cls, client: FlaskClient, username: str, password: str = PASSWORD) -> Api:
        answer = cls(client).post("/token", {"username": username, "password": password})
        assert answer.status_code == 200, answer.text
        return cls(client, answer.json["access_token"])

    def get(self, path: str, **arguments: Any) -> TestResponse:
        return self.call("GET", path, query_string=arguments)

    def post(self, path: str, body: Any = None, *, key: str | None = None, **more: Any) -> TestResponse:
        headers = {"Idempotency-Key": key} if key else {}
        if body is not None:
            more["json"] = body
        return self.call("POST", path, headers=headers, **more)

    def put(self, path: str, body: Any) -> TestResponse:
        return self.call("PUT", path, json=body)

    def complete(self, task: dict[str, Any], key: str | None = None, **values: Any) -> TestResponse:
        return self.post(f"/tasks/{task['id']}/complete", {"values": values}, key=key)

    def call(self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any) -> TestResponse:
        answer = self.client.open(BASE + path, method=method, headers={**self.headers, **(headers or {})}, **more)
        check_described(method, path, answer)
        return answer


def check_described(method: str, path: str, answer: TestResponse) -> None:
    """The answer is one that the description has for this call, and its JSON is of that shape."""
    for template, calls in DESCRIBED["paths"].items():
        if re.fullmatch(re.sub(r"\\{[a-z_]+\\}", "[^/]+", re.escape(template)), path) and method.lower() in calls:
            answers = calls[method.lower()]["responses"]
            assert str(answer.status_code) in answers, f"{method} {path}: {answer.status_code} {answer.text}"
            content = answers[str(answer.status_code)].get("content", {})
            if answer.mimetype in content:
                schema = {**content[answer.mimetype]["schema"], "components": DESCRIBED["components"]}
                OAS31Validator(schema).validate(answer.json)
            else:
                assert not content or "*/*" in content, f"{method} {path}: {answer.mimetype}"
            return


def code_of(answer: Any) -> tuple[int, str]:
    assert answer.mimetype == "application/problem+json"
    assert answer.json["status"] == answer.status_code
    return answer.status_code, answer.json["code"]


def count(application: Any, model: Any) -> int:
    with application.engine.transaction() as session:
        return session.scalar(select(func.count()).select_from(model))


def upload(api: Api, number: str, name: str = "plan.pdf", content: bytes = PDF, key: str | None = None) -> Any:
    return api.post("/documents", key=key, data={"case": number, "file": (io.BytesIO(content), name)})
