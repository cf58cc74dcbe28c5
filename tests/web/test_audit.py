"""The audit log on its page, and that every act of an office leaves a row: a new route without one fails here."""

from __future__ import annotations

import ast
import csv
import html
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

import kartabl
import tests
from engine.actor import Actor
from engine.audit import events, trail
from models.account import RoleGrant, SignInSession
from models.organisation import Role
from tests import audited
from tests.conftest import SATURDAY, prepare
from tests.play import PASSWORD
from tests.web.test_authorisation import SENT, TABLE
from tests.web.world import World, build_world

ADDRESS = "127.0.0.1"
NEW_PASSWORD = "مگس-نارنجی-پنجره-۷۴"
ROLE = {"key": "archivist", "name_fa": "بایگان", "name_en": "Archivist"}
DISTRICT = {"key": "77", "name_fa": "منطقهٔ ۷۷", "name_en": "District 77"}
SAVE = {"_action": "save", "revision": "1"}


@dataclass(frozen=True)
class Act:
    """A request that leaves a row with this event, after others that make it possible."""

    event: str
    sent: dict[str, Any] = field(default_factory=dict)
    by: str = "admin"
    before: tuple[tuple[str, str, dict[str, Any]], ...] = ()  # subject, row, what is sent


ACTS: dict[str, Act] = {
    "POST /sign-in": Act(events.SIGNED_IN, {"username": "finance", "password": PASSWORD}, by="nobody"),
    "POST /sign-out": Act(events.SIGNED_OUT),
    "POST /password": Act(
        events.PASSWORD_CHANGED, {"old_password": PASSWORD, "password": NEW_PASSWORD, "password_again": NEW_PASSWORD}
    ),
    "POST /cases/{by_hand}/suspend": Act(events.CASE_SUSPENDED, by="supervisor"),
    "POST /cases/{by_hand}/resume": Act(
        events.CASE_RESUMED, by="supervisor", before=(("supervisor", "POST /cases/{by_hand}/suspend", {}),)
    ),
    "POST /cases/{by_hand}/cancel": Act(events.CASE_CANCELLED, by="supervisor"),
    "POST /tasks/{hand}/reassign": Act(
        events.TASK_REASSIGNED, by="supervisor", before=(("gas_office", "POST /tasks/{hand}/claim", {}),)
    ),
    "POST /incidents/{incident}/retry": Act(events.INCIDENT_RETRIED, by="supervisor"),
    "POST /messages/send": Act(events.MESSAGE_SENT, by="gas_office"),
    "POST /people/new": Act(events.ROLE_GRANTED),
    "POST /people/{person}/roles": Act(events.ROLE_GRANTED),
    "POST /people/{person}/roles/{grant}/revoke": Act(events.ROLE_REVOKED),
    "POST /people/{person}/lock": Act(events.ACCOUNT_LOCKED),
    "POST /people/{person}/unlock": Act(events.ACCOUNT_UNLOCKED, before=(("admin", "POST /people/{person}/lock", {}),)),
    "POST /people/{person}/sessions/end": Act(events.SESSIONS_ENDED),
    "POST /people/{person}/password": Act(events.PASSWORD_RESET),
    "POST /organisation/roles/new": Act(events.ROLE_CHANGED, ROLE),
    "POST /organisation/roles/finance": Act(events.ROLE_CHANGED, {"name_fa": "امور مالی", "name_en": "Accounts"}),
    "POST /organisation/roles/finance/deactivate": Act(
        events.ROLE_CHANGED, before=(("admin", "POST /organisation/roles/new", ROLE),)
    ),
    "POST /organisation/roles/finance/activate": Act(
        events.ROLE_CHANGED,
        before=(
            ("admin", "POST /organisation/roles/new", ROLE),
            ("admin", "POST /organisation/roles/archivist/deactivate", {}),
        ),
    ),
    "POST /organisation/district/new": Act(events.DIVISION_CHANGED, DISTRICT),
    "POST /organisation/district/3": Act(events.DIVISION_CHANGED, {"name_fa": "منطقهٔ سوم", "name_en": "Third"}),
    "POST /organisation/district/3/deactivate": Act(
        events.DIVISION_CHANGED, before=(("admin", "POST /organisation/district/new", DISTRICT),)
    ),
    "POST /organisation/district/3/activate": Act(
        events.DIVISION_CHANGED,
        before=(
            ("admin", "POST /organisation/district/new", DISTRICT),
            ("admin", "POST /organisation/district/77/deactivate", {}),
        ),
    ),
    "POST /calendar/days/{day}": Act(events.CALENDAR_CHANGED, SENT["POST /calendar/days/{day}"] | SAVE),
    "POST /calendar/settings": Act(events.CALENDAR_CHANGED, SENT["POST /calendar/settings"] | SAVE),
    "POST /office/processes/ticket": Act(events.PROCESS_WITHDRAWN),
    "POST /office/rules": Act(events.OFFICE_RULE_CHANGED),
    "POST /office/openid": Act(events.CLAIM_ROLE_ADDED),
    "POST /office/openid/{claim_role}/remove": Act(events.CLAIM_ROLE_REMOVED),
    "POST /office/openid/new-accounts": Act(events.NEW_ACCOUNTS_SWITCHED),
    "POST /people/{person}/openid": Act(events.IDENTITY_LINKED),
    "POST /people/{person}/openid/unlink": Act(
        events.IDENTITY_UNLINKED, before=(("admin", "POST /people/{person}/openid", {}),)
    ),
    "POST /account/openid/unlink": Act(
        events.IDENTITY_UNLINKED,
        by="finance",
        before=(("admin", "POST /people/{finance}/openid", {"subject": "somebody"}),),
    ),
    "POST /people/{person}/roles/{grant}/move": Act(events.ROLE_REVOKED, {"scope": "4"}),
    "POST /people/{person}/second-factor": Act(events.SECOND_FACTOR_RESET),
    "POST /account/sessions/9999/end": Act(events.SESSIONS_ENDED),
    "POST /audit.csv": Act(events.LIST_EXPORTED),
    "POST /audit.xlsx": Act(events.LIST_EXPORTED),
    "POST /account/sessions/end-others": Act(events.SESSIONS_ENDED),
    "POST /api/v1/token": Act(events.SIGNED_IN, {"username": "finance", "password": PASSWORD}, by="nobody"),
    "DELETE /api/v1/token": Act(events.SIGNED_OUT),
}
# Where an act is done to something else than in the table: to what the acts before it made, or to what can be changed.
INSTEAD = {
    "POST /people/{person}/roles/{grant}/move": "POST /people/{engineer}/roles/{engineers_grant}/move",
    "POST /people/{person}/second-factor": "POST /people/{half}/second-factor",
    "POST /account/sessions/9999/end": "POST /account/sessions/{other_session}/end",
    "POST /organisation/roles/finance/deactivate": "POST /organisation/roles/archivist/deactivate",
    "POST /organisation/roles/finance/activate": "POST /organisation/roles/archivist/activate",
    "POST /organisation/district/3/deactivate": "POST /organisation/district/77/deactivate",
    "POST /organisation/district/3/activate": "POST /organisation/district/77/activate",
}
OF_CASES = "the case's own history has it"
NOTHING = {  # what leaves no row in the audit log, and why
    "POST /start/confirmation_issuance": OF_CASES,
    "POST /start/certificate_revocation": OF_CASES,
    "POST /start/project_registration": OF_CASES,
    "POST /start/gas_inspection": OF_CASES,
    "POST /start/payment": OF_CASES,
    "POST /tasks/{property}": OF_CASES,
    "POST /tasks/{visit}": OF_CASES,
    "POST /tasks/{visit}/claim": OF_CASES,
    "POST /tasks/{visit}/release": OF_CASES,
    "POST /tasks/{property}/files": OF_CASES,
    "POST /tasks/{hand}": OF_CASES,
    "POST /tasks/{hand}/claim": OF_CASES,
    "POST /payments/return/test": OF_CASES,
    "POST /test-gateway/{payment}": OF_CASES,
    "POST /api/v1/cases": OF_CASES,
    "POST /api/v1/documents": OF_CASES,
    "POST /api/v1/tasks/{hand}/claim": OF_CASES,
    "POST /api/v1/tasks/{visit}/release": OF_CASES,
    "POST /api/v1/tasks/{property}/complete": OF_CASES,
    "POST /api/v1/tasks/{visit}/complete": OF_CASES,
    "POST /tasks/{question}/claim": OF_CASES,
    "PUT /api/v1/tasks/{property}/draft": "a draft is nobody else's business",
    "POST /sheets/worksheet": "an inspector's own working days",
    "POST /sheets/none": "there is no such sheet",
    "POST /language/fa": "in which language somebody reads",
    "POST /register": "nothing counts before the code",
    "POST /forgot": "an SMS to the owner, whoever asks for it",
}
FACTORS, OPENID = "web/test_second_factor.py", "web/test_openid.py"
ELSEWHERE = {  # what takes more than one request: the test that looks at its row
    "POST /register/code": ("web/test_accounts.py", "test_a_citizen_registers_and_is_signed_in_by_the_code"),
    "POST /reset": ("web/test_accounts.py", "test_a_forgotten_password_is_recovered_by_code"),
    "POST /sign-in/second": (FACTORS, "test_after_the_password_the_code_is_asked_for"),
    "POST /account/second-factor/app": (FACTORS, "test_enrolling_signs_out_elsewhere_and_shows_the_codes_once"),
    "POST /account/second-factor/sms": (FACTORS, "test_with_an_sms"),
    "POST /account/second-factor/off": (FACTORS, "test_it_is_turned_off_unless_a_role_demands_it"),
    "POST /account/second-factor/recovery-codes": (
        FACTORS,
        "test_enrolling_signs_out_elsewhere_and_shows_the_codes_once",
    ),
    "POST /sign-in/openid/new": (OPENID, "test_a_new_account_where_the_office_allows_it"),
    "POST /account/openid": (OPENID, "test_an_account_is_linked_by_signing_in_to_it_and_typing_its_password_again"),
    "POST /monitor/clock": ("web/test_clock.py", "test_a_supervisor_puts_the_clock_ahead_and_stays_signed_in"),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    built = build_world(tmp_path_factory.mktemp("files"), prepare=prepare, now=SATURDAY)
    engineer, others = built.people["district_engineering"], SignInSession.person_id == built.people["admin"]
    with built.application.sessions() as session:
        grant = session.scalars(select(RoleGrant.id).where(RoleGrant.person_id == engineer)).one()
        other = session.scalars(select(SignInSession.id).where(others, SignInSession.kind == "api")).one()
    built.objects |= {"engineer": engineer, "engineers_grant": grant, "other_session": other}
    built.objects |= {name: built.people[name] for name in ("finance", "half")}
    yield built
    built.application.database.dispose()


def do(world: World, subject: str, row: str, sent: dict[str, Any]) -> Any:
    method, _space, address = row.partition(" ")
    path = address.format(**world.objects)
    sent = {name: str(value).format(**world.objects) for name, value in (SENT.get(row, {}) | sent).items()}
    if path.startswith("/api/"):
        return world.call(subject, method, path, **({"json": sent} if sent else {}))
    return world.ask(subject, method, path, data=sent)


def said(answer: Any) -> str:
    """What a page that refused says."""
    words = re.sub(r"<[^>]*>|\s+", " ", answer.text.partition("<main")[2])
    return f"{answer.status_code} {' '.join(words.split())[:500]}"


def test_every_route_that_changes_something_is_in_one_of_the_tables() -> None:
    changing = {row for row in (*TABLE["pages"], *TABLE["api"]) if not row.startswith("GET ")}
    assert sorted(changing) == sorted((*ACTS, *ELSEWHERE, *NOTHING))


@pytest.mark.parametrize("row", ELSEWHERE)
def test_the_test_that_is_named_looks_at_rows(row: str) -> None:
    path, name = ELSEWHERE[row]
    tree = ast.parse((Path(tests.__file__).parent / path).read_text("utf-8"))
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    assert len(found) == 1, f"{path} has no {name}"
    asserted = [ast.unparse(node.test) for node in ast.walk(found[0]) if isinstance(node, ast.Assert)]
    assert any("audited." in one and "events." in one for one in asserted), f"{name} asserts nothing about the log"


@pytest.mark.parametrize("row", ACTS)
def test_every_act_of_an_office_leaves_a_row(world: World, row: str) -> None:
    act = ACTS[row]
    with world.undone():
        for subject, earlier, sent in act.before:
            answer = do(world, subject, earlier, sent)
            assert answer.status_code in (200, 303), said(answer)
        known = audited.rows(world.application)[-1].seq
        answer = do(world, act.by, INSTEAD.get(row, row), act.sent)
        assert answer.status_code in (200, 204, 303), said(answer)
        added = [one for one in audited.rows(world.application) if one.seq > known]
    assert act.event in [one.event for one in added], [one.event for one in added]
    person = act.by if act.by != "nobody" else "finance"
    for one in added:
        assert (one.actor, one.actor_id, one.address) == (person, world.people[person], ADDRESS)
        assert one.actor_name


SECRET = "Zebra-Quartz-9041-Lantern"


def test_nothing_secret_is_kept(world: World) -> None:
    """Passwords, also in the field of the user name, codes and tokens; texts of messages; reasons."""
    with world.undone():
        do(world, "nobody", "POST /sign-in", {"username": SECRET, "password": "x"})
        do(world, "nobody", "POST /sign-in", {"username": "finance", "password": SECRET})
        do(world, "admin", "POST /password", {"old_password": PASSWORD, "password": SECRET, "password_again": SECRET})
        do(world, "admin", "POST /messages/send", {"role": "citizen", "title": SECRET, "body": SECRET})
        do(world, "supervisor", "POST /cases/{by_hand}/suspend", {"reason": SECRET})
        shown = do(world, "admin", "POST /people/{person}/password", {}).text
        rows = audited.rows(world.application)
    text = "\n".join(repr({name: value for name, value in vars(row).items()}) for row in rows)
    assert SECRET not in text
    assert SECRET.lower() not in text
    password = shown.partition('id="initial-password">')[2].partition("<")[0]
    assert len(password) > 6
    assert password not in text
    failed = [row for row in rows if row.event == events.SIGN_IN_FAILED]
    assert [(row.actor, row.subject_key, row.address) for row in failed] == [
        ("", "", ADDRESS),
        ("", "finance", ADDRESS),
    ]


# ---------------------------------------------------------------- the page


@pytest.fixture
def admin(signed_in: Any) -> FlaskClient:
    browser: FlaskClient = signed_in("admin", "admin", first_name="بیتا", last_name="مقدم")
    return browser


def add(application: kartabl.Application, event: str, **row: Any) -> None:
    actor = Actor(person_id=9, username=row.pop("actor", "officer"), name="سارا کاظمی", address=row.pop("address", ""))
    with application.engine.transaction() as session:
        trail.record(session, event, actor, **({"subject": ("person", "12-30-01660")} | row))


def test_a_row_is_told_in_words(application: kartabl.Application, admin: FlaskClient) -> None:
    change = {"before": {"value": 30, "active": True}, "after": {"value": 45, "active": True}}
    add(
        application,
        events.OFFICE_RULE_CHANGED,
        address="192.0.2.9",
        subject=("office_rule", "payment_minutes"),
        **change,
    )
    page = admin.get("/audit").text
    row = page.partition("<tbody>")[2].partition("</tr>")[0]
    for text in (
        "تغییر قواعد سازمان",
        "سارا کاظمی",
        "officer",
        "192.0.2.9",
        "قاعدهٔ سازمان",
        "payment_minutes",
        "مقدار",
    ):
        assert text in row
    assert "<del>" in row and "۳۰" in row and "۴۵" in row
    assert "فعال:" not in row, "what stayed is left out"
    assert 'href="/audit"' in admin.get("/worklist").text


IN_WORDS = [  # event, subject, what is recorded, what the page says
    (events.SIGNED_IN, ("person", "ali"), {"by": "browser", "step": "totp"}, ["مرورگر", "مرحلهٔ دوم", "کد برنامه"]),
    (events.SIGN_IN_FAILED, ("external_identity", "a1"), {"reason": "locked"}, ["حساب سازمانی", "حساب غیرفعال است"]),
    (events.CLAIM_ROLE_ADDED, ("claim_value", "staff"), {"role": "finance"}, ["مقدار ورود سازمانی", "مالی"]),
    (events.ROLE_GRANTED, ("person", "ali"), {"role": "district_engineering", "scope": "3"}, ["منطقهٔ ۳"]),
    (events.DIVISION_CHANGED, ("district", "3"), {"active": False}, ["منطقه: منطقهٔ ۳", "خیر"]),
    (
        events.ROLE_CHANGED,
        ("role", "finance"),
        {"permissions": ["see_audit"], "granted_by": ["admin"], "divided_by": "unit", "second_factor": True},
        ["دیدن تاریخچهٔ سامانه", "مدیر سامانه", "واحد", "بله"],
    ),
    (events.CALENDAR_CHANGED, ("calendar", ""), {"weekend": "thursday,friday"}, ["پنجشنبه", "جمعه"]),
    (events.CALENDAR_CHANGED, ("calendar", ""), {"kind": "workday", "estimated": True}, ["روز کاری", "برآوردی"]),
    (events.CALENDAR_CHANGED, ("calendar", "2026-11-23"), {"kind": "holiday"}, ["تقویم کاری: ۱۴۰۵/۰۹/۰۲", "تعطیل"]),
    (events.CASE_SUSPENDED, ("case", "1405-000012-3"), {"status": "suspended"}, ["متوقف"]),
    (events.BACKUP_TAKEN, ("backup", "/b/1"), {"made_at": "2026-11-21T06:30:00+00:00"}, ["۱۴۰۵/۰۸/۳۰", "۱۰:۰۰"]),
    (events.OFFICE_RULE_CHANGED, ("office_rule", "payment_minutes"), {"value": 45}, ["قاعدهٔ سازمان: ", "۴۵"]),
    (events.LIST_EXPORTED, ("list", "audit"), {"filter_event": "signed_in"}, ["فیلتر کار", "ورود"]),
]


@pytest.mark.parametrize(("event", "subject", "after", "words"), IN_WORDS)
def test_a_value_is_told_in_words(
    application: kartabl.Application,
    admin: FlaskClient,
    event: str,
    subject: tuple[str, str],
    after: dict[str, Any],
    words: list[str],
) -> None:
    add(application, event, subject=subject, after=after)
    row = admin.get("/audit").text.partition("<tbody>")[2].partition("</tr>")[0]
    for text in words:
        assert text in row
    raw = [str(value) for value in (*after, *after.values()) if re.fullmatch("[a-z_]{4,}", str(value))]
    assert not [key for key in raw if re.search(rf">[^<]*\b{key}\b", row)]


@pytest.mark.both_databases("search")
def test_the_filters_leave_what_was_looked_for(application: kartabl.Application, admin: FlaskClient) -> None:
    add(application, events.ROLE_GRANTED, actor="first", address="192.0.2.1", after={"scope": "row-one"})
    add(application, events.ROLE_REVOKED, actor="second", address="2001:db8::2", after={"scope": "row-two"})
    add(
        application,
        events.ROLE_GRANTED,
        actor="second",
        subject=("case", "1405-000012-3"),
        after={"scope": "row-three"},
    )

    def found(query: str) -> set[str]:
        page = admin.get(f"/audit?{query}").text
        return {name for name in ("row-one", "row-two", "row-three") if name in page}

    assert found("") == {"row-one", "row-two", "row-three"}
    assert found("person=second") == {"row-two", "row-three"}
    assert found("person=SECOND") == {"row-two", "row-three"}
    assert found("event=role_granted") == {"row-one", "row-three"}
    assert found("subject=۱۲-۳۰-۰۱۶۶۰") == {"row-one", "row-two"}
    assert found("subject=1405-000012-3") == {"row-three"}
    assert found("address=192.0.2.1") == {"row-one"}
    assert found("person=second&event=role_granted") == {"row-three"}
    assert found("since=1404/01/01&until=1420/01/01") == {"row-one", "row-two", "row-three"}
    assert found("until=1404/01/01") == set()
    assert found("since=1420/01/01") == set()
    assert admin.get("/audit?since=1405/13/01").status_code == 422
    assert admin.get("/audit?cursor=x").status_code == 422


@pytest.mark.both_databases("search")
def test_pages_follow_each_other_without_gap_or_overlap(application: kartabl.Application, admin: FlaskClient) -> None:
    with application.engine.transaction() as session:  # all of one moment
        for number in range(120):
            who = Actor(person_id=9, username="officer", name="سارا", address="192.0.2.9")
            trail.record(session, events.ROLE_GRANTED, who, subject=("person", f"p-{number:03}"))
    seen: list[str] = []
    address = "/audit?person=officer"
    while address:
        page = admin.get(address).text
        seen += [part[:5] for part in page.split('class="code">')[1:] if part.startswith("p-")]
        cursor = page.partition('name="cursor" value="')[2].partition('"')[0]
        address = f"/audit?person=officer&cursor={cursor}" if cursor else ""
    digits = str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789")
    assert len(seen) == 120
    assert [one.translate(digits) for one in seen] == [f"p-{number:03}" for number in reversed(range(120))]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_export_holds_the_rows_and_is_itself_in_the_log(
    application: kartabl.Application, admin: FlaskClient, kind: str
) -> None:
    add(application, events.ROLE_GRANTED, actor="first", after={"role": "finance"})
    add(application, events.ROLE_GRANTED, actor="=cmd()", after={"role": "finance"})
    page = admin.get("/audit?event=role_granted&subject=12-30-01660").text
    address, token = re.findall(
        rf'action="(/audit\.{kind}[^"]*)"><input type="hidden" name="csrf_token" value="([^"]+)"', page
    )[0]
    answer = admin.post(html.unescape(address), data={"csrf_token": token})
    assert answer.status_code == 200
    if kind == "csv":
        lines = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))
        assert [line[3] for line in lines] == ["نام کاربری", "'=cmd()", "first"]
        assert "مالی" in lines[1][7]
    event, actor, subject, address = audited.last(application)
    assert (event, actor, subject, address) == ("list_exported", "admin", ("list", "audit"), ADDRESS)
    after: Any = audited.rows(application)[-1].after
    assert (after["rows"], after["filter_event"]) == (2, "role_granted")


def test_the_pages_of_a_person_and_a_case_lead_to_their_rows(admin: FlaskClient, signed_in: Any) -> None:
    page = admin.get("/people/1").text
    assert "/audit?subject=" in page
    assert "/audit?person=" in page


def test_a_role_may_be_allowed_to_read_it(application: kartabl.Application, signed_in: Any) -> None:
    auditor = signed_in("auditor", "finance")
    assert auditor.get("/audit").status_code == 403
    with application.engine.transaction() as session:
        session.get_one(Role, "finance").permissions = ["see_audit"]
    assert auditor.get("/audit").status_code == 200
