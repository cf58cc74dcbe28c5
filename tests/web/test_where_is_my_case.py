"""What everyone involved sees of a case: its place in words and on the diagram, its history; and unread messages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from models.identifiers import damm_digit
from tests.conftest import SATURDAY, prepare
from tests.web.world import World, build_world

INVOLVED = ("contractor", "inspector", "supervisor", "admin")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    built = build_world(tmp_path_factory.mktemp("files"), prepare=prepare, now=SATURDAY)
    yield built
    built.application.database.dispose()


def page(world: World, who: str, path: str) -> str:
    answer = world.ask(who, "GET", path)
    assert answer.status_code == 200, f"{who} {path}: {answer.status_code}"
    return answer.text


@pytest.mark.rule("CASE-2")
@pytest.mark.parametrize("who", INVOLVED)
def test_everyone_involved_reads_what_is_waited_for_for_whom_since_when_until_when(world: World, who: str) -> None:
    text = page(world, who, f"/cases/{world.objects['inspection']}")
    sentence = re.search(r'<p class="place">(.*?)</p>', text, re.S)
    assert sentence is not None
    for words in ("تعیین زمان بازدید", "name-inspector", "۱۴۰۵/۰۸/۳۰", "۱۴۰۵/۰۹/۰"):
        assert words in sentence[1], words
    called = world.call(who, "GET", f"/api/v1/cases/{world.objects['inspection']}").json
    assert called is not None
    (wait,) = called["waits_for"]
    assert (wait["task"], wait["role"], wait["assignee"]) == ("schedule_visit", "inspector", "نام name-inspector")
    assert wait["since"] == "2026-11-21T06:30:00Z"
    assert wait["due"] > wait["since"]


@pytest.mark.rule("CASE-2")
@pytest.mark.parametrize("who", INVOLVED)
def test_everyone_involved_sees_the_place_on_the_diagram(world: World, who: str) -> None:
    address = f"/cases/{world.objects['inspection']}"
    marks = re.search(r'<script type="application/json">(\{"finished".*?)</script>', page(world, who, address), re.S)
    assert marks is not None
    shown = json.loads(marks[1])
    assert shown["waiting"] == ["schedule_visit"]
    assert {"inspection_assigned", "open_inspection"} <= set(shown["finished"])
    drawn = page(world, who, f"{address}/diagram.xml")
    assert all(f'bpmnElement="{element}"' in drawn for element in [*shown["waiting"], *shown["finished"]])


@pytest.mark.both_databases("search")
@pytest.mark.rule("CASE-1")
@pytest.mark.parametrize("who", ["contractor", "gas_office", "supervisor", "admin"])
def test_everyone_involved_reads_the_whole_history(world: World, who: str) -> None:
    text = page(world, who, f"/cases/{world.objects['by_hand']}/history")
    places = [text.find(words) for words in ("پرونده شروع شد", "«ثبت ملک جدید» انجام شد", "«ثبت کنتورها» انجام شد")]
    assert all(place > 0 for place in places), places
    assert places == sorted(places), "oldest first"
    assert "contractor-of-the-case" in text
    lines = world.call(who, "GET", f"/api/v1/cases/{world.objects['by_hand']}/history").json
    assert lines is not None
    assert lines[0]["what"] == "case_started"
    assert {line["task"] for line in lines} >= {"choose_property", "register_meters", "upload_documents"}


@pytest.mark.rule("CASE-1")
def test_no_slip_in_a_number_leads_to_another_case(world: World) -> None:
    """Every single wrong digit and every swap of two neighbours, in the numbers of all cases, is «not found»."""
    for number in {world.objects[name] for name in ("registration", "inspection", "by_hand", "begun")}:
        digits = number.replace("-", "")
        assert digits[-1] == damm_digit(digits[:-1])
        wrong = {digits[:n] + d + digits[n + 1 :] for n in range(len(digits)) for d in "0123456789"}
        wrong |= {digits[:n] + digits[n + 1] + digits[n] + digits[n + 2 :] for n in range(len(digits) - 1)}
        for slip in wrong - {digits}:
            assert world.call("admin", "GET", f"/api/v1/cases/{slip}").status_code == 404, slip
        persian = digits.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
        assert world.call("admin", "GET", f"/api/v1/cases/{persian}").json["number"] == number  # type: ignore[index]


@pytest.mark.both_databases("search")
@pytest.mark.rule("ACC-4")
def test_unread_messages_are_counted_on_every_page_until_they_are_read(world: World) -> None:
    def unread(who: str, path: str) -> str | None:
        found = re.search(r'class="bar__count">([۰-۹]+)<', page(world, who, path))
        return found and found[1]

    pages = [
        "/worklist",
        "/cases",
        "/messages",
        f"/cases/{world.objects['begun']}",
        "/password",
        f"/tasks/{world.objects['property']}",
    ]
    with world.undone():
        while (own := unread("contractor", "/worklist")) is not None:
            unseen = re.findall(r'href="/(messages/[0-9]+)"', page(world, "contractor", "/messages"))
            for address in unseen:
                page(world, "contractor", f"/{address}")
            assert unread("contractor", "/worklist") != own
        for sent in ({"role": "contractor"}, {"username": "contractor"}, {"role": "inspector"}, {"role": "finance"}):
            message: dict[str, Any] = {"title": "جلسه", "body": "شنبه ساعت ۱۰", **sent}
            assert world.ask("gas_office", "POST", "/messages/send", data=message).status_code == 303
        assert {path: unread("contractor", path) for path in pages} == dict.fromkeys(pages, "۲")
        assert unread("citizen", "/worklist") is None
        assert len(re.findall(r'href="/messages/[0-9]+"', page(world, "contractor", "/messages?kind=private"))) >= 1
        newest = re.findall(r'href="/(messages/[0-9]+)"', page(world, "contractor", "/messages"))[:2]
        for left, address in zip(("۱", None), newest, strict=True):
            page(world, "contractor", f"/{address}")
            assert {path: unread("contractor", path) for path in pages} == dict.fromkeys(pages, left)
