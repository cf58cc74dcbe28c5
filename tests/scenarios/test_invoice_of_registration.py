"""The registration's invoice when its grounds change, are missing, or are being paid for at this moment."""

import pytest
from sqlalchemy import select

from models.billing import Invoice, InvoiceStatus
from models.gas import GasProject
from tests.locked_reads import locked_reads
from tests.scenarios import gas_office as office
from tests.scenarios.gas_office import METER
from workflows.project_registration import invoice as operations


@pytest.fixture
def at_owner(play):
    """An invoice was there to be reviewed; the contractor went back to the owner's step."""
    office.up_to_invoice(play)
    return office.go_to(play, "register_owner")


@pytest.mark.rule("REG-9")
def test_uploaded_documents_are_said_to_be_saved(play):
    office.up_to_documents(play)
    play.does("contractor", "upload_documents", documents=[office.add_document(play, t) for t in office.MANDATORY])
    assert play.messages[0] == "مدارک ذخیره شدند."


@pytest.mark.rule("REG-10", "REG-13")
def test_meters_changed_there_and_back_get_a_new_invoice_and_not_the_cancelled_one(play):
    office.up_to_invoice(play)
    for meters in ([METER, METER], [METER]):
        office.go_to(play, "register_meters")
        play.does("contractor", "register_meters", meters=meters, all_registered=True)
    office.go_to(play, "review_invoice")
    first, second = office.invoices(play)
    assert (first.status, second.status) == (InvoiceStatus.CANCELLED, InvoiceStatus.OPEN)
    assert (second.total, second.number) == (first.total, f"{play.case.number}/2")


@pytest.mark.rule("REG-10")
@pytest.mark.parametrize("missing", ["property", "owner", "registered_at", "meters"])
def test_no_invoice_is_made_of_a_file_that_lost_one_of_its_parts(at_owner, missing):
    with at_owner.session() as session:
        project = session.scalars(select(GasProject).where(GasProject.case_id == at_owner.case_id)).one()
        setattr(project, missing, [] if missing == "meters" else None)
    errors = at_owner.refuses("contractor", "change_step", step="review_invoice")
    assert errors == {"": ["پیش از صورت‌حساب باید ملک، مالک، ساختمان و کنتورها ثبت شده باشند."]}


@pytest.mark.rule("REG-10", "PAY-2")
def test_an_invoice_that_may_be_paid_at_this_moment_is_looked_at_under_a_lock(at_owner):
    with at_owner.session() as session:
        session.get_one(Invoice, office.open_invoice(at_owner).id).lines[0].quantity += 1
    with locked_reads() as tables:
        office.go_to(at_owner, "review_invoice")
    assert tables.count("invoices") == 2, "the paid one, and the open one that is replaced"


@pytest.mark.rule("REG-11")
def test_a_paid_invoice_stays_whatever_changes(at_owner):
    with at_owner.session() as session:
        invoice = session.scalars(select(Invoice)).one()
        invoice.status = InvoiceStatus.PAID
        case = session.get_one(type(at_owner.case), at_owner.case_id)
        operations.drop_open_invoice(at_owner.engine._context(session, case, at_owner.actor("contractor")))
        assert invoice.status is InvoiceStatus.PAID


@pytest.mark.rule("REG-11")
def test_only_money_that_came_fixes_the_file(play):
    office.up_to_invoice(play)
    with play.session() as session:
        case = session.get_one(type(play.case), play.case_id)
        context = play.engine._context(session, case, play.actor("contractor"))
        invoice = session.scalars(select(Invoice)).one()
        with pytest.raises(ValueError, match=f"Invoice {invoice.number} is open, not paid"):
            operations.record_payment(context, invoice=invoice.id)
        invoice.status = InvoiceStatus.PAID
        operations.record_payment(context, invoice=invoice.id)
        project = session.scalars(select(GasProject)).one()
        assert project.paid_at == play.clock.now, "where the invoice does not say when"
        invoice.paid_at = invoice.created_at.replace(year=2020)
        operations.record_payment(context, invoice=invoice.id)
        assert project.paid_at == invoice.paid_at


@pytest.mark.rule("REG-11", "REG-13")
def test_a_cancelled_invoice_cannot_be_confirmed_and_the_way_to_a_new_one_is_named(play):
    office.up_to_invoice(play)
    with play.session() as session:
        session.scalars(select(Invoice)).one().status = InvoiceStatus.CANCELLED
    errors = play.refuses("contractor", "review_invoice")
    assert office.texts(errors[""]) == (
        "صورت‌حساب ۱۴۰۵-۰۰۰۰۰۱-۸/۱ باطل شده است. با «ویرایش گام» به «صورت‌حساب» بروید تا صورت‌حساب جدید صادر شود."
    )
