"""A browser, a running site, and people who are signed in: for everything that only a browser can tell."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, sync_playwright

from tests.browser.site import Site, running
from tests.conftest import prepare
from tests.databases import SQLITE, fresh_database
from tests.play import PASSWORD

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE = 10_000  # milliseconds
REFUSED = "Failed to load resource: the server responded with a status of 4"  # what the browser says of every 4xx

SignIn = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that failed also tells what stood on each page at that moment."""
    report = yield
    browser: Browser | None = getattr(item, "funcargs", {}).get("chromium")
    if report.failed and report.when == "call" and browser is not None:
        for page in (page for context in browser.contexts for page in context.pages):
            with suppress(Error):  # it may have crashed, or be closed
                report.sections.append((f"page {page.url}", page.inner_text("body")))
    return report


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Chromium of ``CHROMIUM`` or of the system. Without one the tests are skipped, but never in CI."""
    program = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    if shutil.which(program) is None:
        message = f"No Chromium at {program}: nothing of what people see in a browser was tested. Set CHROMIUM."
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    url = fresh_database(SQLITE, prepare=prepare)
    with running(url, tmp_path_factory.mktemp("files")) as found:
        yield found


@pytest.fixture(scope="session")
def cookies(chromium: Browser, site: Site) -> Callable[[str], Any]:
    """The cookies of somebody who is signed in: everybody signs in once, at the page."""
    kept: dict[str, Any] = {}

    def of(username: str) -> Any:
        if username not in kept:
            context = chromium.new_context(base_url=site.url, locale="fa")
            page = context.new_page()
            sign_in_at(page, username)
            kept[username] = context.storage_state()
            context.close()
        return kept[username]

    return of


def sign_in_at(page: Page, username: str) -> None:
    """Sign in at the page; it may have been asked for by another one."""
    if "/sign-in" not in page.url:
        page.goto("/sign-in")
    page.locator("section.account [name=username]").fill(username)
    page.locator("section.account [name=password]").fill(PASSWORD)
    page.get_by_role("button", name="ورود", exact=True).click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What browsers complained about: errors of scripts, refused styles and scripts, failed requests."""
    found: list[str] = []
    yield found
    assert not found


@pytest.fixture
def browse(chromium: Browser, site: Site, cookies: Callable[[str], Any], complaints: list[str]) -> Iterator[SignIn]:
    """``browse("supervisor")`` gives a page of a browser in which they are signed in; ``browse()`` of a stranger's."""
    opened: list[BrowserContext] = []

    def open_page(username: str = "", *, width: int = 1280) -> Page:
        state = cookies(username) if username else None
        size: Any = {"width": width, "height": 900}
        context = chromium.new_context(base_url=site.url, locale="fa", viewport=size, storage_state=state)
        context.set_default_timeout(PATIENCE)
        opened.append(context)
        page = context.new_page()
        listen(page, complaints)
        return page

    yield open_page
    for context in opened:
        context.close()


def listen(page: Page, complaints: list[str]) -> None:
    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(REFUSED):
            complaints.append(f"{page.url}: {message.text}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
