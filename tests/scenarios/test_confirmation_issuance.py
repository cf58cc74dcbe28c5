"""Stories of ``confirmation_issuance`` and ``certificate_revocation``: asked for, issued, printed, revoked (CNF)."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread

import pypdf
import pytest
import zxingcpp
from click.testing import CliRunner
from PIL import Image
from sqlalchemy import select

import kartabl
from engine.errors import InvalidSubmission, NotFound
from models.account import Notice
from models.billing import Invoice, InvoiceStatus
from models.case import Case, CaseStatus
from models.gas import GasProject
from models.inspection import Certificate
from tests.play import Play
from tests.scenarios import certificates, gas_office
from tests.scenarios.gas_office import METER
from workflows import certificate_check, certificate_paper, signing
from workflows.certificate_text import check_code, find_signed
from workflows.certificates import address_of
from workflows.inspection_records import inspection_case


def check(play: Play, text: str) -> certificate_check.Verdict:
    with play.session() as session:
        return certificate_check.check_signed(session, text)


def paper(play: Play, found: Certificate) -> bytes:
    with play.session() as session:
        again = session.get_one(Certificate, found.id)
        return certificate_paper.paper(again, public_url="https://kartabl.example", fonts=kartabl.FONTS)


def owe(play: Play, project: str, amount: int = 862_500) -> None:
    """The project's inspection has an open invoice."""
    with play.session() as session:
        found = session.scalars(select(GasProject).join(GasProject.case).where(Case.number == project)).one()
        inspection = inspection_case(session, found)
        assert inspection is not None
        session.add(
            Invoice(
                number=f"debt-{inspection.id}", case_id=inspection.id, payer_id=found.contractor_id, reason="debt",
                total=amount, status=InvoiceStatus.OPEN, created_at=play.clock.now,
            )
        )  # fmt: skip


@pytest.mark.rule("CNF-1", "CNF-2", "CNF-3")
def test_a_whole_story_from_the_request_to_the_certificate(play: Play) -> None:
    project = certificates.approved(play)
    registration = play.case_id
    certificates.ask(play, project, remarks="لطفاً پیش از پایان ماه")

    assert "نزد" in play.messages[0]
    assert play.case.refers_to_id == registration
    assert play.waits_for() == {"review_confirmation": "inspector"}
    seen = gas_office.texts(gas_office.briefing(play, "inspector-1", "review_confirmation").blocks)
    assert "لطفاً پیش از پایان ماه" in seen

    play.does("inspector-1", "review_confirmation", decision="approve")

    assert (play.case.status, play.case.outcome) == (CaseStatus.COMPLETED, "certificate_issued")
    found = certificates.certificate(play)
    assert found.facts["project"] == project
    assert found.facts["inspector"] == "نام inspector-1"
    assert check(play, address_of(found, "https://kartabl.example")).state == "valid"
    told = play.sms()[-1]
    assert told.receiver == "09130000001"
    assert found.number in gas_office.texts([told.text]).translate(str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789"))


@pytest.mark.rule("CNF-2")
def test_a_rejection_needs_a_reason_that_the_contractor_reads_and_another_request_is_open(play: Play) -> None:
    project = certificates.approved(play)
    certificates.ask(play, project)

    assert list(play.refuses("inspector-1", "review_confirmation", decision="reject")) == ["reason"]
    assert list(play.refuses("inspector-1", "review_confirmation")) == ["decision"]
    play.does("inspector-1", "review_confirmation", decision="reject", reason="نقشهٔ چون‌ساخت نیست")

    assert play.case.outcome == "confirmation_rejected"
    assert "نقشهٔ چون‌ساخت نیست" in play.sms()[-1].text
    assert "نقشهٔ چون‌ساخت نیست" in gas_office.texts(gas_office.case_page(play, "contractor"))
    assert certificates.ask(play, project).waits_for() == {"review_confirmation": "inspector"}


@pytest.mark.rule("CNF-4")
def test_a_second_request_is_refused_while_one_is_open(play: Play) -> None:
    project = certificates.approved(play)
    certificates.ask(play, project)
    number = play.case.number

    words = certificates.refused(play, project)
    assert number in words.translate(str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789"))


@pytest.mark.rule("CNF-4", "INS-15")
def test_it_is_refused_in_debt_and_says_how_much(play: Play) -> None:
    project = certificates.approved(play)
    owe(play, project)
    assert "۸۶۲٬۵۰۰" in certificates.refused(play, project)


@pytest.mark.rule("CNF-4", "INS-15")
@pytest.mark.parametrize("stage", ["pre_inspection", "final_inspection", "expired", ""])
def test_it_is_refused_before_final_approval(play: Play, stage: str) -> None:
    project = certificates.approved(play)
    certificates.state(play, project, stage=stage, approved_at=None)
    assert "هنوز تایید نشده" in certificates.refused(play, project)


@pytest.mark.rule("CNF-4", "CNF-5")
def test_while_a_certificate_holds_there_is_no_second_one_and_after_its_revocation_there_may_be(play: Play) -> None:
    first = certificates.issued(play)
    project = first.project.case.number
    assert "معتبر است" in certificates.refused(play, project)

    certificates.revoke(play, first.number)
    certificates.ask(play, project)
    play.does("inspector-1", "review_confirmation", decision="approve")
    second = certificates.certificate(play)
    assert second.number != first.number
    assert check(play, address_of(first, "")).state == "revoked"
    assert check(play, address_of(second, "")).state == "valid"


@pytest.mark.rule("CNF-1")
def test_another_contractors_project_is_unknown_as_one_that_does_not_exist(play: Play) -> None:
    project = certificates.approved(play)
    play.people.add("contractor-2", "contractor")
    foreign = certificates.refused(play, project, by="contractor-2")
    assert foreign == certificates.refused(play, "1405-000999-1", by="contractor-2")
    assert foreign == certificates.refused(play, "1405", by="contractor-2")
    with pytest.raises(NotFound):
        certificates.ask(play, project, by="inspector-1")


@pytest.mark.rule("CNF-4")
def test_a_debt_that_arises_during_the_review_stops_the_certificate_and_not_the_rejection(play: Play) -> None:
    project = certificates.approved(play)
    certificates.ask(play, project)
    owe(play, project)

    assert "بدهی" in gas_office.texts(gas_office.briefing(play, "inspector-1", "review_confirmation").blocks)
    assert "بدهی" in play.refuses("inspector-1", "review_confirmation", decision="approve")["decision"][0]
    assert certificates.cases(play) == 3
    play.does("inspector-1", "review_confirmation", decision="reject", reason="بدهی")
    assert play.case.outcome == "confirmation_rejected"


@pytest.mark.rule("CNF-4")
def test_of_two_requests_at_the_same_moment_one_is_accepted(play: Play) -> None:
    project = certificates.approved(play)
    play.actor("contractor")
    barrier, outcomes = Barrier(2), []

    def ask() -> None:
        barrier.wait()
        try:
            certificates.ask(Play(play.application, play.clock), project)
            outcomes.append("accepted")
        except InvalidSubmission:
            outcomes.append("refused")

    threads = [Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["accepted", "refused"]


# The paper


@pytest.mark.rule("CNF-3")
def test_the_paper_is_one_page_whose_qr_code_leads_to_its_proof(play: Play) -> None:
    found = certificates.issued(play, METER, METER | {"units": 3, "usage": "public"})
    pdf = paper(play, found)

    assert len(pypdf.PdfReader(io.BytesIO(pdf)).pages) == 1
    link = address_of(found, "https://kartabl.example")
    assert read_qr(link) == link
    assert certificate_paper.read_paper(pdf) == (find_signed(link).text, found.facts)  # type: ignore[union-attr]


def read_qr(text: str) -> str:
    """What a camera reads of the code that is drawn for ``text``."""
    drawn = io.BytesIO()
    certificate_paper.qr_code(text).save(drawn, kind="png", scale=4, border=4)
    (code,) = zxingcpp.read_barcodes(Image.open(drawn).convert("L"))
    return code.text


@pytest.mark.rule("CNF-3")
@pytest.mark.parametrize("count", [8, 100])
def test_a_paper_of_many_different_meters_is_one_page_too(play: Play, count: int) -> None:
    found = certificates.issued(play)
    with play.session() as session:
        again = session.get_one(Certificate, found.id)
        again.facts = again.facts | {
            "address": "خیابان آزادی، کوچهٔ سوم، پلاک دوازده، " * 12,
            "meters": [again.facts["meters"][0] | {"number": at, "units": at} for at in range(1, count + 1)],
        }
    assert len(pypdf.PdfReader(io.BytesIO(paper(play, found))).pages) == 1


@pytest.mark.rule("CNF-3")
def test_the_printout_waits_for_the_certificate_and_goes_with_its_revocation(play: Play) -> None:
    project = certificates.approved(play)
    certificates.ask(play, project)
    assert "پس از موافقت بازرس" in (unavailable(play) or "")

    play.does("inspector-1", "review_confirmation", decision="approve")
    issuance, found = play.case_id, certificates.certificate(play)
    assert unavailable(play) is None
    certificates.revoke(play, found.number)
    play.case_id = issuance
    assert "باطل" in (unavailable(play) or "")


def unavailable(play: Play) -> str | None:
    with play.session() as session:
        context = play.engine.briefing_context(session, session.get_one(Case, play.case_id), play.actor("contractor"))
        return play.engine.reports.get("confirmation_issuance", "certificate").unavailable(context)


# Revocation


@pytest.mark.rule("CNF-5")
def test_revoking_says_so_at_once_and_tells_contractor_and_inspector_why(play: Play) -> None:
    found = certificates.issued(play)
    play.clock.now += timedelta(days=3)
    certificates.revoke(play, found.number.replace("-", ""), reason="لوله‌کشی پس از بازرسی تغییر کرد")

    assert (play.case.status, play.case.outcome) == (CaseStatus.COMPLETED, "certificate_revoked")
    verdict = check(play, address_of(found, ""))
    assert (verdict.state, verdict.revoked_at) == ("revoked", play.clock.now)
    assert "لوله‌کشی" not in gas_office.texts(list(verdict.blocks)) + verdict.sentence
    assert "لوله‌کشی پس از بازرسی تغییر کرد" in play.sms()[-1].text
    with play.session() as session:
        told = session.scalars(select(Notice).where(Notice.title == "ابطال تاییدیه")).all()
        assert {notice.person_id for notice in told} == {found.project.contractor_id, found.inspector_id}


@pytest.mark.rule("CNF-5")
def test_a_certificate_is_revoked_once_and_only_by_the_gas_office(play: Play) -> None:
    found = certificates.issued(play)
    before = certificates.cases(play)
    for who in ("contractor", "inspector-1"):
        with pytest.raises(NotFound):
            certificates.revoke(play, found.number, by=who)
    for number in ("9-1405-999999-0", found.project.case.number, "سلام"):
        with pytest.raises(InvalidSubmission) as unknown:
            certificates.revoke(play, number)
        assert list(unknown.value.errors) == ["certificate"]
    with pytest.raises(InvalidSubmission) as silent:
        certificates.revoke(play, found.number, reason="")
    assert list(silent.value.errors) == ["reason"]
    assert certificates.cases(play) == before

    certificates.revoke(play, found.number)
    with pytest.raises(InvalidSubmission) as twice:
        certificates.revoke(play, found.number)
    assert "پیش‌تر" in twice.value.errors["certificate"][0]


# Proving (kartabl verify, kartabl keys)


@pytest.fixture
def command(play: Play, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CliRunner:
    settings = play.application.settings
    monkeypatch.setenv("KARTABL_SECRET_KEY", settings.secret_key)
    monkeypatch.setenv("KARTABL_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("KARTABL_FILES_PATH", str(tmp_path))
    return CliRunner()


def run(command: CliRunner, *words: str, **more: str) -> tuple[int, str]:
    result = command.invoke(kartabl.main, list(words), **more)  # type: ignore[arg-type]
    return result.exit_code, result.output


@pytest.mark.rule("CNF-3", "CNF-5")
def test_a_paper_and_a_link_are_verified_on_the_command_line(play: Play, command: CliRunner, tmp_path: Path) -> None:
    found = certificates.issued(play)
    file = tmp_path / "certificate.pdf"
    file.write_bytes(paper(play, found))
    link = address_of(found, "https://kartabl.example")

    for source in (str(file), link, find_signed(link).text):  # type: ignore[union-attr]
        code, said = run(command, "verify", source)
        assert (code, said.split()[:2]) == (0, ["valid", found.number]), said
    assert run(command, "verify", "-", input=f"the code says {link} .")[0] == 0
    assert run(command, "verify", link.replace(".2026", ".2025"))[1].startswith("unknown")

    certificates.revoke(play, found.number)
    code, said = run(command, "verify", str(file), "--language", "en")
    assert (code, said.split()[0]) == (1, "revoked")


@pytest.mark.rule("CNF-3")
def test_the_published_keys_prove_a_paper_without_any_database(
    play: Play, command: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = certificates.issued(play)
    file, keys = tmp_path / "certificate.pdf", tmp_path / "keys.json"
    file.write_bytes(paper(play, found))
    assert run(command, "keys", "rotate")[0] == 0
    assert run(command, "keys", "publish", "-o", str(keys))[0] == 0
    assert len(json.loads(keys.read_text())["keys"]) == 2
    listed = run(command, "keys", "list")[1]
    assert "retired" in listed
    assert "signs" in listed

    for name in ("KARTABL_SECRET_KEY", "KARTABL_DATABASE_URL"):
        monkeypatch.delenv(name)
    code, said = run(command, "verify", str(file), "--key", str(keys))
    assert (code, said.split()[0]) == (0, "signed"), said
    assert "برج آفتاب" in said
    assert run(command, "verify", address_of(found, ""), "--key", str(keys))[0] == 0
    assert run(command, "verify", "no certificate", "--key", str(keys))[0] == 1
    assert run(command, "verify", str(file), "--key", str(file))[0] == 1


@pytest.mark.rule("CNF-3")
def test_a_paper_whose_facts_were_changed_is_refused(play: Play, command: CliRunner, tmp_path: Path) -> None:
    found = certificates.issued(play)
    with play.session() as session:
        keys = signing.public_keys(session)
    signed, facts = certificate_paper.read_paper(paper(play, found))
    assert facts is not None

    assert certificate_check.check_offline(signed, keys, facts=facts).state == "signed"
    assert certificate_check.check_offline(signed, keys, facts=facts | {"address": "جای دیگر"}).state == "unknown"

    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    writer.add_attachment("certificate.json", json.dumps({"signed": signed, "facts": facts | {"region": 9}}).encode())
    forged = tmp_path / "forged.pdf"
    writer.write(str(forged))
    assert run(command, "verify", str(forged))[1].startswith("unknown")


@pytest.mark.parametrize("content", [b"%PDF-", b"%PDF-1.7\n%%EOF", b"%PDF-1.7\n" + b"[" * 10_000, b"%PDF-1.4 trailer"])
def test_a_damaged_pdf_is_an_answer_and_no_crash(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "damaged.pdf"
    file.write_bytes(content)
    code, said = run(CliRunner(), "verify", str(file))
    assert code == 1
    assert "PDF" in said


@pytest.mark.rule("CNF-3")
def test_number_and_code_prove_a_paper_and_a_number_alone_tells_nothing(play: Play) -> None:
    found = certificates.issued(play)
    code = check_code(found.signature)
    with play.session() as session:
        assert certificate_check.check_typed(session, found.number, code.lower().replace("-", " ")).state == "valid"
        for number, typed in ((found.number, ""), (found.number, "0000-0000"), ("9-1405-000999-1", code), ("", "")):
            verdict = certificate_check.check_typed(session, number, typed)
            assert (verdict.state, verdict.guessed, verdict.blocks) == ("unknown", True, [])
