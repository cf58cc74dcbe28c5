"""Papers of certificates: one page, a QR code that a camera reads, proved by command with and without a database."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path

import pypdf
import pytest
import typst
import zxingcpp
from click.testing import CliRunner
from PIL import Image

import kartabl
from models.case import Case
from models.gas import GasProject
from models.inspection import Certificate
from models.language import reading
from tests.conftest import SATURDAY
from tests.play import Play
from tests.scenarios import certificates
from tests.scenarios.gas_office import METER
from workflows.certificates import check, signing_keys
from workflows.certificates import paper as certificate_paper
from workflows.certificates.records import address_of
from workflows.certificates.signed_text import check_code, digest_of, find_signed
from workflows.printing import TEMPLATES

FACTS = {
    "number": "9-1405-000012-3",
    "project": "1405-000457-3",
    "issued": "2026-11-21",
    "contractor": "گازرسانی آفتاب",
    "inspector": "مهدی رستمی",
    "membership": "12-30-01234",
    "building": "",
    "work_type": "surface",
    "region": None,
    "main_plate": "",
    "sub_plate": "",
    "address": "",
    "meters": [
        {"number": 1, "units": 2, "usage": "residential", "floor_area": "100", "consumption": "6", "meter_class": "G4"}
    ],
}


def paper(play: Play, found: Certificate) -> bytes:
    with play.session() as session:
        again = session.get_one(Certificate, found.id)
        return certificate_paper.paper(again, public_url="https://kartabl.example", fonts=kartabl.FONTS)


# The paper


@pytest.mark.rule("CNF-3")
def test_the_paper_is_one_page_whose_qr_code_leads_to_its_proof(play: Play) -> None:
    found = certificates.issued(play, METER, METER | {"units": 3, "usage": "public"})
    pdf = paper(play, found)

    assert len(pypdf.PdfReader(io.BytesIO(pdf)).pages) == 1
    link = address_of(found, "https://kartabl.example")
    assert read_qr(play, found) == link
    assert certificate_paper.read_paper(pdf) == (find_signed(link).text, found.facts)  # type: ignore[union-attr]


def read_qr(play: Play, found: Certificate) -> str:
    """What a camera reads of the printed page."""
    with play.session() as session, reading("fa"):
        again = session.get_one(Certificate, found.id)
        data = certificate_paper.paper_data(again, public_url="https://kartabl.example")
    page = typst.compile(
        str(TEMPLATES / "certificate.typ"),
        root=str(TEMPLATES),
        font_paths=[str(kartabl.FONTS)],
        format="png",
        ppi=200,
        sys_inputs={"letter": json.dumps(data)},
    )
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(page)).convert("L"))
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


# Proving (kartabl verify, kartabl keys)


@pytest.fixture
def command(play: Play, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CliRunner:
    settings = play.application.settings
    monkeypatch.setenv("KARTABL_SECRET_KEY", settings.secret_key)
    monkeypatch.setenv("KARTABL_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("KARTABL_FILES_PATH", str(tmp_path))
    monkeypatch.setenv("KARTABL_ALLOW_STAND_INS", "payment_gateway,sms_provider")
    return CliRunner()


def run(command: CliRunner, *words: str, **more: str) -> tuple[int, str]:
    result = command.invoke(kartabl.main, list(words), **more)  # type: ignore[arg-type]
    return result.exit_code, result.output


@pytest.mark.both_databases("story")
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
        keys = signing_keys.public_keys(session)
    signed, facts = certificate_paper.read_paper(paper(play, found))
    assert facts is not None

    assert check.check_offline(signed, keys, facts=facts).state == "signed"
    assert check.check_offline(signed, keys, facts=facts | {"address": "جای دیگر"}).state == "unknown"

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


def test_whatever_is_damaged_in_a_paper_it_is_read_or_refused() -> None:
    """A hundred papers with flipped bytes or a lost end, the same ones each time."""
    chance = random.Random(5)
    found = Certificate(
        number="9-1405-000012-3",
        facts=FACTS,
        issued_at=SATURDAY,
        key_id="AbC_-123",
        signature="x" * 86,
        project=GasProject(case=Case(number="1405-000457-3")),
    )
    whole = certificate_paper.paper(found, public_url="https://kartabl.example", fonts=kartabl.FONTS)
    refused = 0
    for number in range(100):
        damaged = bytearray(whole)
        for _flip in range(chance.choice([1, 3, 30, 300])):
            damaged[chance.randrange(5, len(damaged))] = chance.randrange(256)
        end = chance.randrange(6, len(damaged)) if number % 4 == 0 else len(damaged)
        try:
            certificate_paper.read_paper(bytes(damaged[:end]))
        except ValueError:
            refused += 1
    assert 0 < refused < 100


def test_facts_that_are_no_text_at_all_are_digested_and_refused() -> None:
    assert digest_of({"address": "\ud800"}) != digest_of({"address": ""})


@pytest.mark.rule("CNF-3")
def test_number_and_code_prove_a_paper_and_a_number_alone_tells_nothing(play: Play) -> None:
    found = certificates.issued(play)
    code = check_code(found.signature)
    with play.session() as session:
        assert check.check_typed(session, found.number, code.lower().replace("-", " ")).state == "valid"
        for number, typed in ((found.number, ""), (found.number, "0000-0000"), ("9-1405-000999-1", code), ("", "")):
            verdict = check.check_typed(session, number, typed)
            assert (verdict.state, verdict.guessed, verdict.blocks) == ("unknown", True, [])
