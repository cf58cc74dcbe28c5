"""The page of open actions and its twin for programs."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.web.api_client import Api
from tests.web.test_pages import Browser, started


def test_who_has_none_is_not_led_there(signed_in: Browser) -> None:
    browser = signed_in("citizen")
    assert 'href="/actions"' not in browser.get("/worklist").text
    page = browser.get("/actions")
    assert (page.status_code, "اکنون اقدامی برای شما باز نیست" in page.text) == (200, True)


def test_each_row_leads_to_the_actions_form(signed_in: Browser) -> None:
    browser = signed_in("contractor")
    task = started(browser)
    number = re.search(r"/cases/([0-9-]+)", browser.get(task).text)[1]  # type: ignore[index]
    assert 'href="/actions"' in browser.get("/worklist").text
    page = browser.get("/actions").text
    assert number in page
    action = re.search(r'class="btn btn-outline btn-sm" href="(/tasks/[0-9]+)"', page)[1]  # type: ignore[index]
    assert action != task
    assert browser.get(action).status_code == 200


@pytest.mark.both_databases("search")
def test_it_is_narrowed_by_process_action_and_words(signed_in: Browser) -> None:
    browser = signed_in("contractor")
    started(browser)
    page = browser.get("/actions").text
    key, name = re.findall(r'<option value="(\w+)">([^<]+)</option>', page.partition('name="action"')[2])[0]
    assert name in browser.get(f"/actions?action={key}&process=project_registration").text
    for query in ("action=nothing", "process=payment", "q=1405-999999-9", "q=٪_%'\\"):
        narrowed = browser.get(f"/actions?{query}")
        assert narrowed.status_code == 200
        assert "اقدامی با این جستجو پیدا نشد" in narrowed.text, query
    assert browser.get("/actions?cursor=nonsense").status_code == 422


def test_a_program_lists_and_triggers_them(client: Any, people: Any) -> None:
    people.add("contractor", "contractor")
    people.add("contractor-2", "contractor")
    api = Api.signed_in(client, "contractor")
    begun: Any = api.post("/cases", {"process": "project_registration"}).json
    found: Any = api.get("/actions").json
    assert {(one["case"], one["kind"]) for one in found["items"]} == {(begun["case"]["number"], "action")}
    last = found["items"][-1]
    assert api.get("/actions", action=last["key"]).json == {"items": [last], "next": None}
    first: Any = api.get("/actions", limit=1).json
    assert api.get("/actions", cursor=first["next"]).json["items"] == found["items"][1:]  # type: ignore[index]
    assert api.get("/actions", process="payment").json == {"items": [], "next": None}
    assert Api.signed_in(client, "contractor-2").get("/actions").json == {"items": [], "next": None}
