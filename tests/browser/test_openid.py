"""The whole way through a real provider, ``oidc-provider-mock`` as a server of its own, in a browser."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import PATIENCE, listen, sign_in_at
from tests.browser.site import Site, running
from tests.browser.test_pages import examine
from tests.conftest import prepare
from tests.databases import SQLITE, fresh_database
from tests.play import PASSWORD

PHONE, DESK = 390, 1280


@pytest.fixture(scope="module")
def there() -> Iterator[str]:
    """The address of the provider."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        for _each in range(300):
            try:
                httpx.get(f"{url}/.well-known/openid-configuration", timeout=1)
                break
            except httpx.HTTPError:
                assert process.poll() is None, "the provider has ended"
                time.sleep(0.1)
        yield url
        process.terminate()


@pytest.fixture(scope="module")
def site(there: str, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    def fill(site: Site) -> None:
        site.people.add("admin", "admin", first_name="بیتا", last_name="مقدم")

    database = fresh_database(SQLITE, prepare=prepare)
    settings = {"openid_issuer": there, "openid_client_id": "kartabl", "openid_client_secret": "a-secret"}
    with running(database, tmp_path_factory.mktemp("files"), fill, openid_name="حساب شهرداری", **settings) as found:
        yield found


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_from_an_unknown_account_to_a_linked_one_with_a_role(
    chromium: Browser, site: Site, complaints: list[str], width: int
) -> None:
    subject = f"maryam-{width}"
    claims = {"given_name": "مریم", "family_name": "کاظمی", "roles": ["treasury"]}
    httpx.put(f"{site.application.settings.openid_issuer}/users/{subject}", json=claims, timeout=10)
    who = site.people.add(f"maryam{width}", "gas_office", first_name="مریم", last_name="کاظمی")
    admin, mine = (_context(chromium, site, width) for _each in range(2))
    if width == PHONE:
        _map_a_value(admin, complaints)
    page = _page(mine, complaints)

    page.goto("/sign-in")
    examine(page)
    page.get_by_role("link", name="ورود با حساب شهرداری").click()
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("ورود انجام نشد")
    examine(page)

    page.get_by_role("link", name="ورود با حساب شهرداری").click()
    _authorise(page, subject)
    expect(page.get_by_role("heading", level=1)).to_have_text("این حساب سازمانی هنوز وصل نیست")
    examine(page)
    page.get_by_role("link", name="ورود با رمز عبور و وصل کردن حساب").click()
    sign_in_at(page, who.username)
    examine(page)
    page.get_by_role("link", name="وصل کردن حساب سازمانی").click()
    _authorise(page, subject)
    examine(page)
    page.get_by_label("رمز عبور").fill(PASSWORD)
    page.get_by_role("button", name="وصل کردن").click()
    expect(page.get_by_role("button", name="قطع پیوند")).to_be_visible()
    examine(page)

    _sign_out(page)
    page.goto("/sign-in?next=/messages")
    page.get_by_role("link", name="ورود با حساب شهرداری").click()
    _authorise(page, subject)
    page.wait_for_url("**/messages")
    other = _page(admin, complaints)
    if width == DESK:
        other.goto("/sign-in")
        sign_in_at(other, "admin")
    other.goto(f"/people/{who.id}")
    expect(other.get_by_text("از ورود سازمانی")).to_be_visible()
    examine(other)
    other.goto(f"/people/{who.id}/openid")
    examine(other)
    _sign_out(page)
    expect(page.get_by_text("در سامانهٔ ورود سازمان همچنان وارد هستید")).to_be_visible()
    examine(page)
    for context in (admin, mine):
        context.close()


def _context(chromium: Browser, site: Site, width: int) -> BrowserContext:
    context = chromium.new_context(base_url=site.url, locale="fa", viewport={"width": width, "height": 900})
    context.set_default_timeout(PATIENCE * 3)
    # The provider's pages want a style sheet from elsewhere; tests reach no other machine.
    context.route(lambda url: not url.startswith("http://127.0.0.1"), lambda route: route.fulfill(status=200))
    return context


def _page(context: BrowserContext, complaints: list[str]) -> Page:
    page = context.new_page()
    listen(page, complaints)
    return page


def _map_a_value(context: BrowserContext, complaints: list[str]) -> None:
    """The admin lets the value ``treasury`` give the role of the finance staff."""
    page = _page(context, complaints)
    page.goto("/sign-in")
    sign_in_at(page, "admin")
    page.goto("/office/openid")
    page.get_by_label("مقدار").fill("treasury")
    page.locator("select[name=role]").select_option("finance")
    page.get_by_role("button", name="افزودن").click()
    expect(page.get_by_role("cell", name="treasury", exact=True)).to_be_visible()
    examine(page)
    page.close()


def _authorise(page: Page, subject: str) -> None:
    """At the provider's own page."""
    page.locator("form:not(:has([value=deny])) [name=sub]").first.fill(subject)
    page.get_by_role("button", name="Authorize").click()


def _sign_out(page: Page) -> None:
    page.locator("header details summary").last.click()
    page.get_by_role("button", name="خروج از سامانه").click()
    page.wait_for_url("**/sign-in**")
