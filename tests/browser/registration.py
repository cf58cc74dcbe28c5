"""The steps of a project's registration, as a contractor's hands do them in the browser."""

from __future__ import annotations

import itertools
import re
from typing import Any

from playwright.sync_api import Locator, Page

PDF = {
    "name": "نقشه.pdf",
    "mimeType": "application/pdf",
    "buffer": b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n",
}
CONCEALED_TITLES = ("ownership_deed", "building_permit", "gas_plan", "contract", "concealed_details")
PERSON = {
    "first_name": "علي",
    "last_name": "كريمي",
    "father_name": "حسن",
    "national_code": "۴۶۰۸۹۶۸۸۸۲",
    "mobile": "۰۹۱۳۱۲۳۴۵۶۷",
}
COMPANY = {
    "company_name": "آبادگران افق",
    "national_id": "10100301405",
    "registration_number": "۱۲۳۴",
    "agent_name": "رضا نوری",
    "mobile": "09131234567",
}
NUMBER = re.compile(r"\d{4}-\d{6}-\d")

_numbers = itertools.count(1)


class Registration:
    """One registration on one page of a browser."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def start(self) -> Registration:
        self.page.goto("/worklist")
        self.page.get_by_role("button", name="ثبت پروژهٔ گازرسانی").click()
        return self.at("choose_property")

    @property
    def heading(self) -> str:
        return self.page.locator("h1").inner_text()

    @property
    def number(self) -> str:
        """The case's number, from the way back to the case that every task has."""
        found = NUMBER.search(self.page.locator("a.page-head__back").get_attribute("href") or "")
        assert found, self.page.url
        return found[0]

    def field(self, name: str) -> Locator:
        return self.page.locator(f"main form[data-keep] [name={name}]:not([type=hidden])")

    def go_on(self) -> None:
        self.page.locator("main form[data-keep] button.btn-primary[value=complete]").click()

    def at(self, *names: str) -> Registration:
        """Wait until the form's page with one of these headings or a field of its own is there."""
        self.page.locator(", ".join(LANDMARKS[name] for name in names)).first.wait_for()
        return self

    def choose(self, name: str, value: str) -> None:
        self.page.locator(f"main form[data-keep] [name={name}][value={value}]").check(force=True)

    def fill(self, **values: str) -> Registration:
        for name, value in values.items():
            self.field(name).fill(value)
        return self

    def new_property(self, *, region: int = 3) -> Registration:
        self.choose("source", "new")
        self.go_on()
        self.at("register_property")
        self.page.select_option("[name=region]", str(region))
        self.fill(
            main_plate="۱۲۳۴",
            sub_plate="۵۶",
            renovation_code=f"77-34-{next(_numbers)}",
            postal_code="۷۶۱۸۷۱۲۳۴۵",
            address="کرمان، بلوار جمهوری، کوچهٔ ۵، پلاک ۱۲",
            land_area="۲۵۰٫۵",
            floors="۴",
        )
        self.go_on()
        return self.at("register_owner")

    def owner(self, kind: str = "person", **values: str) -> Registration:
        self.choose("owner_kind", kind)
        self.fill(**{**(PERSON if kind == "person" else COMPANY), **values})
        self.go_on()
        return self

    def building(self, work_type: str = "surface") -> Registration:
        self.at("register_building")
        self.fill(building_name="یاس")
        self.page.select_option("[name=riser_status]", "installed")
        self.choose("work_type", work_type)
        self.go_on()
        return self.at("register_meters")

    def meter(self, row: int, *, units: str = "۲", usage: str = "residential", area: str, consumption: str) -> None:
        self.fill(
            **{
                f"meters-{row}-units": units,
                f"meters-{row}-floor_area": area,
                f"meters-{row}-consumption": consumption,
            }
        )
        self.page.select_option(f"[name=meters-{row}-usage]", usage)

    def one_meter(self) -> Registration:
        self.meter(0, area="۱۰۰", consumption="۶")
        self.choose("all_registered", "true")
        self.go_on()
        return self.at("upload_documents")

    def documents(self, titles: tuple[str, ...]) -> Registration:
        for row, title in enumerate(titles):
            name = f"documents-{row}-title"
            if not self.field(name).count():
                self.page.locator("button[name=_add]").click()
                self.field(name).wait_for()
            self.page.select_option(f"[name={name}]", title)
            self.page.locator(f"input[type=file][name=documents-{row}-document]").set_input_files(_file())
        self.go_on()
        return self.at("review_invoice")

    def up_to_invoice(self, *, region: int = 3) -> Registration:
        self.start().new_property(region=region).owner().building().one_meter()
        return self.documents(CONCEALED_TITLES[:4])

    def to_the_gateway(self) -> Registration:
        """Accept the invoice and follow the link to the bank."""
        self.go_on()
        self.page.get_by_role("link", name="رفتن به درگاه پرداخت").click(timeout=20_000)
        self.page.locator("button[value=pay]").wait_for()
        return self

    def decide(self, decision: str) -> Registration:
        """What the bank answers; then back at the site, until it is done with the answer."""
        self.page.locator(f"button[name=decision][value={decision}]").click()
        self.page.wait_for_url(lambda url: "/test-gateway/" not in url)
        return self

    def pay(self) -> Registration:
        self.to_the_gateway().decide("pay")
        self.page.wait_for_url(re.compile(r"/cases/[\d-]+$"))
        return self


LANDMARKS = {
    "choose_property": "main form[data-keep] [name=source] >> nth=0",
    "register_property": "[name=renovation_code]",
    "register_owner": "[name=owner_kind] >> nth=0",
    "register_building": "[name=riser_status]",
    "register_meters": "[name=all_registered]",
    "upload_documents": "fieldset#documents",
    "review_invoice": "h1:has-text('صورت‌حساب')",
}


def _file() -> Any:
    return PDF
