"""Fixtures of the web tests: programs that use the API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.api_client import Api


@pytest.fixture
def contractor(client: Any, people: Any) -> Api:
    people.add("contractor", "contractor")
    return Api.signed_in(client, "contractor")


@pytest.fixture
def stranger(client: Any, people: Any) -> Api:
    people.add("contractor-2", "contractor")
    return Api.signed_in(client, "contractor-2")


@pytest.fixture
def project(contractor: Api) -> dict[str, Any]:
    """A project that was just started: ``case`` and its one task."""
    answer = contractor.post("/cases", {"process": "project_registration"})
    assert answer.status_code == 201, answer.text
    return {"case": answer.json["case"], "task": answer.json["tasks"][0]}
