"""A ticket that a unit leaves unanswered, in browsers, while a supervisor puts the clock of the demonstration ahead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from models.digits import ascii_digits
from tests.browser.conftest import PATIENCE, listen, sign_in_at
from tests.browser.registration import NUMBER
from tests.browser.site import Site, running
from tests.browser.test_pages import examine
from tests.conftest import prepare
from tests.databases import SQLITE, fresh_database
from tests.engine.test_documents import PDF, picture

BODY = "با سلام\nهنگام ورود پیام «رمز عبور درست نیست» می‌بینم."
PEOPLE = {
    "citizen": ("citizen", "", "محمد", "رضایی"),
    "unit-it": ("department_staff", "information_technology", "پویا", "عزیزی"),
    "president": ("president", "", "منوچهر", "کیانی"),
    "supervisor": ("supervisor", "", "هومن", "راد"),
}


def fill(site: Site) -> None:
    for count, (username, (role, scope, first_name, last_name)) in enumerate(PEOPLE.items()):
        names = {"first_name": first_name, "last_name": last_name}
        site.people.add(username, role, scope=scope, mobile=f"0912000100{count}", **names)


@pytest.fixture
def own_site(chromium: Browser, tmp_path: Any) -> Iterator[Site]:
    """A site of its own: its clock goes ahead, which would sign everybody else out."""
    with running(fresh_database(SQLITE, prepare=prepare), tmp_path, fill) as found:
        yield found


class Office:
    """Browsers of all who take part; who was signed out by the clock signs in again."""

    def __init__(self, chromium: Browser, site: Site, complaints: list[str]) -> None:
        self.chromium, self.site, self.complaints = chromium, site, complaints
        self.contexts: list[BrowserContext] = []
        self.pages: dict[str, Page] = {}

    def at(self, username: str, path: str, *, width: int = 1280) -> Page:
        page = self.pages.get(username) or self._open(username, width)
        page.goto(path)
        if "/sign-in" in page.url:
            sign_in_at(page, username)
            page.goto(path)
        return page

    def _open(self, username: str, width: int) -> Page:
        size: Any = {"width": width, "height": 900}
        context = self.chromium.new_context(base_url=self.site.url, locale="fa", viewport=size)
        context.set_default_timeout(PATIENCE)
        self.contexts.append(context)
        page = self.pages[username] = context.new_page()
        listen(page, self.complaints)
        return page

    def task(self, username: str, case: str, name: str) -> Page:
        """The step of this name, from the buttons of the case's page; a timer may be about to bring it."""
        page = self.at(username, f"/cases/{case}")
        button = page.locator(".page-head__actions").get_by_role("link", name=name)
        for _attempt in range(20):
            if button.count():
                break
            page.wait_for_timeout(300)
            page.reload()
        button.click()
        expect(page.locator("h1")).to_have_text(name)
        return page

    def sends(self, page: Page) -> None:
        with page.expect_navigation():
            page.locator("main form[data-keep] button.btn-primary[value=complete]").click()
        expect(page.locator(".note--success").first).to_be_visible()

    def put_ahead(self, amount: int, unit: str) -> None:
        page = self.at("supervisor", "/monitor")
        page.locator("#clock-amount").fill(str(amount))
        page.locator("[name=unit]").select_option(unit)
        with page.expect_navigation():
            page.get_by_role("button", name="جلو بردن ساعت").click()


@pytest.fixture
def office(chromium: Browser, own_site: Site, complaints: list[str]) -> Iterator[Office]:
    made = Office(chromium, own_site, complaints)
    yield made
    for context in made.contexts:
        context.close()


@pytest.mark.timeout(300)
@pytest.mark.rule("TKT-1", "TKT-2", "TKT-3", "TKT-5", "TKT-6")
def test_an_unanswered_ticket_goes_to_the_president_whose_answer_closes_both(office: Office) -> None:
    case = a_citizen_asks_with_files(office)
    the_unit_sees_it_with_the_time_left_and_leaves_it(office, case)
    office.put_ahead(3, "wd")
    the_citizen_asks_the_president(office, case)
    the_president_reads_all_and_answers(office, case)
    both_are_closed(office, case)


def a_citizen_asks_with_files(office: Office) -> str:
    page = office.at("citizen", "/worklist", width=390)
    page.get_by_role("button", name="مکاتبه با سازمان").click()
    expect(page.locator("h1")).to_have_text("نوشتن درخواست")
    page.locator("[name=unit]").select_option("information_technology")
    page.locator("[name=priority][value=urgent]").check(force=True)
    page.locator("[name=title]").fill("مشکل ورود به سامانه")
    page.locator("[name=body]").fill(BODY)
    page.locator("input[type=file]").set_input_files(
        [
            {"name": "نامه.pdf", "mimeType": "application/pdf", "buffer": PDF},
            {"name": "Penguins.png", "mimeType": "image/png", "buffer": picture("PNG")},
        ]
    )
    expect(page.locator("main form[data-keep]")).to_contain_text("Penguins.png")
    examine(page)
    office.sends(page)
    told = ascii_digits(page.locator(".note--success").first.inner_text())
    found = NUMBER.search(re.sub("[\u2066\u2069]", "", told))
    assert found, told
    page = office.at("citizen", f"/cases/{found[0]}")
    expect(page.locator(".talk__entry--asks")).to_contain_text("Penguins.png")
    examine(page)
    return found[0]


def the_unit_sees_it_with_the_time_left_and_leaves_it(office: Office, case: str) -> None:
    page = office.at("unit-it", "/worklist")
    expect(page.locator("table.list")).to_contain_text("روز کاری مانده")
    examine(page)
    examine(office.task("unit-it", case, "پاسخ به درخواست"))


def the_citizen_asks_the_president(office: Office, case: str) -> None:
    page = office.task("citizen", case, "درخواست از رئیس سازمان")
    assert ascii_digits(page.locator("[name=tracking_number]").input_value()) == case
    page.locator("[name=body]").fill("سه روز کاری گذشت و کسی پاسخ نداد.")
    examine(page)
    office.sends(page)
    page = office.at("unit-it", "/worklist")
    expect(page.locator(".due--over").first).to_be_visible()
    for who in ("president", "supervisor"):
        page = office.at(who, "/lists/overdue_tickets")
        expect(page.locator(".list__row--danger")).to_contain_text("مشکل ورود به سامانه")
        examine(page)


def the_president_reads_all_and_answers(office: Office, case: str) -> None:
    page = office.task("president", case, "پاسخ رئیس سازمان")
    talk = page.locator(".talk")
    for part in ("رمز عبور درست نیست", "Penguins.png", "سه روز کاری گذشت"):
        expect(talk).to_contain_text(part)
    page.locator("[name=body]").fill("دستور رسیدگی داده شد.")
    examine(page)
    office.sends(page)


def both_are_closed(office: Office, case: str) -> None:
    page = office.at("citizen", f"/cases/{case}")
    expect(page.locator(".page-head")).to_contain_text("پایان‌یافته")
    expect(page.locator(".talk__entry--answers").last).to_contain_text("دستور رسیدگی داده شد.")
    page = office.at("citizen", "/lists/tickets")
    expect(page.locator("main table")).to_contain_text("بسته شد")
    examine(page)
    page = office.at("unit-it", "/worklist")
    expect(page.locator("main")).to_contain_text("کار جدیدی ندارید")
