"""The gallery of parts, photographed and examined: in light and dark, on phones and desks, in both languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.conftest import listen
from tests.browser.site import Site
from tests.browser.test_pages import examine

Scheme = Literal["light", "dark"]


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pictures are left, to be looked at."""
    return tmp_path_factory.mktemp("gallery")


@pytest.mark.parametrize("language", ["fa", "en"])
@pytest.mark.parametrize("width", [390, 1366])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_part_is_accessible_and_fits(
    chromium: Browser,
    site: Site,
    complaints: list[str],
    pictures: Path,
    scheme: Scheme,
    width: int,
    language: str,
) -> None:
    size: Any = {"width": width, "height": 900}
    context = chromium.new_context(base_url=site.url, viewport=size, color_scheme=scheme)
    page = context.new_page()
    listen(page, complaints)
    page.goto("/gallery")
    if language == "en":
        page.get_by_role("button", name="English").click()
        page.wait_for_url("**/gallery*")
        assert page.locator("html").get_attribute("dir") == "ltr"
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=pictures / f"gallery-{language}-{scheme}-{width}.png", full_page=True)
    examine(page)
    is_dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(244, 247, 248)"
    assert is_dark == (scheme == "dark")
    context.close()


def test_the_question_before_an_action_is_accessible_in_the_dark(chromium: Browser, site: Site) -> None:
    context = chromium.new_context(base_url=site.url, color_scheme="dark", locale="fa")
    page: Page = context.new_page()
    page.goto("/gallery")
    page.locator("button[data-confirm]").click()
    page.locator("dialog.question:modal").wait_for()
    found = Axe().run(page, context="dialog:modal")
    assert found.violations_count == 0, found.generate_report()
    context.close()
