"""Project registration in the browser, in Persian, from the first page to the assigned inspector."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from models.digits import persian_digits
from tests.browser.conftest import SignIn, sign_in_at
from tests.browser.registration import CONCEALED_TITLES, Registration
from tests.browser.site import INSPECTOR, NAME_OF_INSPECTOR, WITHOUT_INSPECTOR, Site

WHY = "دلیل ارجاع پروژه به بازرس"
LETTER = "معرفی‌نامهٔ بازرس"


@pytest.fixture
def registration(browse: SignIn) -> Registration:
    return Registration(browse("contractor"))


def case_page(page: Page, number: str) -> Page:
    page.goto(f"/cases/{number}")
    return page


@pytest.mark.rule("REG-1", "REG-2", "REG-4", "REG-5", "REG-6", "REG-7", "REG-9", "REG-10", "REG-11", "REG-12", "REG-14")
def test_a_contractor_registers_a_project_from_the_first_page_to_the_inspector(registration: Registration) -> None:
    page = registration.start().new_property().page
    expect(page.locator(".note--success")).to_contain_text("کد")
    wrong_owner_is_shown_at_its_field(registration)
    registration.fill(national_code="۴۶۰۸۹۶۸۸۸۲").go_on()
    registration.building("concealed")
    number = registration.number
    expect(page.locator("main")).to_contain_text(persian_digits(number))
    meters_are_added_edited_and_deleted(registration)
    mandatory_documents_are_asked_for(registration)
    registration.documents(CONCEALED_TITLES)
    expect(page.locator("main")).to_contain_text("۷,۵۰۰,۰۰۰".replace(",", "٬"))
    letter_waits_for_the_inspector(page.context.new_page(), number)
    registration.pay()
    case_page(page, number)
    expect(page.locator("main")).to_contain_text(NAME_OF_INSPECTOR)
    expect(page.locator(".panel", has_text="پرونده‌های وابسته")).to_contain_text("بازرسی گاز")
    link = page.get_by_role("link", name=LETTER)
    letter = page.request.get(link.get_attribute("href") or "")
    assert letter.headers["content-type"] == "application/pdf"
    assert letter.body().startswith(b"%PDF")
    expect(page.get_by_role("button", name="رفتن به این گام")).to_have_count(0)  # nothing can be changed any more


def wrong_owner_is_shown_at_its_field(registration: Registration) -> None:
    page = registration.page
    registration.choose("owner_kind", "company")
    expect(registration.field("national_code")).to_be_hidden()
    expect(registration.field("company_name")).to_be_visible()
    registration.owner(national_code="۴۶۰۸۹۶۸۸۷۲")
    code = registration.field("national_code")
    expect(code).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#national_code-error")).to_be_visible()
    expect(code).to_have_value("۴۶۰۸۹۶۸۸۷۲")  # as it was typed
    expect(registration.field("father_name")).to_have_value("حسن")
    expect(page.locator("[data-focus]")).to_be_focused()


def meters_are_added_edited_and_deleted(registration: Registration) -> None:
    """Leaves two meters: G4 and G16."""
    page = registration.page
    registration.meter(0, area="۱۰۰", consumption="20")
    registration.choose("all_registered", "true")
    registration.go_on()
    wrong = page.locator("#meters-0-consumption-error")
    expect(wrong).to_contain_text("۱۶")  # the permitted maximum
    expect(registration.field("meters-0-consumption")).to_have_value("۲۰")
    registration.fill(**{"meters-0-consumption": "۵٫۵"})
    for row in (1, 2):
        page.locator("button[name=_add]").click()
        registration.field(f"meters-{row}-units").wait_for()
    expect(registration.field("meters-2-units")).to_be_focused()
    expect(registration.field("meters-0-consumption")).to_have_value("۵٫۵")
    registration.meter(1, units="7", area="90", consumption="4")
    registration.meter(2, units="1", usage="commercial", area="۶۰۰", consumption="12")
    page.locator("button[name=_remove][value=meters-1]").click()
    expect(registration.field("meters-2-units")).to_have_count(0)
    expect(registration.field("meters-1-floor_area")).to_have_value("۶۰۰")
    page.locator("button[value=refresh]").click()
    table = page.locator("table.list", has_text="کلاس")
    expect(table).to_contain_text("G4")
    expect(table).to_contain_text("G16")
    registration.choose("all_registered", "true")
    registration.go_on()
    registration.at("upload_documents")


def mandatory_documents_are_asked_for(registration: Registration) -> None:
    registration.go_on()
    expect(registration.page.locator(".note--danger")).to_be_visible()
    assert "مدارک" in registration.heading


def letter_waits_for_the_inspector(page: Page, number: str) -> None:
    case_page(page, number)
    button = page.get_by_role("button", name=LETTER)
    expect(button).to_be_disabled()
    expect(page.locator(f"#{button.get_attribute('aria-describedby')}")).to_contain_text("تعیین نشده")
    page.close()


@pytest.mark.rule("REG-3", "REG-4")
def test_a_known_property_is_found_and_owned_by_a_company(registration: Registration, site: Site) -> None:
    page = registration.start().page
    registration.choose("source", "existing")
    registration.go_on()
    registration.fill(renovation_code="9999-9-9")
    page.locator("button[value=refresh]").click()
    expect(page.locator(".note--warning")).to_be_visible()
    expect(registration.field("renovation_code")).to_have_value("9999-9-9")  # nothing is lost
    registration.fill(renovation_code="۳-۱۲-۴۵-۶")
    page.locator("button[value=refresh]").click()
    page.locator("[name=property]").first.check(force=True)
    registration.go_on()
    registration.at("register_owner").owner("company", national_id="10100301407")
    expect(page.locator("#national_id-error")).to_be_visible()
    registration.fill(national_id="10100301405").go_on()
    registration.at("register_building")


@pytest.mark.rule("REG-2")
def test_a_known_renovation_code_is_refused_with_the_way_to_the_known_property(registration: Registration) -> None:
    page = registration.start().page
    registration.choose("source", "new")
    registration.go_on()
    registration.at("register_property")
    page.select_option("[name=region]", "3")
    registration.fill(
        main_plate="1",
        sub_plate="2",
        renovation_code="3-12-45-6",
        postal_code="7618712345",
        address="نشانی",
        land_area="100",
        floors="1",
    ).go_on()
    expect(page.locator("#renovation_code-error")).to_be_visible()
    expect(registration.field("address")).to_have_value("نشانی")


@pytest.mark.rule("REG-13", "ACC-5")
def test_a_registration_is_left_found_by_its_number_changed_and_cancelled(registration: Registration) -> None:
    page = registration.start().new_property().page
    registration.owner().building()
    number = registration.number
    registration.fill(**{"meters-0-units": "9"})
    page.get_by_role("button", name="ذخیرهٔ پیش‌نویس").click()
    expect(page.locator(".note--success")).to_contain_text("پیش‌نویس")
    page.goto("/cases")
    page.get_by_role("searchbox").fill(persian_digits(number))
    page.get_by_role("searchbox").press("Enter")
    page.locator(f"main a[href='/cases/{number}']").click()
    page.locator(".page-head__actions a.btn-primary").click()
    expect(registration.field("meters-0-units")).to_have_value("۹")
    page.select_option("[name=step]", "register_owner")
    page.get_by_role("button", name="رفتن به این گام").click()
    registration.at("register_owner")
    expect(registration.field("last_name")).to_have_value("کریمی")  # one form of the letters
    registration.fill(last_name="نوری").go_on()
    registration.at("register_building")
    give_up(page)
    expect(page.locator(".page-head a.btn-primary")).to_have_count(0)
    expect(page.locator("#history")).to_contain_text("انصراف")


def give_up(page: Page) -> None:
    """The question before it is answered with no at first."""
    page.get_by_role("button", name="انصراف از ثبت پروژه").click()
    page.locator("dialog button[value=no]").click()
    expect(page.locator("dialog")).to_have_count(0)
    page.get_by_role("button", name="انصراف از ثبت پروژه").click()
    page.locator("dialog button[value=yes]").click()
    page.wait_for_url(re.compile(r"/cases/[\d-]+$"))


@pytest.mark.rule("ASG-3", "ASG-4")
def test_the_gas_office_assigns_by_hand_and_a_supervisor_reads_why(registration: Registration, browse: SignIn) -> None:
    registration.up_to_invoice(region=WITHOUT_INSPECTOR)
    number = registration.number
    registration.pay()
    expect(registration.page.locator("#place")).to_contain_text("تعیین بازرس")
    office = case_page(browse("gas_office"), number)
    office.get_by_role("link", name="تعیین بازرس").click()
    expect(office.locator(".note--warning")).to_be_visible()  # why nobody was found
    choice = office.locator("[name=inspector] option", has_text=NAME_OF_INSPECTOR).get_attribute("value")
    office.select_option("[name=inspector]", choice)
    office.fill("main form[data-keep] [name=note]", "نزدیک‌ترین بازرس")
    office.get_by_role("button", name="تعیین بازرس").click()
    expect(office.locator(".note--success")).to_be_visible()
    case_page(registration.page, number)
    expect(registration.page.locator("main")).to_contain_text(NAME_OF_INSPECTOR)
    expect(registration.page.locator("main")).not_to_contain_text(WHY)
    supervisor = case_page(browse("supervisor"), number)
    expect(supervisor.locator("main")).to_contain_text(WHY)
    inspection = (
        registration.page.locator(".panel", has_text="پرونده‌های وابسته").locator("a").get_attribute("href") or ""
    )
    inspector = browse(INSPECTOR)
    inspector.goto(f"/worklist?q={inspection.rpartition('/')[2]}")
    expect(inspector.locator("main")).to_contain_text("زمان بازدید")


@pytest.mark.rule("PAY-1", "PAY-4", "REG-10")
def test_a_payment_is_cancelled_then_fails_then_succeeds(registration: Registration) -> None:
    page = registration.up_to_invoice().page
    number = registration.number
    for decision in ("cancel", "fail"):
        registration.to_the_gateway().decide(decision)
        registration.at("review_invoice")
        page.get_by_role("button", name="تایید صورت‌حساب").wait_for()
    registration.pay()
    expect(case_page(page, number).locator("main")).to_contain_text(NAME_OF_INSPECTOR)


def test_a_task_done_in_one_tab_says_so_in_the_other(registration: Registration) -> None:
    page = registration.start().page
    second = page.context.new_page()
    second.goto(page.url)
    registration.choose("source", "new")
    registration.go_on()
    registration.at("register_property")
    other = Registration(second)
    other.choose("source", "existing")
    with second.expect_navigation() as navigation:
        other.go_on()
    assert navigation.value.status == 409
    expect(second.locator("h1")).to_contain_text("انجام شده")
    second.locator("a.btn-primary").click()
    expect(second.locator("#place")).to_contain_text("ثبت ملک")


def test_a_session_that_ended_loses_nothing_that_was_typed(registration: Registration) -> None:
    page = registration.start().new_property().page
    registration.choose("owner_kind", "person")
    registration.fill(first_name="زهرا", last_name="نوری")
    page.context.clear_cookies()
    registration.go_on()
    page.wait_for_url("**/sign-in**")
    sign_in_at(page, "contractor")
    registration.at("register_owner")
    expect(registration.field("first_name")).to_have_value("زهرا")
    expect(registration.field("last_name")).to_have_value("نوری")
    expect(page.locator(".note--info", has_text="برگردانده شد")).to_be_visible()


def test_english_readers_get_pages_from_left_to_right(browse: SignIn) -> None:
    page = browse("citizen")
    page.goto("/worklist")
    assert page.locator("html").get_attribute("dir") == "rtl"
    side = page.locator("nav.side").bounding_box()
    assert side and side["x"] > 640
    page.locator("summary.bar__account").click()
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("dir", "ltr")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    side = page.locator("nav.side").bounding_box()
    assert side and side["x"] < 320
    page.locator("summary.bar__account").click()
    page.get_by_role("button", name="فارسی").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
