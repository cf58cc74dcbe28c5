"""Stories of ``project_registration``, told in the words of the diagram."""

import re

import pytest
from sqlalchemy import func, select

from models.account import Message
from models.billing import Invoice, InvoiceStatus
from models.building import Property
from models.case import CaseStatus
from models.identifiers import damm_valid
from tests.scenarios import gas_office as office
from tests.scenarios.gas_office import CONCEALED, METER, OWNER, PROPERTY, SURFACE

FEE_G4 = 690_000  # Rials, one stage, one G4 meter, surface work
G10 = METER | {"floor_area": 300, "consumption": 12}
FILE_ACTIONS = {"change_step": "contractor", "cancel_registration": "contractor"}


def plain(text: str) -> str:
    """A message without the marks that keep codes together, in ASCII digits."""
    return re.sub("[\u2066-\u2069]", "", text).translate(str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789"))


@pytest.mark.both_databases("story")
@pytest.mark.rule("REG-1", "REG-10", "REG-11", "REG-14")
def test_a_project_goes_from_property_to_its_inspector(play):
    office.add_inspector(play, "inspector-1")
    office.start(play)
    assert play.waits_for() == {"choose_property": "contractor"}
    assert play.actions() == FILE_ACTIONS

    play.does("contractor", "choose_property", source="new")
    assert play.waits_for() == {"register_property": "contractor"}
    play.does("contractor", "register_property", **PROPERTY)
    assert play.waits_for() == {"register_owner": "contractor"}
    play.does("contractor", "register_owner", **OWNER)
    assert play.waits_for() == {"register_building": "contractor"}
    play.does("contractor", "register_building", **SURFACE)
    assert play.waits_for() == {"register_meters": "contractor"}
    play.does("contractor", "register_meters", meters=[METER], all_registered=True)
    assert play.waits_for() == {"upload_documents": "contractor"}
    play.does("contractor", "upload_documents", documents=[office.add_document(play, t) for t in office.MANDATORY])
    assert play.waits_for() == {"review_invoice": "contractor"}

    play.does("contractor", "review_invoice")
    assert "change_step" not in play.actions()
    play.pays()

    assert play.case.status is CaseStatus.COMPLETED
    assert play.case.outcome == "inspection_started"
    assert office.project(play).inspector.username == "inspector-1"
    play.follow("gas_inspection")
    assert play.waits_for() == {"schedule_visit": "inspector"}


@pytest.mark.rule("REG-2")
def test_a_new_property_gets_a_code_with_a_check_digit(play):
    office.up_to_owner(play)
    code = office.project(play).property.code
    assert damm_valid(code.replace("-", ""))
    assert code in plain(play.messages[0])


@pytest.mark.both_databases("saving")
@pytest.mark.rule("REG-2", "REG-3")
def test_a_known_renovation_code_is_refused_and_the_existing_way_is_open(play):
    office.up_to_owner(play)
    known = office.project(play).property

    office.start(play, by="contractor-2")
    play.does("contractor-2", "choose_property", source="new")
    errors = play.refuses("contractor-2", "register_property", **PROPERTY | {"address": "نشانی دیگر"})
    assert list(errors) == ["renovation_code"]
    assert known.code in plain(errors["renovation_code"][0])
    assert "ملک ثبت‌شده" in errors["renovation_code"][0]

    office.go_to(play, "find_property", by="contractor-2")
    assert play.waits_for() == {"find_property": "contractor"}
    play.does("contractor-2", "find_property", property_code=known.code, property=known.id)
    assert office.project(play).property_id == known.id
    assert play.waits_for() == {"register_owner": "contractor"}


@pytest.mark.rule("REG-2")
def test_the_property_registered_here_can_be_corrected_and_keeps_its_code(play):
    office.up_to_owner(play)
    code = office.project(play).property.code
    office.go_to(play, "register_property")
    assert office.briefing(play, "contractor", "register_property").values["renovation_code"] == "3-12-45-6"
    play.does("contractor", "register_property", **PROPERTY | {"renovation_code": "3-12-45-7", "floors": 5})
    changed = office.project(play).property
    assert (changed.code, changed.renovation_code, changed.floors) == (code, "3-12-45-7", 5)
    with play.session() as session:
        assert session.scalar(select(func.count()).select_from(Property)) == 1


@pytest.mark.rule("REG-2")
def test_a_property_of_another_project_cannot_be_changed(play):
    office.up_to_owner(play)
    known = office.project(play).property
    office.start(play, by="contractor-2")
    play.does("contractor-2", "choose_property", source="existing")
    play.does("contractor-2", "find_property", property_code=known.code, property=known.id)
    office.go_to(play, "register_property", by="contractor-2")
    assert office.briefing(play, "contractor-2", "register_property").values == {}
    assert "renovation_code" in play.refuses("contractor-2", "register_property", **PROPERTY | {"floors": 9})


@pytest.mark.both_databases("search")
@pytest.mark.rule("REG-3", "ACC-5")
@pytest.mark.parametrize(
    "typed",
    [
        {"region": 3},
        {"main_plate": "۲۳۹۴"},
        {"region": "3", "main_plate": "2394", "sub_plate": "١٧"},
        {"renovation_code": "۳-۱۲-۴۵-۶"},
    ],
)
def test_a_property_is_found_by_region_plate_or_renovation_code(play, typed):
    office.up_to_owner(play)
    known = office.project(play).property.id
    office.start(play)
    play.does("contractor", "choose_property", source="existing")
    found = office.briefing(play, "contractor", "find_property", **typed)
    assert [choice.value for choice in found.choices["property"]] == [known]


@pytest.mark.rule("REG-3")
@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"region": 4}, "ملکی با این مشخصات پیدا نشد"),
        ({"region": 3, "main_plate": "1"}, "ملکی با این مشخصات پیدا نشد"),
        ({"property_code": "000001-0"}, "درست نیست"),
        ({"property_code": "123"}, "درست نیست"),
        ({}, "جستجو کنید"),
        ({"region": "9" * 30}, "ملکی با این مشخصات پیدا نشد"),
        ({"property_code": "کد"}, "درست نیست"),
    ],
)
def test_without_a_hit_there_is_a_clear_message_and_nothing_is_lost(play, typed, words):
    office.up_to_owner(play)
    office.start(play)
    play.does("contractor", "choose_property", source="existing")
    found = office.briefing(play, "contractor", "find_property", **typed)
    assert "property" not in found.choices
    assert words in office.texts(found.blocks)
    assert list(play.refuses("contractor", "find_property", property=1, **{"region": 4})) == ["property"]


@pytest.mark.rule("REG-4")
def test_the_owner_may_become_a_company_and_nothing_of_the_person_stays(play):
    office.up_to_owner(play)
    play.does("contractor", "register_owner", **OWNER)
    office.go_to(play, "register_owner")
    assert office.briefing(play, "contractor", "register_owner").values["national_code"] == OWNER["national_code"]
    play.does(
        "contractor",
        "register_owner",
        owner_kind="company",
        company_name="سازه",
        national_id="14003778990",
        registration_number="123",
        agent_name="مریم رضایی",
        mobile="09123456789",
    )
    owner = office.project(play).owner
    assert (owner.kind, owner.name, owner.national_code, owner.first_name) == ("company", "سازه", "", "")


@pytest.mark.rule("REG-4")
def test_a_wrong_national_code_is_refused_at_its_field(play):
    office.up_to_owner(play)
    assert list(play.refuses("contractor", "register_owner", **OWNER | {"national_code": "1111111111"})) == [
        "national_code"
    ]


@pytest.mark.rule("REG-5")
def test_saving_the_building_shows_the_project_number(play):
    office.up_to_meters(play)
    assert play.case.number in plain(play.messages[0])
    assert office.project(play).registered_at == play.clock.now


@pytest.mark.both_databases("saving")
@pytest.mark.rule("REG-6")
def test_meters_are_edited_added_and_deleted_until_all_are_registered(play):
    office.up_to_meters(play)
    assert list(play.refuses("contractor", "register_meters", meters=[METER])) == ["all_registered"]
    play.does("contractor", "register_meters", meters=[METER, G10, METER], all_registered=True)
    assert [(m.number, m.meter_class) for m in office.project(play).meters] == [(1, "G4"), (2, "G10"), (3, "G4")]

    office.go_to(play, "register_meters")
    assert office.briefing(play, "contractor", "register_meters").values["meters"] == [METER, G10, METER]
    play.does("contractor", "register_meters", meters=[G10], all_registered=True)
    assert [(m.number, m.meter_class) for m in office.project(play).meters] == [(1, "G10")]


@pytest.mark.rule("REG-7")
@pytest.mark.parametrize(
    ("floor_area", "consumption", "found"),
    [
        (100, 6, "G4"),
        (120, 6, "G4"),
        (120.01, 6, "G6"),
        (100, 6.01, "G6"),
        (100, 16, "G10"),
        (5000, 1, "G100"),
        (2001, 160, "G100"),
    ],
)
def test_the_larger_need_gives_the_class(play, floor_area, consumption, found):
    office.up_to_meters(play)
    meter = METER | {"floor_area": floor_area, "consumption": consumption}
    play.does("contractor", "register_meters", meters=[meter], all_registered=True)
    assert [m.meter_class for m in office.project(play).meters] == [found]


@pytest.mark.rule("REG-7")
@pytest.mark.parametrize(
    ("floor_area", "consumption", "field", "words"),
    [
        (100, 16.01, "consumption", "16"),
        (100, 17, "consumption", "G10"),
        (4000, 161, "consumption", "160"),
        (5000.5, 6, "floor_area", "زیربنا"),
    ],
)
def test_too_much_consumption_is_an_error_at_its_row_that_says_the_permitted_maximum(
    play, floor_area, consumption, field, words
):
    office.up_to_meters(play)
    wrong = METER | {"floor_area": floor_area, "consumption": consumption}
    errors = play.refuses("contractor", "register_meters", meters=[METER, wrong], all_registered=True)
    assert list(errors) == [f"meters.1.{field}"]
    assert words in plain(errors[f"meters.1.{field}"][0])
    assert office.project(play).meters == []


@pytest.mark.rule("REG-6", "REG-7")
def test_the_table_shows_the_classes_of_what_is_only_typed(play):
    office.up_to_meters(play)
    typed = [METER, METER | {"consumption": 17}, {"units": "", "floor_area": "x", "consumption": None}]
    blocks = office.briefing(play, "contractor", "register_meters", meters=typed).blocks
    table = next(block for block in blocks if hasattr(block, "rows"))
    assert [(row[0], row[5]) for row in table.rows] == [("۱", "G4"), ("۲", "—")]
    assert "G10" in table.rows[1][6]


@pytest.mark.rule("REG-9")
def test_the_next_step_opens_only_when_every_mandatory_title_has_a_file(play):
    office.up_to_documents(play)
    offered = office.briefing(play, "contractor", "upload_documents").choices["documents.title"]
    titles = {choice.value: choice.description for choice in offered}
    assert titles["ownership_deed"] == "اجباری" and titles["photos"] == "اختیاری"
    assert "concealed_details" not in titles

    errors = play.refuses("contractor", "upload_documents", documents=[office.add_document(play, "ownership_deed")])
    assert list(errors) == ["documents"]
    assert "پروانهٔ ساختمان" in errors["documents"][0] and "سند مالکیت" not in errors["documents"][0]

    play.does("contractor", "upload_documents", documents=[office.add_document(play, t) for t in office.MANDATORY])
    assert play.waits_for() == {"review_invoice": "contractor"}
    office.go_to(play, "upload_documents")
    saved = office.briefing(play, "contractor", "upload_documents").values["documents"]
    assert [row["title"] for row in saved] == list(office.MANDATORY)


@pytest.mark.rule("REG-9", "DOC-1")
def test_a_file_of_another_case_is_not_taken(play):
    office.up_to_documents(play)
    foreign = office.add_document(play, "ownership_deed")
    office.up_to_documents(play, renovation_code="9-9")
    rows = [foreign, *(office.add_document(play, title) for title in office.MANDATORY[1:])]
    assert list(play.refuses("contractor", "upload_documents", documents=rows)) == ["documents.0.document"]


@pytest.mark.rule("REG-10", "FEE-1", "FEE-3")
def test_surface_work_prepays_one_pre_inspection_and_one_final_inspection_for_each_meter(play):
    office.up_to_invoice(play, METER, G10)
    (invoice,) = office.invoices(play)
    assert [(line.meter_number, line.stage, line.quantity, line.amount) for line in invoice.lines] == [
        (1, "pre_inspection", 1, 690_000),
        (1, "final_inspection", 1, 690_000),
        (2, "pre_inspection", 1, 770_000),
        (2, "final_inspection", 1, 770_000),
    ]
    assert invoice.total == 2 * (690_000 + 770_000)
    shown = office.texts(office.briefing(play, "contractor", "review_invoice").blocks)
    assert "۲٬۹۲۰٬۰۰۰ ریال" in shown


@pytest.mark.rule("REG-10", "FEE-2", "FEE-3")
def test_concealed_work_prepays_three_sub_works_and_the_final_inspection(play):
    office.up_to_invoice(play, METER, building=CONCEALED)
    (invoice,) = office.invoices(play)
    each = FEE_G4 * 125 // 100
    assert [(line.stage, line.quantity, line.unit_amount) for line in invoice.lines] == [
        ("sub_work", 3, each),
        ("final_inspection", 1, each),
    ]
    assert invoice.total == 4 * each


@pytest.mark.rule("REG-10", "REG-13")
def test_changed_meters_cancel_the_open_invoice_and_make_a_new_one(play):
    office.up_to_invoice(play)
    office.go_to(play, "register_meters")
    play.does("contractor", "register_meters", meters=[METER, METER], all_registered=True)
    assert [invoice.status for invoice in office.invoices(play)] == [InvoiceStatus.CANCELLED]
    office.go_to(play, "review_invoice")
    old, new = office.invoices(play)
    assert (old.status, new.status) == (InvoiceStatus.CANCELLED, InvoiceStatus.OPEN)
    assert (new.total, new.number) == (2 * old.total, f"{play.case.number}/2")


@pytest.mark.rule("REG-10")
def test_an_unchanged_file_keeps_its_invoice(play):
    office.up_to_invoice(play)
    before = office.open_invoice(play).id
    office.go_to(play, "register_meters")
    play.does("contractor", "register_meters", meters=[METER], all_registered=True)
    office.go_to(play, "review_invoice")
    assert [invoice.id for invoice in office.invoices(play)] == [before]


@pytest.mark.rule("REG-10")
@pytest.mark.parametrize("fact", ["meter_number", "meter_class", "item", "stage", "quantity", "unit_amount"])
def test_an_open_invoice_with_another_line_is_replaced(play, fact):
    office.up_to_invoice(play)
    office.go_to(play, "register_meters")
    with play.session() as session:
        line = session.get_one(Invoice, office.open_invoice(play).id).lines[0]
        was = getattr(line, fact)
        setattr(line, fact, f"{was}-" if isinstance(was, str) else was + 1)
    office.go_to(play, "review_invoice")
    old, new = office.invoices(play)
    assert (old.status, new.status) == (InvoiceStatus.CANCELLED, InvoiceStatus.OPEN)
    assert getattr(new.lines[0], fact) == was


@pytest.mark.rule("REG-9", "REG-13")
def test_a_changed_work_type_asks_for_its_documents_before_a_new_invoice(play):
    office.up_to_invoice(play)
    office.go_to(play, "register_building")
    play.does("contractor", "register_building", **CONCEALED)
    errors = play.refuses("contractor", "change_step", step="review_invoice")
    assert "نقشهٔ جزئیات لوله‌کشی توکار" in errors[""][0]
    assert [invoice.status for invoice in office.invoices(play)] == [InvoiceStatus.CANCELLED]


@pytest.mark.rule("REG-13")
def test_only_steps_that_were_reached_can_be_gone_to(play):
    office.up_to_owner(play)
    offered = [choice.value for choice in office.briefing(play, "contractor", "change_step").choices["step"]]
    assert offered == ["choose_property", "register_property", "find_property", "register_owner"]
    assert list(play.refuses("contractor", "change_step", step="register_meters")) == ["step"]
    office.go_to(play, "choose_property")
    assert play.waits_for() == {"choose_property": "contractor"}
    assert play.actions() == FILE_ACTIONS


@pytest.mark.rule("REG-13")
def test_going_back_a_hundred_times_loses_nothing(play):
    office.up_to_documents(play)
    for step in ["register_owner", "register_meters"] * 10:
        office.go_to(play, step)
        assert play.waits_for() == {step: "contractor"}
    assert [meter.meter_class for meter in office.project(play).meters] == ["G4"]


@pytest.mark.rule("REG-13")
def test_an_unpaid_registration_can_be_cancelled_by_its_contractor(play):
    office.up_to_invoice(play)
    play.does("contractor", "cancel_registration", reason="کار به دیگری سپرده شد.")
    assert (play.case.status, play.case.outcome) == (CaseStatus.CANCELLED, "registration_cancelled")
    assert [invoice.status for invoice in office.invoices(play)] == [InvoiceStatus.CANCELLED]
    assert play.waits_for() == {} and play.actions() == {}


@pytest.mark.both_databases("story")
@pytest.mark.rule("REG-13")
def test_an_unpaid_invoice_comes_back_and_can_be_paid_later(play):
    office.add_inspector(play, "inspector-1")
    office.up_to_invoice(play)
    play.does("contractor", "review_invoice")
    play.pays("fail")
    assert play.waits_for() == {"review_invoice": "contractor"}
    assert play.actions() == FILE_ACTIONS
    play.does("contractor", "review_invoice")
    play.pays()
    assert play.case.outcome == "inspection_started"
    assert len(office.invoices(play)) == 1


def money_comes_late(play, *, at):
    """The payer gave up and went back to a step; then the payment arrives, and its invoice is still open."""
    office.up_to_invoice(play)
    play.does("contractor", "review_invoice")
    authority = play.payment().authority
    play.does("contractor", "cancel_payment")
    office.go_to(play, at)
    with play.session() as session:
        play.application.test_gateway.decide(session, authority, decision="pay", now=play.clock.now)
    play.returns(authority)
    assert [invoice.status for invoice in office.invoices(play)] == [InvoiceStatus.PAID]


@pytest.mark.rule("REG-11", "REG-13", "PAY-2")
@pytest.mark.parametrize(
    ("step", "values"),
    [
        ("register_property", PROPERTY),
        ("register_owner", OWNER),
        ("register_building", SURFACE),
        ("register_meters", {"meters": [METER], "all_registered": True}),
        ("change_step", {"step": "register_owner"}),
        ("cancel_registration", {"reason": "کار به دیگری سپرده شد."}),
    ],
)
def test_money_that_comes_while_the_file_is_being_changed_keeps_the_file_as_it_was_paid_for(play, step, values):
    money_comes_late(play, at="register_owner" if step in FILE_ACTIONS else step)

    refused = play.refuses("contractor", step, **values)

    assert "پرداخت شده است" in refused[""][0]
    assert [invoice.status for invoice in office.invoices(play)] == [InvoiceStatus.PAID]


@pytest.mark.rule("REG-11", "PAY-2")
def test_money_that_comes_while_the_file_is_being_changed_leads_on_to_the_inspector(play):
    office.add_inspector(play, "inspector-1")
    money_comes_late(play, at="register_owner")
    office.go_to(play, "review_invoice")
    play.does("contractor", "review_invoice")
    assert play.case.outcome == "inspection_started"
    assert [invoice.status for invoice in office.invoices(play)] == [InvoiceStatus.PAID]


@pytest.mark.rule("REG-11")
def test_after_payment_the_name_is_shown_and_nothing_can_be_changed(play):
    office.add_inspector(play, "inspector-1")
    office.paid(play)
    assert office.project(play).paid_at == office.invoices(play)[0].paid_at
    assert play.actions() == {}
    with play.session() as session:
        told = session.scalars(select(Message).where(Message.title == "بازرس پروژه معرفی شد")).one()
    assert "inspector-1" in told.body and play.case.number in plain(told.body)
    receivers = {message.receiver for message in play.sms()}
    assert {"09130000001", "09120000001"} <= receivers
    assert "inspector-1" in office.texts(office.case_page(play, "contractor"))


@pytest.mark.rule("REG-12")
def test_the_introduction_letter_can_be_printed_once_there_is_an_inspector(play, application):
    office.add_inspector(play, "inspector-1")
    office.up_to_invoice(play)
    letter = application.engine.printouts.get("project_registration", "introduction_letter")
    with play.session() as session:
        context = play.engine.briefing_context(session, session.merge(play.case), play.actor("contractor"))
        assert "هنوز" in str(letter.unavailable(context))
    play.does("contractor", "review_invoice")
    play.pays()
    with play.session() as session:
        context = play.engine.briefing_context(session, session.merge(play.case), play.actor("contractor"))
        assert letter.unavailable(context) is None
        assert letter.render(context).startswith(b"%PDF-")


@pytest.mark.rule("REG-8", "REG-14")
def test_all_meters_go_to_one_inspector_whose_inspection_refers_to_the_project(play):
    office.add_inspector(play, "inspector-1")
    office.add_inspector(play, "inspector-2")
    office.paid(play, METER, METER, METER)
    registration = play.case_id
    (made,) = office.assignments(play)
    assert made.weight == 3
    play.follow("gas_inspection")
    assert play.case.refers_to_id == registration
    assert play.task("schedule_visit").assignee_id == made.inspector_id
