"""Every page type, for the people it is for: accessible, within the window, silent in the console."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import SignIn
from tests.browser.registration import Registration
from tests.browser.site import INSPECTOR, OWNER, STAFF, Site

PHONE, DESK = 390, 1280
AXE = Axe()
RULES = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
PAGES = [
    (
        "",
        ["/sign-in", "/register", "/forgot", "/nowhere", "/verify", "verify", "/verify/9-1405-000000-0?code=7QXM-3VTK"],
    ),
    ("contractor", ["/worklist", "/outbox"]),
    (
        OWNER,
        [
            "/worklist",
            "/cases",
            "/messages",
            "/password",
            "/cases/1405-000000-0",
            "finished case",
            "case that waits",
            "choose_property",
            "find_property",
            "register_owner",
            "register_meters",
            "upload_documents",
            "review_invoice",
            "payment",
            "test gateway",
            "case in debt",
            "pay_debt",
            "correct_meter",
            "approved project",
            "certificate",
            "/start/confirmation_issuance",
        ],
    ),
    (
        "gas_office",
        [
            "/worklist",
            "assign_by_hand",
            "/messages/send",
            "/lists/running_inspections",
            "/actions",
            "dismiss_inspector",
            "/lists/certificates",
            "revoke",
        ],
    ),
    (
        INSPECTOR,
        [
            "/worklist",
            "schedule_visit",
            "inspection",
            "locked visit",
            "record_report",
            "correct_report",
            "review_confirmation",
            "/lists/pre_inspections",
            "/lists/dismissed_inspections",
            "/lists/approved_inspections",
            "/lists/financial_report?from=1405/13/01",
            "/weeks/visits",
            "/weeks/visits?day=1405/12/31",
            "/sheets/worksheet",
        ],
    ),
    ("supervisor", ["/monitor", "/incidents", "inspection", "finished case"]),
    (
        "admin",
        [
            "/office/rules",
            "/calendar/settings",
            "/people",
            "/people/1",
            "/people/new",
            "/messages/send",
            "/audit",
            "/audit?since=1405/13/01",
        ],
    ),
    ("citizen", ["/worklist", "/cases", "/messages", "/monitor"]),
]


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize(("username", "paths"), PAGES, ids=lambda value: value if isinstance(value, str) else "")
def test_pages_fit_and_are_accessible(browse: SignIn, site: Site, username: str, paths: list[str], width: int) -> None:
    page = browse(username, width=width)
    for path in paths:
        page.goto(site.places.get(path, path))
        examine(page)


def examine(page: Page) -> None:
    """No rule of accessibility broken, nothing outside of the window or cut off in its card."""
    page.wait_for_load_state("load")
    if page.locator("[data-diagram-url]").count():
        page.locator(".diagram svg, .diagram p").first.wait_for()
    assert page.title() not in ("", "undefined")
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0, f"{page.url} is {wider} pixels wider than the window"
    cut = page.evaluate(CUT_OFF)
    assert not cut, f"{page.url}: {cut} do not fit"
    found = AXE.run(page, options=RULES)
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"


CUT_OFF = """() => {
  const cut = (box) => box.scrollWidth > box.clientWidth + 1;
  return [...document.querySelectorAll("main table, main form, main .facts, main .panel__body")]
    .filter((box) => cut(box) || cut(box.parentElement)).map((box) => `${box.tagName}.${box.className}`);
}"""


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_forms_with_errors_fit_and_are_accessible(browse: SignIn, site: Site, width: int) -> None:
    page = browse(OWNER, width=width)
    for path in ("choose_property", "register_owner", "register_meters", "upload_documents"):
        page.goto(site.places[path])
        Registration(page).go_on()
        expect(page.locator(".note--danger")).to_be_visible()
        examine(page)
    stranger = browse(width=width)
    for path, button in (("/sign-in", "ورود"), ("/register", "ثبت‌نام و دریافت کد"), ("/forgot", "ارسال کد")):
        stranger.goto(path)
        stranger.get_by_role("button", name=button, exact=True).click()
        expect(stranger.locator(".note--danger")).to_be_visible()
        examine(stranger)


def test_a_long_name_of_a_role_fits_a_phone(browse: SignIn) -> None:
    page = browse("admin", width=PHONE)
    page.goto("/organisation/roles/new")
    for name, value in {"key": "long_name", "name_fa": "ن" * 100, "name_en": "N" * 100}.items():
        page.fill(f"[name={name}]", value)
    page.get_by_role("button", name="افزودن نقش").click()
    page.wait_for_url("**/organisation/roles/long_name")
    for path in (
        "/organisation/roles/long_name",
        "/organisation/roles/finance",
        "/organisation",
        "/organisation/changes",
    ):
        page.goto(path)
        examine(page)


@pytest.mark.rule("ACC-1")
def test_a_citizen_registers_with_a_code_from_the_on_screen_outbox(browse: SignIn) -> None:
    page = browse()
    page.goto("/register")
    for name, value in {"first_name": "پری", "last_name": "سعادت", "mobile": "۰۹۱۵۱۱۱۲۲۳۳"}.items():
        page.fill(f"[name={name}]", value)
    for box in page.locator("input[type=password]").all():
        box.fill("یک جملهٔ دراز 12")
    kind = page.locator("[name=kind]")
    if kind.count() and kind.first.evaluate("box => box.tagName") == "SELECT":
        page.select_option("[name=kind]", index=1)
    elif kind.count():
        kind.first.check(force=True)
    page.get_by_role("button", name="ثبت‌نام و دریافت کد").click()
    page.wait_for_url("**/register/code")
    examine(page)
    code = shown_code(browse("supervisor"))
    page.locator(".code-input input").fill(code)
    page.get_by_role("button", name="تایید کد", exact=True).click()
    page.wait_for_url(lambda url: "/register" not in url)
    expect(page.locator("main")).to_be_visible()
    examine(page)


def shown_code(page: Page) -> str:
    """The newest six digits of the outbox. The worker delivers within a tick."""
    row = page.locator("main tbody tr", has_text="۲۲۳۳").or_(page.locator("main tbody tr", has_text="2233"))
    for _attempt in range(20):
        page.goto("/outbox")
        text = row.first.locator("td").first.inner_text() if row.count() else ""
        found = re.search(r"[۰-۹0-9]{6}(?![۰-۹0-9])", text)
        if found:
            return found[0]
        page.wait_for_timeout(200)
    raise AssertionError("no code in the outbox")


def test_the_page_of_the_api_draws_itself_without_the_network(browse: SignIn) -> None:
    page = browse("supervisor")
    page.goto("/api/")
    page.locator(".swagger-ui .opblock").first.wait_for()
    assert page.locator(".swagger-ui .opblock").count() > 5


@pytest.mark.rule("CASE-2")
def test_the_diagram_shows_where_the_case_waits(browse: SignIn, site: Site) -> None:
    page = browse("supervisor")
    page.goto(site.places["case that waits"])
    waiting = page.locator(".diagram .is-waiting").first
    waiting.wait_for()
    frame, shape = page.locator(".diagram").bounding_box(), waiting.bounding_box()
    assert frame and shape
    assert frame["x"] <= shape["x"] and shape["x"] + shape["width"] <= frame["x"] + frame["width"]
    assert shape["width"] > 80  # large enough to be read
    expect(page.locator("#place")).to_contain_text("تعیین بازرس")


def test_the_demo_offers_one_person_of_each_role_and_the_others_on_demand(browse: SignIn) -> None:
    page = browse()
    page.goto("/sign-in")
    assert page.locator(".demo-people__one:visible").count() < page.locator(".demo-people__one").count()
    page.locator(".demo-people details summary").first.click()
    assert page.locator(".demo-people details[open] .demo-people__one:visible").count() >= 1


def test_everybody_sees_their_own_sections(browse: SignIn) -> None:
    for username in STAFF:
        page = browse(username)
        page.goto("/")
        expect(page.locator("nav.side")).to_contain_text("کارتابل")
        monitors = username in ("supervisor", "admin")
        expect(page.locator("nav.side", has_text="پایش")).to_have_count(1 if monitors else 0)
