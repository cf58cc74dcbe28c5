"""A concealed project in three browsers: contractor, inspector and gas office, up to the certificate and its end."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from models.digits import ascii_digits, persian_digits
from tests.browser.conftest import SignIn
from tests.browser.inspection import TEXT, Visitor
from tests.browser.registration import CONCEALED_TITLES, NUMBER, Registration
from tests.browser.site import INSPECTOR, NAME_OF_INSPECTOR, NAME_OF_OTHER, Site
from tests.browser.test_pages import examine

STAGE_FEE = "۱٬۷۲۵٬۰۰۰"  # concealed work, two meters G4
REPEATED_VISIT = "۴۸۷٬۵۰۰"  # … and one of them
WITH_DIFFERENCE = "۶۸۷٬۵۰۰"  # … and four prepaid stages of a G6 instead of a G4: 4 × 50,000
SINCE = re.compile("در ۱۴[۰-۹/]+ ساعت [۰-۹:]+ باطل شده")
CERTIFICATE = re.compile(r"[9۹]-[\d۰-۹]{4}-[\d۰-۹]{6}-[\d۰-۹]")


@pytest.fixture
def played(browse: SignIn, site: Site) -> tuple[str, Visitor, Visitor]:
    """A concealed project of two meters, just registered and paid for: its number, its contractor, its inspector."""
    registration = Registration(browse("contractor")).start().new_property().owner().building("concealed")
    registration.meter(0, area="۱۰۰", consumption="۵")
    page = registration.page
    page.locator("button[name=_add]").click()
    registration.field("meters-1-units").wait_for()
    registration.meter(1, area="۹۰", consumption="۴")
    registration.choose("all_registered", "true")
    registration.go_on()
    registration.at("upload_documents").documents(CONCEALED_TITLES)
    project = registration.number
    registration.pay()
    page.goto(f"/cases/{project}")
    link = page.locator(".panel", has_text="پرونده‌های وابسته").locator("a").first
    found = NUMBER.search(link.get_attribute("href") or "")
    assert found
    return project, Visitor(page, site, found[0]), Visitor(browse(INSPECTOR), site, found[0])


@pytest.mark.timeout(600)  # some two hundred pages
@pytest.mark.rule(
    "INS-2",
    "INS-4",
    "INS-5",
    "INS-7",
    "INS-8",
    "INS-10",
    "INS-11",
    "INS-12",
    "INS-14",
    "INS-15",
    "CNF-1",
    "CNF-2",
    "CNF-3",
    "CNF-4",
    "CNF-5",
)
def test_a_concealed_project_is_played_up_to_its_certificate_and_its_revocation(
    played: tuple[str, Visitor, Visitor], browse: SignIn
) -> None:
    project, contractor, inspector = played
    no_certificate_yet(contractor, project)
    a_visit_in_the_past_is_refused(inspector)
    four_sub_works_shut_the_next_visit(contractor, inspector)
    the_debt_is_paid_and_the_visit_opens_at_once(contractor, inspector)
    defects_of_one_meter_with_photos(contractor, inspector)
    the_meter_is_put_right(contractor, inspector)
    both_stages_are_approved(contractor, inspector)
    certificate = the_certificate_is_asked_for_and_issued(contractor, inspector, project)
    address = the_paper_is_downloaded(contractor)
    office = browse("gas_office")
    stranger = browse()
    everybody_reads(stranger, address, "معتبر")
    the_gas_office_revokes(office, certificate)
    everybody_reads(stranger, address, "باطل")
    expect(stranger.locator(".verify__verdict")).to_contain_text(SINCE)


def no_certificate_yet(contractor: Visitor, project: str) -> None:
    page = contractor.page
    page.goto(f"/start/confirmation_issuance?project={project}")
    expect(page.locator("[name=project]")).to_have_value(project)
    contractor.submit()
    expect(page.locator("#project-error")).to_contain_text("بازرسی نهایی")


def a_visit_in_the_past_is_refused(inspector: Visitor) -> None:
    page = inspector.opens("تعیین زمان بازدید")
    page.fill("[name=visit_date]", "۱۴۰۴/۰۱/۱۷")
    page.fill("[name=visit_time]", "۹:۳۰")
    inspector.submit()
    expect(page.locator("#visit_date-error")).to_be_visible()


def four_sub_works_shut_the_next_visit(contractor: Visitor, inspector: Visitor) -> None:
    for count in range(1, 5):
        page = inspector.reports("sub_work")
        expect(page.locator(".note--danger")).to_have_count(0)
        if count < 4:
            expect(inspector.case().locator("main")).not_to_contain_text(STAGE_FEE)
    page = inspector.opens("تعیین زمان بازدید")
    lock = page.locator(".note--warning", has_text="این کار فعلاً قفل است")
    expect(lock).to_contain_text(STAGE_FEE)
    expect(page.locator("main form[data-keep] button.btn-primary")).to_be_disabled()
    page.goto("/lists/pre_inspections")
    expect(page.locator("main")).to_contain_text("بدهکار")
    page = contractor.opens("پرداخت بدهی")
    expect(page.locator("main")).to_contain_text(STAGE_FEE)
    expect(page.locator("main")).to_contain_text("پرداخت بخشی از آن ممکن نیست")
    expect(page.locator("tfoot td[data-label]")).to_have_count(1)  # on phones the word "sum" is no unit price


def the_debt_is_paid_and_the_visit_opens_at_once(contractor: Visitor, inspector: Visitor) -> None:
    page = inspector.opens("تعیین زمان بازدید")
    locked = page.url
    contractor.pays()
    page.reload()
    assert page.url == locked  # the same page goes on
    expect(page.locator(".note--warning", has_text="این کار فعلاً قفل است")).to_have_count(0)
    expect(page.locator("main form[data-keep] button.btn-primary")).to_be_enabled()


def defects_of_one_meter_with_photos(contractor: Visitor, inspector: Visitor) -> None:
    inspector.sets_visit()
    page = inspector.fills_report("defects")
    inspector.submit()
    expect(page.locator("#meters-error")).to_be_visible()
    examine(page)
    page.locator("label.choice", has=page.locator("[name=meters][value='2']")).click()
    page.locator("button[name=_add]").click()
    page.locator("[name=mismatches-0-meter]").wait_for()
    page.select_option("[name=mismatches-0-meter]", "2")
    page.fill("[name=mismatches-0-remark]", "زیربنای این واحد ۱۵۰ متر است.")
    inspector.adds_photos("شیر کنتور دوم.png", "نمای کلی.png")
    inspector.done()
    page = contractor.case()
    expect(page.locator("main")).to_contain_text(TEXT["defects"])
    photo = page.get_by_role("link", name="شیر کنتور دوم.png").first
    assert page.request.get(photo.get_attribute("href") or "").headers["content-type"] == "image/png"


def the_meter_is_put_right(contractor: Visitor, inspector: Visitor) -> None:
    page = contractor.opens("اصلاح کنتور")
    expect(page.locator("main")).to_contain_text("زیربنای این واحد ۱۵۰ متر است.")
    page.fill("[name=floor_area]", "۱۵۰")
    page.fill("[name=consumption]", "۴۰")
    contractor.submit()
    expect(page.locator("#consumption-error")).to_contain_text("۲۵")  # the permitted maximum
    page.fill("[name=consumption]", "۷٫۵")
    contractor.done()
    page = contractor.opens("پرداخت بدهی")
    expect(page.locator("main")).to_contain_text(REPEATED_VISIT)
    expect(page.locator("main")).to_contain_text(WITH_DIFFERENCE)
    contractor.pays()
    expect(inspector.case().locator("main")).to_contain_text("G6")


def both_stages_are_approved(contractor: Visitor, inspector: Visitor) -> None:
    inspector.sets_visit()
    page = inspector.fills_report("approved", 1)
    inspector.submit()
    expect(page.locator("#meters-error")).to_be_visible()  # all meters are approved, or it is no approval
    page.locator("label.choice", has=page.locator("[name=meters][value='1']")).click()
    inspector.done()
    page.goto("/lists/final_inspections")
    expect(page.locator("main")).to_contain_text(persian_digits(inspector.inspection[:4]))
    inspector.sets_visit()
    page = inspector.opens("ثبت گزارش بازرسی")
    expect(page.locator(".choice", has_text="ثبت زیرکار")).to_contain_text("در پیش‌بازرسی")
    inspector.fills_report("approved")
    inspector.done()
    expect(inspector.case().locator("#place")).to_contain_text("تایید")
    expect(contractor.case().locator(".page-head__actions a.btn-primary")).to_have_count(0)


def the_certificate_is_asked_for_and_issued(contractor: Visitor, inspector: Visitor, project: str) -> str:
    """Its number."""
    page = contractor.page
    page.goto(f"/cases/{project}")
    page.get_by_role("link", name="درخواست تاییدیه").click()
    page.fill("[name=remarks]", "برای وصل گاز پیش از زمستان")
    contractor.done()
    request = NUMBER.search(page.url)
    assert request, page.url
    page.goto(f"/start/confirmation_issuance?project={project}")
    contractor.submit()
    expect(page.locator("#project-error")).to_be_visible()  # one is open already
    contractor.inspection = inspector.inspection = request[0]
    page = inspector.opens("بررسی درخواست تاییدیه")
    expect(page.locator("main")).to_contain_text("برای وصل گاز پیش از زمستان")
    page.locator("[name=decision][value=approve]").check(force=True)
    inspector.done()
    issued = CERTIFICATE.search(page.locator(".note--success").first.inner_text())
    assert issued
    return ascii_digits(issued[0])


def the_paper_is_downloaded(contractor: Visitor) -> str:
    """Where everybody may look whether the certificate is valid."""
    page = contractor.case()
    paper = page.get_by_role("link", name="تاییدیه").and_(page.locator("[href$='.pdf']")).first
    answer = page.request.get(paper.get_attribute("href") or "")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.body().startswith(b"%PDF")
    address = page.locator("a[href*='/verify/']").first.get_attribute("href")
    assert address
    return address


def the_gas_office_revokes(office: Page, certificate: str) -> None:
    office.goto("/lists/certificates")
    row = office.locator("main tbody tr", has_text=persian_digits(certificate))
    row.get_by_role("link", name="ابطال").click()
    expect(office.locator("[name=certificate]")).to_have_value(certificate)
    office.fill("[name=reason]", "لوله‌کشی پس از بازرسی تغییر کرده است.")
    office.get_by_role("button", name="ابطال تاییدیه").click()
    office.locator("dialog button[value=yes]").click()
    expect(office.locator(".note--success")).to_be_visible()


def everybody_reads(stranger: Page, address: str, word: str) -> None:
    stranger.goto(address)
    expect(stranger.locator(".verify__state")).to_have_text(word)
    examine(stranger)


@pytest.mark.rule("INS-13", "INR-3", "ASG-1", "ASG-3")
def test_the_gas_office_dismisses_from_the_list_of_actions_and_from_the_case(
    played: tuple[str, Visitor, Visitor], browse: SignIn
) -> None:
    _project, _contractor, inspector = played
    number, office = inspector.inspection, browse("gas_office")
    office.goto(f"/actions?q={number}")
    office.locator("main tbody tr").get_by_role("link", name="عزل بازرس").click()
    dismisses(office, "")
    expect(office.locator("#reason-error")).to_be_visible()
    dismisses(office, "دو بازدید بی‌خبر به تأخیر افتاد.")
    expect(office.locator(".note--success").first).to_be_visible()
    inspector.page.goto(f"/worklist?q={number}")
    expect(inspector.page.locator("main")).not_to_contain_text("زمان بازدید")
    inspector.page.goto("/lists/dismissed_inspections")
    expect(inspector.page.locator("main")).to_contain_text("دو بازدید بی‌خبر به تأخیر افتاد.")
    appoints(Visitor(office, inspector.site, number), NAME_OF_OTHER, never=NAME_OF_INSPECTOR)
    office.goto(f"/cases/{number}")
    dismisses(office, "بازرس بیمار است.")
    expect(office.locator("h1")).to_have_text("تعیین بازرس")  # what the office has to do next
    expect(office.locator("[name=inspector] option", has_text=NAME_OF_OTHER)).to_have_count(0)


def dismisses(office: Page, reason: str) -> None:
    """By the form on the page of the action, or in its place on the case's page."""
    form = office.locator("form", has=office.locator("[name=reason]"))
    form.locator("[name=reason]").fill(reason)
    form.get_by_role("button", name="عزل بازرس").click()
    with office.expect_navigation():
        office.locator("dialog button[value=yes]").click()


def appoints(office: Visitor, name: str, *, never: str) -> None:
    """Nobody else is ready in the region: the gas office chooses, but not whom it has dismissed."""
    page = office.opens("تعیین بازرس")
    expect(page.locator("[name=inspector] option", has_text=never)).to_have_count(0)
    choice = page.locator("[name=inspector] option", has_text=name).get_attribute("value")
    page.select_option("[name=inspector]", choice)
    page.fill("main form[data-keep] [name=note]", "از منطقهٔ همسایه")
    office.done()
