"""What people read of a debt: the history's lines, messages, what is said after a step, the lock's reason."""

import pytest
from sqlalchemy import delete, select

from models.account import Message
from models.billing import Invoice, InvoiceStatus
from models.case import HistoryEntry
from models.gas import GasProject
from models.inspection import MeterCorrection
from tests.locked_reads import locked_reads
from tests.scenarios import gas_office as office
from tests.scenarios import inspections as insp
from tests.scenarios.inspection_book import meter
from workflows.gas_inspection import debt

PROJECT = "۱۴۰۵-۰۰۰۰۰۱-۸"
DIFFERENT = "زیربنا با ثبت یکی نیست"
LARGER = {"units": 2, "usage": "commercial", "floor_area": 300, "consumption": 12}  # G10
SMALLER = {"units": 1, "usage": "residential", "floor_area": 100, "consumption": 1}  # G4


def details(play, what):
    """The details of the only history line of this kind."""
    with play.session() as session:
        found = select(HistoryEntry).where(HistoryEntry.case_id == play.case_id, HistoryEntry.what == what)
        return session.scalars(found).one().details


def last_message(play, username):
    person = play.people.actor(username).person_id
    with play.session() as session:
        message = session.scalars(
            select(Message).where(Message.person_id == person).order_by(Message.id.desc())
        ).first()
        return message.title, office.texts([message.body])


def context_of(play, session):
    """What an operation of the case gets; only for what no step can bring about."""
    return play.engine._context(session, session.get_one(type(play.case), play.case_id), play.actor("contractor"))


@pytest.fixture
def owing(play):
    """A surface inspection with one open debt of 390,000 Rials."""
    return insp.reports(insp.begins(play), "defects", 1)


@pytest.fixture
def different(play):
    """A report said that the only meter, a G6, is another one than registered."""
    return insp.reports(insp.begins(play, meter("G6")), "approved", mismatches={1: DIFFERENT})


@pytest.mark.rule("INS-10")
def test_the_history_says_how_much_is_owed(owing):
    (invoice,) = office.invoices(owing)
    assert details(owing, "debt_made") == {
        "invoice": invoice.id,
        "amount": 390_000,
        "text": "بدهی جدید: %(amount)s ریال",
        "text_values": {"amount": "390٬000"},
    }


@pytest.mark.rule("INS-10", "SMS-1")
def test_the_contractor_reads_how_much_is_owed_and_what_waits_for_it(owing):
    body = f"{PROJECT}: این پروژه ۳۹۰٬۰۰۰ ریال بدهکار شد. تا پرداخت آن بازرسی ادامه نمی‌یابد. در کارتابل خود بپردازید."
    assert last_message(owing, "contractor") == ("بدهی بازرسی", body)
    assert owing.sms()[-1].receiver == "09130000001"


@pytest.mark.rule("INS-10")
def test_a_paid_debt_is_said_to_both_sides_and_written_down(owing):
    insp.pays_debt(owing)
    (invoice,) = office.invoices(owing)
    assert details(owing, "debt_settled") == {
        "invoice": invoice.id,
        "amount": 390_000,
        "text": "بدهی %(amount)s ریال پرداخت شد",
        "text_values": {"amount": "390٬000"},
    }
    body = f"بدهی پروژهٔ {PROJECT} پرداخت شد. زمان بازدید بعدی را تعیین کنید."
    assert last_message(owing, "inspector-1") == ("بدهی پرداخت شد", body)
    assert insp.project(owing).debt == 0


@pytest.mark.rule("INS-10")
def test_without_an_inspector_a_paid_debt_is_said_to_nobody_else(owing):
    with owing.session() as session:
        session.scalars(select(GasProject)).one().inspector_id = None
        before = session.scalars(select(Message.id)).all()
        (invoice,) = session.scalars(select(Invoice).where(Invoice.case_id == owing.case_id)).all()
        context = context_of(owing, session)
        debt.settle_debt(context, invoice=invoice.id)
        assert context.flashes == ["بدهی پرداخت شد و بازرس می‌تواند زمان بازدید را تعیین کند."]
        assert session.scalars(select(Message.id)).all() == before


@pytest.mark.rule("INS-10", "PAY-2")
def test_money_that_comes_late_settles_the_debt_that_is_confirmed(owing):
    with owing.session() as session:
        (invoice,) = session.scalars(select(Invoice).where(Invoice.case_id == owing.case_id)).all()
        older, newer, later_of_two = (_paid_copy(session, invoice, days) for days in (2, 1, 1))
        context = context_of(owing, session)
        assert debt.confirm_debt(context) == invoice.id, "the open one"
        invoice.status, invoice.paid_at = InvoiceStatus.PAID, owing.clock.now.replace(year=2000)
        session.flush()
        assert debt.confirm_debt(context) == later_of_two.id
        assert older.id < newer.id < later_of_two.id


def _paid_copy(session, invoice, days):
    """Another paid invoice of the case, paid as many days ago."""
    copy = Invoice(
        number=f"{invoice.number}-{days}-{len(session.scalars(select(Invoice.id)).all())}",
        case_id=invoice.case_id,
        payer_id=invoice.payer_id,
        reason=invoice.reason,
        status=InvoiceStatus.PAID,
        total=1,
        created_at=invoice.created_at,
        paid_at=invoice.created_at.replace(year=2030 - days),
    )
    session.add(copy)
    session.flush()
    return copy


@pytest.mark.rule("INS-10", "INS-16", "PAY-2")
def test_a_debt_that_may_be_paid_at_this_moment_is_looked_at_under_a_lock(owing):
    with owing.session() as session:
        context = context_of(owing, session)
        project = session.scalars(select(GasProject)).one()
        with locked_reads() as tables:
            debt.confirm_debt(context)
        assert tables == ["invoices"]
        with locked_reads() as tables:
            debt.cancel_debt(context, project)
        assert tables == ["invoices"]
        (invoice,) = session.scalars(select(Invoice).where(Invoice.case_id == owing.case_id)).all()
        assert (invoice.status, project.debt) == (InvoiceStatus.CANCELLED, 0)
        debt.cancel_debt(context, project)
        assert project.debt == 0


@pytest.mark.rule("INS-7", "INS-11")
def test_the_lock_says_what_comes_first_in_at_most_300_characters(owing, monkeypatch):
    with owing.session() as session:
        project = session.scalars(select(GasProject)).one()
        assert office.texts([debt.lock_text(session, project)]) == (
            "پروژه ۳۹۰٬۰۰۰ ریال بدهکار است. تا پرداخت آن گزارش جدیدی ثبت نمی‌شود."
        )
        monkeypatch.setattr(debt, "MAX_OF_A_LOCK", 8)
        assert debt.lock_text(session, project) == "پروژه ۳۹"
        project.debt = 0
        assert debt.lock_text(session, project) == ""
    assert debt.grouped(1_234_567) == "1٬234٬567"


@pytest.mark.rule("INS-11")
def test_the_lock_names_the_meter_before_the_debt(different):
    with different.session() as session:
        text = debt.lock_text(session, session.scalars(select(GasProject)).one())
    assert office.texts([text]) == "مجری باید ابتدا مشخصات کنتور ۱ را اصلاح کند."


@pytest.mark.rule("INS-11")
def test_a_corrected_meter_is_kept_with_what_it_was_and_its_difference_is_owed(different):
    with locked_reads() as tables:
        different.does("contractor", "correct_meter", **LARGER)
    assert "invoices" in tables
    assert different.messages == ["کنتور ۱ اصلاح شد."]
    (invoice,) = office.invoices(different)
    (correction,) = insp.corrections(different)
    assert correction.before == {
        "units": 1,
        "usage": "residential",
        "floor_area": 200.0,
        "consumption": 1.0,
        "meter_class": "G6",
    }
    assert correction.after == LARGER | {"meter_class": "G10"}
    assert (correction.corrected_at, correction.difference) == (different.clock.now, 80_000)
    assert (correction.invoice_id, invoice.total, invoice.reason) == (invoice.id, 80_000, "meter_correction")
    assert last_message(different, "contractor")[0] == "بدهی بازرسی"
    assert details(different, "meter_corrected") == {
        "report": 1,
        "difference": 80_000,
        "text": "کنتور %(number)s اصلاح شد؛ %(amount)s ریال مابه‌التفاوت باید پرداخت شود",
        "text_values": {"number": "1", "amount": "80٬000"},
    }


@pytest.mark.rule("INS-11")
def test_a_smaller_meter_is_written_down_as_a_credit(different):
    different.does("contractor", "correct_meter", **SMALLER)
    assert details(different, "meter_corrected") == {
        "report": 1,
        "difference": -80_000,
        "text": "کنتور %(number)s اصلاح شد؛ %(amount)s ریال به سود مجری ثبت شد",
        "text_values": {"number": "1", "amount": "80٬000"},
    }
    (correction,) = insp.corrections(different)
    assert (correction.invoice_id, office.invoices(different)) == (None, [])


@pytest.mark.rule("INS-11")
def test_a_meter_of_the_same_class_is_written_down_without_an_amount(different):
    different.does("contractor", "correct_meter", **SMALLER | {"units": 5, "floor_area": 200})
    assert details(different, "meter_corrected") == {
        "report": 1,
        "difference": 0,
        "text": "کنتور %(number)s اصلاح شد؛ هزینه تغییری نکرد",
        "text_values": {"number": "1"},
    }


@pytest.mark.rule("INS-11")
def test_a_second_correction_of_the_same_meter_is_refused_where_none_is_open(different):
    with different.session() as session:
        session.execute(delete(MeterCorrection))
    errors = different.refuses("contractor", "correct_meter", **LARGER)
    assert errors == {"": ["کنتوری برای اصلاح نمانده است."]}


@pytest.mark.rule("INS-4")
def test_a_sub_work_of_surface_work_is_refused_with_where_there_are_some(play):
    insp.visits(insp.begins(play))
    errors = play.refuses("inspector-1", "record_report", **insp.report("sub_work"))
    assert errors == {
        "outcome": ["زیرکار فقط برای کار زیرکار (توکار) و در پیش‌بازرسی ثبت می‌شود. نتیجهٔ دیگری انتخاب کنید."]
    }
