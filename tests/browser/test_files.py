"""Files in a real page: several at once with their progress, each refused one with its reason, and without scripts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FilePayload, Locator, Page, Route, expect

from models.document import Document
from tests.browser.conftest import SignIn
from tests.browser.site import Site
from tests.engine.test_documents import PDF, picture
from tests.web import letter

pytestmark = pytest.mark.rule("DOC-1")

PNG = picture("PNG")
BODY = "متن نامه با هر چه نوشته شد"


@pytest.fixture(scope="module")
def letters(site: Site) -> Site:
    letter.deploy(site.application)
    return site


@pytest.fixture
def page(letters: Site, browse: SignIn) -> Page:
    return opened(browse("citizen"))


def opened(page: Page) -> Page:
    """The page of a new letter with some text in it."""
    page.goto("/worklist")
    token = page.locator("input[name=csrf_token]").first.get_attribute("value") or ""
    page.goto(page.request.post("/start/letter", form={"csrf_token": token}).url)
    page.locator("[name=body]").fill(BODY)
    return page


def pdf(name: str, content: bytes = PDF) -> FilePayload:
    return {"name": name, "mimeType": "application/pdf", "buffer": content}


def field(page: Page, name: str = "files") -> Locator:
    return page.locator(f"[data-files={name}]")


def choose(page: Page, *files: FilePayload, name: str = "files") -> None:
    field(page, name).locator("input[type=file]").set_input_files(list(files))


def held(page: Page, name: str = "files") -> Locator:
    return field(page, name).locator(".files__item:has(input[data-document]) bdi")


def documents_of_last_case(site: Site) -> list[str]:
    with site.application.engine.transaction() as session:
        last = session.query(Document).order_by(Document.id.desc()).first()
        found = session.query(Document).filter_by(case_id=last.case_id).order_by(Document.id) if last else []
        return [document.name for document in found]


@pytest.mark.rule("TKT-1")
def test_files_are_sent_while_the_form_is_filled_in_and_refused_ones_say_why(page: Page, letters: Site) -> None:
    choose(
        page,
        pdf("قرارداد.pdf"),
        pdf("برنامه.exe"),
        pdf("بزرگ.pdf", PDF + b" " * 6_000_000),
        pdf("دروغ\u202efdp.png"),
        pdf("نقشه\u202e.pdf"),
    )
    expect(held(page)).to_have_count(2)
    assert sorted(held(page).all_text_contents()) == ["قرارداد.pdf", "نقشه.pdf"]
    wrong = field(page).locator(".files__item--wrong")
    expect(wrong).to_have_count(3)
    for name, reason in (
        ("برنامه.exe", "از نوع پذیرفته‌شده نیست"),
        ("بزرگ.pdf", "۶ مگابایت"),
        ("دروغfdp.png", "با پسوند نام آن"),
    ):
        message = wrong.filter(has_text=name).get_by_role("alert")
        expect(message).to_contain_text(name)
        expect(message).to_contain_text(reason)
    choose(page, {"name": "عکس.png", "mimeType": "image/png", "buffer": PNG}, name="photos")
    expect(held(page, "photos")).to_have_text(["عکس.png"])
    expect(page.locator("[name=body]")).to_have_value(BODY)
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("button", name="ثبت و ادامه").click()
    page.wait_for_url(re.compile("/cases/"))
    assert sorted(documents_of_last_case(letters)) == sorted(["قرارداد.pdf", "نقشه.pdf", "عکس.png"])


def test_two_hundred_files_get_one_message_and_nothing_is_sent(page: Page) -> None:
    choose(page, pdf("پیش.pdf"))
    expect(held(page)).to_have_count(1)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    choose(page, *(pdf(f"{number}.pdf") for number in range(200)))
    expect(field(page).get_by_role("alert")).to_have_text(re.compile("حداکثر ۲۰ فایل .* ۲۰۱ تا"))
    expect(held(page)).to_have_text(["پیش.pdf"])
    assert sent == []


def test_progress_is_seen_and_a_form_that_is_sent_meanwhile_waits_for_its_files(page: Page, letters: Site) -> None:
    waiting: list[Route] = []
    under_way = list[bool]()
    page.route("**/files", lambda route: route.continue_() if under_way else waiting.append(route))
    choose(page, *(pdf(f"{number}.pdf") for number in range(5)))
    progress = field(page).get_by_role("progressbar")
    expect(progress).to_have_count(5)
    expect(progress.first).to_have_accessible_name("در حال ارسال «0.pdf»")
    page.wait_for_timeout(200)
    assert len(waiting) == 3  # some at a time
    field(page).get_by_role("button", name="لغو ارسال «4.pdf»").click()
    page.get_by_role("button", name="ثبت و ادامه").click()
    expect(field(page).get_by_role("status")).to_have_text("پس از رسیدن فایل‌ها، فرم هم ارسال می‌شود.")
    assert "/tasks/" in page.url
    under_way.append(True)
    for route in waiting:
        route.continue_()
    page.wait_for_url(re.compile("/cases/"))
    assert sorted(documents_of_last_case(letters)) == ["0.pdf", "1.pdf", "2.pdf", "3.pdf"]


def test_a_file_that_did_not_arrive_is_sent_again_and_one_that_is_not_wanted_is_removed(
    page: Page, complaints: list[str]
) -> None:
    page.route("**/files", lambda route: route.abort())
    choose(page, pdf("یک.pdf"))
    expect(field(page).get_by_role("alert")).to_have_text("فایل «یک.pdf» ارسال نشد.")
    page.unroute("**/files")
    field(page).get_by_role("button", name="ارسال دوباره").click()
    expect(held(page)).to_have_text(["یک.pdf"])
    choose(page, pdf("دو.pdf"))
    expect(held(page)).to_have_count(2)
    page.get_by_role("button", name="حذف «یک.pdf»").click()
    expect(held(page)).to_have_text(["دو.pdf"])
    page.wait_for_timeout(600)  # until the tab has kept it
    page.reload()
    expect(held(page)).to_have_text(["دو.pdf"])
    expect(page.locator("[name=body]")).to_have_value(BODY)
    page.get_by_role("button", name="ذخیرهٔ پیش‌نویس").click()
    page.wait_for_url(re.compile("/worklist|/tasks/"))
    complaints[:] = [told for told in complaints if "ERR_FAILED" not in told]


def test_without_scripts_the_form_sends_and_removes_files_itself(
    letters: Site, chromium: Browser, cookies: Any
) -> None:
    context = chromium.new_context(base_url=letters.url, storage_state=cookies("citizen"), java_script_enabled=False)
    page = opened(context.new_page())
    choose(page, pdf("یک.pdf"), pdf("برنامه.exe"), pdf("دو.pdf"))
    page.get_by_role("button", name="ثبت و ادامه").click()
    expect(page.locator("#files-error")).to_contain_text("«برنامه.exe» از نوع پذیرفته‌شده نیست")
    expect(held(page)).to_have_text(["یک.pdf", "دو.pdf"])
    page.get_by_role("button", name="حذف «یک.pdf»").click()
    expect(held(page)).to_have_text(["دو.pdf"])
    expect(page.locator("[name=body]")).to_have_value(BODY)
    context.close()
