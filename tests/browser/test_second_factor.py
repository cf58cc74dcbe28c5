"""Two-step sign-in and the asking for the password as people see them: QR code, codes on paper, both widths."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime

import pyotp
import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from models.account import Person, SignInSession
from tests.browser.conftest import SignIn
from tests.browser.site import Site
from tests.browser.test_pages import DESK, PHONE, examine
from tests.play import PASSWORD

ACCOUNT = "/account/second-factor"


def unconfirmed(site: Site, username: str) -> None:
    """Time passes for the sessions of a person: the password is asked for again."""
    with site.application.engine.transaction() as session:
        whose = select(Person.id).where(Person.username == username).scalar_subquery()
        session.execute(update(SignInSession).where(SignInSession.person_id == whose).values(confirmed_at=None))


def scanned(page: Page) -> str:
    """The address in the QR code as a telephone's camera sees it."""
    picture = Image.open(io.BytesIO(page.locator(".qr img").screenshot())).convert("L")
    (code,) = zxingcpp.read_barcodes(picture)
    return str(code.text)


def now_of(totp: pyotp.TOTP) -> str:
    """The present code; the site's clock is the real one."""
    return totp.generate_otp(totp.timecode(datetime.now(UTC)))


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_telephone_scans_the_code_and_signs_in_with_it(browse: SignIn, site: Site, width: int) -> None:
    username = f"treasurer-{width}"
    site.people.add(username, "finance", first_name="هادی", last_name="سلیمی", mobile="09120000009")
    page = browse(username, width=width)
    page.goto(ACCOUNT)
    examine(page)
    page.get_by_role("link", name="با برنامهٔ تولید کد در گوشی").click()
    examine(page)
    totp = pyotp.parse_uri(scanned(page))
    assert isinstance(totp, pyotp.TOTP)
    assert totp.secret == page.locator("#secret").inner_text().replace(" ", "")
    assert (totp.issuer, totp.name) == ("Kartabl", username)
    page.locator(".code-input input").fill("123")
    page.get_by_role("button", name="فعال کردن").click()
    expect(page.locator(".note--danger")).to_be_visible()
    examine(page)
    unconfirmed(site, username)
    page.locator(".code-input input").fill(now_of(totp))
    page.get_by_role("button", name="فعال کردن").click()
    expect(page.get_by_role("heading", name="تایید هویت")).to_be_visible()
    examine(page)
    page.locator("[name=confirm_password]").fill("wrong-one")
    page.get_by_role("button", name="تایید و انجام").click()
    expect(page.locator(".note--danger")).to_be_visible()
    examine(page)
    page.locator("[name=confirm_password]").fill(PASSWORD)
    page.get_by_role("button", name="تایید و انجام").click()
    codes = page.locator(".recovery-codes li")
    expect(codes).to_have_count(10)
    examine(page)
    recovery = codes.first.inner_text()
    page.emulate_media(media="print")
    expect(codes.first).to_be_visible()
    expect(page.locator("[data-print]")).to_be_hidden()
    page.emulate_media(media="screen")
    page.goto(ACCOUNT)
    examine(page)

    again = browse(width=width)
    again.goto("/sign-in")
    again.locator("section.account [name=username]").fill(username)
    again.locator("section.account [name=password]").fill(PASSWORD)
    again.get_by_role("button", name="ورود", exact=True).click()
    again.wait_for_url("**/sign-in/second*")
    examine(again)
    again.get_by_role("link", name=re.compile("ورود با کد بازیابی")).click()
    examine(again)
    again.locator("[name=code]").fill(recovery)
    again.get_by_role("button", name="ورود", exact=True).click()
    again.wait_for_url("**/worklist")
    again.goto(ACCOUNT)
    expect(again.locator("main")).to_contain_text("۹")
