"""What inspector, contractor and gas office do with an inspection in the browser: visits, reports, debts."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from models.jalali import jalali_text
from tests.browser.site import Site
from tests.engine.test_documents import picture

TEXT = {
    "approved": "آزمون نشتی انجام شد و همه چیز درست است.",
    "sub_work": "لولهٔ زیرکار دیده شد.",
    "defects": "شیر قطع کنتور دوم نصب نشده است.",
}
CHANGE_OF_PLACE = re.compile(r"/(cases|worklist|tasks)")


def picture_file(name: str) -> dict[str, object]:
    return {"name": name, "mimeType": "image/png", "buffer": picture("PNG")}


class Visitor:
    """Somebody's page, and the inspection that they take part in."""

    def __init__(self, page: Page, site: Site, inspection: str) -> None:
        self.page = page
        self.site = site
        self.inspection = inspection  # the case's number

    def case(self) -> Page:
        self.page.goto(f"/cases/{self.inspection}")
        return self.page

    def opens(self, task: str) -> Page:
        """The step of this name, from the buttons of the case's page."""
        self.case().locator(".page-head__actions").get_by_role("link", name=task).click()
        expect(self.page.locator("h1")).to_have_text(task)
        return self.page

    def submit(self) -> None:
        with self.page.expect_navigation():
            self.page.locator("main form[data-keep] button.btn-primary[value=complete]").click()

    def done(self) -> Page:
        """Send the form; it was accepted."""
        self.submit()
        expect(self.page.locator(".note--success").first).to_be_visible()
        return self.page

    # What an inspector does

    def sets_visit(self, hour: str = "۹:۳۰") -> Page:
        """The next working day."""
        calendar = self.site.application.engine.services.calendar
        day = calendar.add_working_days(self.site.application.clock(), 1).astimezone(calendar.zone)
        self.opens("تعیین زمان بازدید")
        self.page.fill("[name=visit_date]", jalali_text(day.date()))
        self.page.fill("[name=visit_time]", hour)
        return self.done()

    def fills_report(self, outcome: str, *meters: int, text: str = "") -> Page:
        """The page of the report, filled in."""
        self.opens("ثبت گزارش بازرسی")
        self.page.locator(f"[name=outcome][value={outcome}]").check(force=True)
        self.page.fill("[name=report_text]", text or TEXT[outcome])
        for meter in meters:
            self.page.locator(f"[name=meters][value='{meter}']").check(force=True)
        return self.page

    def reports(self, outcome: str, *meters: int) -> Page:
        """A visit and its report."""
        self.sets_visit()
        self.fills_report(outcome, *meters)
        return self.done()

    def adds_photos(self, *names: str) -> None:
        photos = self.page.locator("[data-files=photos]")
        photos.locator("input[type=file]").set_input_files([picture_file(name) for name in names])  # type: ignore[arg-type]
        expect(photos.locator(".files__item:has(input[data-document])")).to_have_count(len(names))

    # What a contractor does

    def pays(self) -> Page:
        """From the task of the debt to the gateway and back."""
        self.opens("پرداخت بدهی")
        self.submit()
        self.page.get_by_role("link", name="رفتن به درگاه پرداخت").click(timeout=20_000)
        self.page.locator("button[name=decision][value=pay]").click()
        self.page.wait_for_url(re.compile(r"/cases/[\d-]+$"))
        return self.page


def row(page: Page, number: str) -> Locator:
    """The row of a list in which this case's or project's number stands."""
    return page.locator("main table tbody tr", has=page.locator(f"a[href*='{number}']")).or_(
        page.locator("main table tbody tr", has_text=number)
    )
