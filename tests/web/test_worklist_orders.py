"""The orders of the worklist: declared once, and then on the page, at its heads and in the API."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from engine.queries import worklist
from models.case import Case
from tests.test_architecture import ROOT
from tests.web.api_client import Api
from webapp.api.openapi import document

TEMPLATE = ROOT / "webapp" / "templates" / "work" / "worklist.html"


def test_a_new_order_is_on_the_page_and_in_the_api_by_its_declaration_alone(
    monkeypatch: pytest.MonkeyPatch, signed_in: Any, client: FlaskClient
) -> None:
    browser = signed_in("contractor")
    contractor: Any = Api.signed_in(client, "contractor")
    numbers = [contractor.post("/cases", {"process": "project_registration"}).json["case"]["number"] for _case in "ab"]
    opened = worklist.SortColumn(Case.id.expression, int, lambda task: task.case_id)
    monkeypatch.setitem(worklist.SORTS, "opened", worklist.Sort("شروع پرونده", (opened,)))

    page = browser.get("/worklist?sort=opened").text
    assert re.search(r'<option[^>]* value="opened"[^>]*>به ترتیب شروع پرونده</option>', page)
    calls = document()["paths"]
    sort = next(each for each in calls["/tasks"]["get"]["parameters"] if each.get("name") == "sort")
    assert sort["schema"] == {"enum": ["priority", "due", "since", "number", "opened"], "default": "priority"}
    first = contractor.get("/tasks", sort="opened", limit=1).json
    second = contractor.get("/tasks", sort="opened", limit=1, cursor=first["next"]).json
    assert [page["items"][0]["case"] for page in (first, second)] == numbers


def test_heads_of_the_worklist_sort_by_orders_that_there_are() -> None:
    heads = re.findall(r'"sort": "(\w+)"', TEMPLATE.read_text("utf-8"))
    assert set(heads) <= worklist.SORTS.keys()
    assert heads
