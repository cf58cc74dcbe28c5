"""One's own devices, a person's account and the page before somebody leaves, as people see them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from models.account import Person, RoleGrant, SignInSession
from tests.browser.conftest import SignIn
from tests.browser.site import INSPECTOR, Site
from tests.browser.test_pages import PHONE, examine

WIDE = 1366
WIDTHS = pytest.mark.parametrize("width", [WIDE, PHONE])
COLOURS = pytest.mark.parametrize("colours", ["light", "dark"])


def opened(browse: SignIn, username: str, width: int, colours: str) -> Page:
    page = browse(username, width=width)
    page.emulate_media(color_scheme="dark" if colours == "dark" else "light")
    return page


@WIDTHS
@COLOURS
def test_own_devices_are_seen_and_ended(browse: SignIn, site: Site, width: int, colours: str) -> None:
    username = f"clerk-{width}-{colours}"
    site.people.add(username, "finance", first_name="نرگس", last_name="امینی")
    page = opened(browse, username, width, colours)
    accounts = site.application.accounts
    with site.application.engine.transaction() as session:
        person = session.scalars(select(Person).where(Person.username == username)).one()
        token = accounts.open_session(
            session, person, now=site.application.clock(), kind="api", address="2001:db8::1", agent="Rechnung/2.1"
        )
    page.goto("/account/sessions")
    examine(page)
    expect(page.locator("main")).to_contain_text("Chrome")
    expect(page.locator("main")).to_contain_text("Rechnung/2.1")
    page.get_by_role("button", name="خروج از همهٔ دستگاه‌های دیگر").click()
    dialog = page.locator("dialog[open]")
    examine(page)
    dialog.get_by_role("button", name="خروج از همهٔ دستگاه‌های دیگر").click()
    expect(page.locator("body")).to_contain_text("از همهٔ دستگاه‌های دیگر خارج شدید.")
    examine(page)
    with site.application.engine.transaction() as session:
        now = site.application.clock()
        assert accounts.person_of_session(session, token, now=now, kind="api") is None


@WIDTHS
@COLOURS
def test_the_page_before_a_role_is_taken_shows_what_is_open(
    browse: SignIn, site: Site, width: int, colours: str
) -> None:
    with site.application.engine.transaction() as session:
        whose = select(Person.id).where(Person.username == INSPECTOR).scalar_subquery()
        grant = session.scalars(select(RoleGrant).where(RoleGrant.person_id == whose)).one()
        place = f"/people/{grant.person_id}"
        way = f"{place}/roles/{grant.id}/revoke"
    page = opened(browse, "admin", width, colours)
    for path in (place, way, f"{place}/lock", "/audit"):
        page.goto(path)
        examine(page)
    with site.application.engine.transaction() as session:
        for row in session.scalars(select(SignInSession).join(Person).where(Person.username == "admin")):
            row.confirmed_at = None
    page.goto("/audit")
    page.get_by_role("button", name="CSV").click()
    expect(page.get_by_role("heading", name="تایید هویت")).to_be_visible()
    examine(page)
