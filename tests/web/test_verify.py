"""The public page: valid, revoked or unknown; for everyone, without scripts, not to be guessed at (CNF-3, CNF-5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from models.inspection import Certificate
from tests import audited
from tests.play import Play
from tests.scenarios import certificates
from tests.web.api_client import Api
from webapp.public.verification import WRONG_TRIES
from workflows.certificates import signing_keys
from workflows.certificates.records import address_of
from workflows.certificates.signed_text import certificate_number, check_code, find_signed

PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")


@pytest.fixture
def issued(play: Play) -> Certificate:
    return certificates.issued(play)


def link(found: Certificate) -> str:
    """The address in the QR code, as a browser asks for it."""
    parts = urlsplit(address_of(found, "http://localhost"))
    return f"{parts.path}?{parts.query}"


def typed(client: FlaskClient, number: str, code: str, **more: Any) -> Any:
    """What the form leads to."""
    answer = client.get("/verify", query_string={"number": number, "code": code}, **more)
    assert answer.status_code == 303
    return client.get(answer.location, **more)


@pytest.mark.both_databases("story")
@pytest.mark.rule("CNF-3")
def test_the_link_of_the_paper_shows_that_it_is_valid_and_what_it_says(
    client: FlaskClient, issued: Certificate
) -> None:
    answer = client.get(link(issued))
    assert answer.status_code == 200
    for word in ("معتبر", issued.number.translate(PERSIAN), "برج آفتاب", "خیابان آزادی", "G4"):
        assert word in answer.text


@pytest.mark.rule("CNF-3")
def test_the_page_tells_nothing_that_the_paper_does_not_show(client: FlaskClient, issued: Certificate) -> None:
    page = client.get(link(issued)).text
    for secret in ("علی", "کریمی", "0013542419", "09123456789", "09130000001", "7134567890"):
        assert secret not in page
        assert secret.translate(PERSIAN) not in page


@pytest.mark.rule("CNF-3")
def test_number_and_code_are_typed_with_any_digits_and_any_case(client: FlaskClient, issued: Certificate) -> None:
    code = check_code(issued.signature)
    answer = typed(client, issued.number.replace("-", " ").translate(PERSIAN), code.lower().translate(PERSIAN))
    assert answer.status_code == 200
    assert "معتبر" in answer.text
    assert typed(client, f"http://localhost{link(issued)}", "").status_code == 200


@pytest.mark.rule("CNF-3")
@pytest.mark.parametrize(
    "number, code", [("", "AAAA-AAAA"), ("9-1405-000999-1", "AAAA-AAAA"), ("۱۲", ""), ("%00/../", "\x00")]
)
def test_what_was_never_issued_is_unknown(client: FlaskClient, number: str, code: str) -> None:
    answer = typed(client, number, code)
    assert answer.status_code == 404
    assert "نامشخص" in answer.text


@pytest.mark.rule("CNF-3")
def test_a_number_without_its_code_tells_as_much_as_one_that_was_never_issued(
    client: FlaskClient, issued: Certificate
) -> None:
    never = certificate_number(999, issued.issued_at)
    known, unknown = (typed(client, number, "AAAA-AAAA").text for number in (issued.number, never))
    assert known.replace(issued.number, "") == unknown.replace(never, "")


@pytest.mark.rule("CNF-3")
def test_a_changed_link_is_unknown_and_so_is_a_genuine_one_at_another_number(play: Play, client: FlaskClient) -> None:
    first = certificates.issued(play)
    second = certificates.issued(play, renovation_code="3-9-9-9")
    for changed in (
        link(first).replace(".2026", ".2025"),
        link(first)[:-1],
        link(first).replace("?s=K1", "?s=K2"),
        link(first).replace(f"/verify/{first.number}", f"/verify/{second.number}"),
    ):
        answer = client.get(changed)
        assert answer.status_code == 404, changed
        assert "نامشخص" in answer.text
    assert client.get(link(second)).status_code == 200


@pytest.mark.rule("CNF-5")
def test_a_revocation_is_public_at_once_with_its_moment_and_without_its_reason(
    play: Play, client: FlaskClient, issued: Certificate
) -> None:
    certificates.revoke(play, issued.number, reason="تقلب در نقشه")
    page = client.get(link(issued)).text
    assert "باطل" in page
    assert "۱۴۰۵/۰۸/۳۰ ساعت ۱۰:۰۰" in page
    assert "تقلب" not in page
    assert "معتبر است" not in page


@pytest.mark.both_databases("locking")
@pytest.mark.rule("CNF-3")
def test_guessing_is_stopped_and_a_genuine_paper_is_still_answered(
    client: FlaskClient, issued: Certificate, clock: Any
) -> None:
    code = check_code(issued.signature)
    for _try in range(WRONG_TRIES.most):
        assert typed(client, issued.number, "AAAA-AAAA").status_code == 404
    for guess in ("AAAA-AAAA", code):  # not even the right one is told to who has guessed too much
        answer = typed(client, issued.number, guess)
        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= WRONG_TRIES.window.total_seconds() + 1
        assert "۳۰ دقیقه" in answer.text
        assert issued.number in answer.text  # what was typed is kept
        assert "برج آفتاب" not in answer.text

    assert client.get(link(issued)).status_code == 200
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert typed(client, issued.number, code, environ_overrides=elsewhere).status_code == 200
    clock.advance(WRONG_TRIES.window + timedelta(seconds=1))
    assert typed(client, issued.number, code).status_code == 200


@pytest.mark.rule("CNF-3")
def test_the_addresses_of_one_ipv6_subscriber_are_counted_together(client: FlaskClient, issued: Certificate) -> None:
    for count in range(WRONG_TRIES.most):
        typed(client, issued.number, "AAAA-AAAA", environ_overrides={"REMOTE_ADDR": f"2001:db8:1:2::{count:x}"})
    code = check_code(issued.signature)
    for address, status in (("2001:db8:1:2:ffff::9", 429), ("2001:db8:1:3::9", 200)):
        answer = typed(client, issued.number, code, environ_overrides={"REMOTE_ADDR": address})
        assert answer.status_code == status


@pytest.mark.rule("CNF-3")
def test_the_published_keys_prove_the_papers_link_by_themselves(client: FlaskClient, issued: Certificate) -> None:
    answer = client.get("/verify/keys.json")
    assert answer.mimetype == "application/json"
    assert "public" in answer.headers["Cache-Control"]
    (key,) = answer.json["keys"]  # type: ignore[index]
    assert (key["kty"], key["crv"], key["retired"]) == ("OKP", "Ed25519", None)
    assert "d" not in key  # the private part of such a key is called so

    signed = find_signed(link(issued))
    assert signed is not None
    assert signed.proved_by(signing_keys.read_published(answer.text))


@pytest.mark.rule("CNF-3")
def test_the_form_is_for_everyone_and_sends_nothing_but_what_was_typed(client: FlaskClient) -> None:
    page = client.get("/verify")
    assert page.status_code == 200
    assert 'method="get"' in page.text
    assert 'content="noindex"' in page.text


# From the project to the paper


@pytest.mark.rule("CNF-1", "CNF-4")
def test_the_page_of_an_approved_project_leads_to_the_request_and_then_to_the_certificate(
    play: Play, signed_in: Any
) -> None:
    project = certificates.approved(play)
    browser = signed_in("contractor", "contractor")
    way = f"/start/confirmation_issuance?project={project}"
    assert way in browser.get(f"/cases/{project}").text
    assert f'value="{project}"' in browser.get(way).text

    certificates.ask(play, project)
    assert way not in browser.get(f"/cases/{project}").text
    play.does("inspector-1", "review_confirmation", decision="approve")
    assert f"/cases/{play.case.number}" in browser.get(f"/cases/{project}").text

    printed = browser.get(f"/cases/{play.case.number}/reports/certificate.pdf")
    assert printed.mimetype == "application/pdf"
    assert printed.data.startswith(b"%PDF-")
    assert printed.headers["Content-Disposition"] == f"inline; filename=certificate-{play.case.number}.pdf"
    assert "sandbox" not in printed.headers["Content-Security-Policy"], "browsers show no PDF in a sandbox"
    assert audited.last(play.application) == (
        "document_downloaded",
        "contractor",
        ("case", play.case.number),
        "127.0.0.1",
    )


@pytest.mark.rule("CNF-1", "CNF-4")
def test_programs_ask_for_a_certificate_too_and_are_refused_at_the_field(play: Play, client: FlaskClient) -> None:
    project = certificates.approved(play)
    contractor = Api.signed_in(client, "contractor")
    asked = {"process": "confirmation_issuance", "values": {"project": project, "remarks": "لطفاً زودتر"}}
    assert contractor.post("/cases", asked).status_code == 201
    again = contractor.post("/cases", asked)
    assert again.status_code == 422
    assert list(again.json["errors"]) == ["project"]


@pytest.mark.rule("CNF-5")
def test_the_gas_office_finds_a_certificate_in_its_list_and_revokes_it_from_there(
    play: Play, signed_in: Any, issued: Certificate
) -> None:
    certificates.issued(play, renovation_code="3-9-9-9")
    browser = signed_in("gas_office", "gas_office")
    found = browser.get("/lists/certificates", query_string={"q": issued.number.translate(PERSIAN)}).text
    way = f"/start/certificate_revocation?certificate={issued.number}"
    assert found.count("/start/certificate_revocation?certificate=") == found.count(way) > 0
    assert f'value="{issued.number}"' in browser.get(way).text

    certificates.revoke(play, issued.number)
    assert way not in browser.get("/lists/certificates", query_string={"state": "revoked"}).text
    assert (
        issued.number.translate(PERSIAN) in browser.get("/lists/certificates", query_string={"state": "revoked"}).text
    )
    assert (
        issued.number.translate(PERSIAN) not in browser.get("/lists/certificates", query_string={"state": "valid"}).text
    )
