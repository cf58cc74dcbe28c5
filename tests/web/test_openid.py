"""Sign-in by the organisation's OpenID provider, against one that tells the truth and one that lies in every way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

import kartabl
import webapp
from engine.actor import actor_for
from engine.audit import events
from engine.identity import people as people_of
from engine.identity.openid import linking, role_mapping, transport
from engine.identity.openid.identity import values_of
from engine.settings import Settings
from models.account import Message, Person, RoleGrant
from models.external_identity import ExternalIdentity
from models.organisation import Role
from tests import audited
from tests.play import PASSWORD, People
from tests.providers.openid_server import CLIENT, DISCOVERY, SECRET, OpenIdServer
from tests.providers.service import Fault
from tests.secret import SECRET_KEY
from tests.standing import StandingClock

PATIENCE = 2.0  # seconds that we wait for a provider in these tests
ALI = {"given_name": "علی", "family_name": "رضایی", "preferred_username": "ali", "roles": ["staff"]}


@pytest.fixture
def there() -> Iterator[OpenIdServer]:
    with OpenIdServer() as server:
        server.people["ali-1"] = dict(ALI)
        yield server


@pytest.fixture
def settings(database_url: str, tmp_path: Path, there: OpenIdServer) -> Settings:
    return Settings(
        secret_key=SECRET_KEY,
        database_url=database_url,
        files_path=tmp_path / "files",
        public_url="http://localhost",
        mode="demo",
        openid_issuer=there.issuer,
        openid_client_id=CLIENT,
        openid_client_secret=SECRET,
        openid_name="حساب شهرداری",
    )


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LONGEST_WAIT", PATIENCE)


class Site:
    """The application and one browser."""

    def __init__(self, application: kartabl.Application, there: OpenIdServer) -> None:
        self.application, self.there = application, there
        self.app = webapp.create_app(application)
        self.app.testing = True
        self.people = People(application)
        self.browser: FlaskClient = self.app.test_client()
        self.admin = self.people.add("admin", "admin")

    def link(self, person: Person, subject: str = "ali-1") -> None:
        with self.application.engine.transaction() as session:
            linking.link_by_admin(
                session,
                person.id,
                self.there.issuer,
                subject,
                by=actor_for(session.get_one(Person, self.admin.id)),
                now=self.application.clock(),
            )

    def map(self, value: str, role: str, scope: str = "") -> None:
        with self.application.engine.transaction() as session:
            admin = actor_for(session.get_one(Person, self.admin.id))
            role_mapping.add(session, value, role=role, scope=scope, by=admin, now=self.application.clock())

    def allow_new_accounts(self) -> None:
        with self.application.engine.transaction() as session:
            admin = actor_for(session.get_one(Person, self.admin.id))
            linking.allow_new_accounts(session, True, by=admin, now=self.application.clock())

    def begin(self, path: str = "/sign-in/openid") -> str:
        answer = self.browser.get(path)
        assert answer.status_code == 303, answer.text
        return answer.location

    def sign_in(self, subject: str = "ali-1", *, path: str = "/sign-in/openid") -> TestResponse:
        return self.browser.get(self.there.come_back(self.begin(path), subject))

    def post(self, path: str, **data: str) -> TestResponse:
        with self.browser.session_transaction() as cookie:
            cookie.setdefault("csrf_token", "t")
            token = cookie["csrf_token"]
        return self.browser.post(path, data={"csrf_token": token, **data})

    def by_password(self, username: str) -> None:
        answer = self.post("/sign-in", username=username, password=PASSWORD)
        assert answer.status_code == 303, answer.text

    def is_signed_in(self) -> bool:
        return self.browser.get("/worklist").status_code == 200

    def roles(self, person_id: int) -> set[tuple[str, str, bool]]:
        with self.application.engine.transaction() as session:
            grants = session.scalars(select(RoleGrant).where(RoleGrant.person_id == person_id))
            return {(grant.role, grant.scope, grant.mapped) for grant in grants}


@pytest.fixture
def site(application: kartabl.Application, there: OpenIdServer) -> Site:
    return Site(application, there)


# The journey


@pytest.mark.both_databases("story")
def test_a_linked_person_signs_in_and_goes_on_to_the_page_they_wanted(site: Site) -> None:
    site.link(site.people.add("ali", "finance"))
    assert "حساب شهرداری" in site.browser.get("/sign-in").text
    answer = site.sign_in(path="/sign-in/openid?next=/messages")
    assert (answer.status_code, answer.location) == (303, "/messages")
    assert site.is_signed_in()
    assert audited.told(site.application, events.SIGNED_IN) == [
        (events.SIGNED_IN, "ali", "ali", {"by": site.there.issuer})
    ]


def test_the_way_there_asks_for_a_code_with_pkce_state_and_nonce(site: Site) -> None:
    sent = parse_qs(urlsplit(site.begin()).query)
    assert sent["redirect_uri"] == ["http://localhost/sign-in/openid/return"]
    assert sent["scope"] == ["openid profile"] and sent["client_id"] == [CLIENT]
    for name in ("state", "nonce", "code_challenge"):
        assert len(sent[name][0]) >= 43, name
    again = parse_qs(urlsplit(site.begin()).query)
    assert all(sent[name] != again[name] for name in ("state", "nonce", "code_challenge"))


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"])
def test_it_leads_on_to_no_other_site(site: Site, address: str) -> None:
    site.link(site.people.add("ali", "finance"))
    assert site.sign_in(path=f"/sign-in/openid?next={address}").location == "/"


def test_without_a_link_nobody_is_signed_in_whatever_they_are_called(site: Site) -> None:
    """Neither by user name nor by name nor by e-mail or mobile: they come to a page that says what to do."""
    site.people.add("ali", "admin", first_name="علی", last_name="رضایی", mobile="09121234567")
    site.there.people["ali-1"] |= {"email": "ali", "email_verified": True, "phone_number": "09121234567"}
    answer = site.sign_in()
    assert answer.location == "/sign-in/openid/new"
    assert not site.is_signed_in()
    page = site.browser.get(answer.location)
    assert "علی رضایی" in page.text and "ساختن حساب جدید" not in page.text and "ali-1" in page.text
    assert site.post("/sign-in/openid/new").status_code == 422
    assert not site.is_signed_in()
    refused = (events.SIGN_IN_FAILED, "", "ali-1", {"reason": "unlinked"})
    assert audited.told(site.application, events.SIGN_IN_FAILED) == [refused]


def test_the_same_subject_of_another_issuer_is_somebody_else(site: Site) -> None:
    ali = site.people.add("ali", "finance")
    with site.application.engine.transaction() as session:
        admin = actor_for(session.get_one(Person, site.admin.id))
        linking.link_by_admin(session, ali.id, "https://other", "ali-1", by=admin, now=site.application.clock())
    assert site.sign_in().location == "/sign-in/openid/new"


@pytest.mark.both_databases("saving")
def test_a_new_account_where_the_office_allows_it(site: Site) -> None:
    site.people.add("ali", "admin")
    site.allow_new_accounts()
    site.map("staff", "finance")
    assert site.sign_in().location == "/sign-in/openid/new"
    assert site.post("/sign-in/openid/new").status_code == 303
    assert site.is_signed_in()
    with site.application.engine.transaction() as session:
        made = session.scalars(select(ExternalIdentity)).one().person
        assert (made.username, made.first_name, made.last_name) == ("ali@127.0.0.1", "علی", "رضایی")
        person_id = made.id
    assert site.roles(person_id) == {("finance", "", True)}
    name, way = "ali@127.0.0.1", {"by": site.there.issuer}
    assert audited.told(site.application, events.ACCOUNT_CREATED, events.SIGNED_IN) == [
        (events.ACCOUNT_CREATED, name, name, way),
        (events.SIGNED_IN, name, name, way),
    ]
    assert audited.told(site.application, events.ROLE_GRANTED)[-1][2:] == (name, {"role": "finance", "scope": ""})
    site.post("/sign-out")
    assert site.post("/sign-in", username="ali@127.0.0.1", password="").status_code == 422
    assert site.sign_in().location == "/"


def test_an_account_is_linked_by_signing_in_to_it_and_typing_its_password_again(site: Site) -> None:
    site.people.add("ali", "finance")
    site.by_password("ali")
    assert "/sign-in/openid?link=1" in site.browser.get("/account/openid").text
    assert site.sign_in(path="/sign-in/openid?link=1").location == "/account/openid"
    page = site.browser.get("/account/openid")
    assert "علی رضایی" in page.text
    assert site.post("/account/openid", password="wrong").status_code == 422
    assert site.post("/account/openid", password=PASSWORD).status_code == 303
    assert "قطع پیوند" in site.browser.get("/account/openid").text
    site.post("/sign-out")
    assert site.sign_in().location == "/"
    assert site.post("/account/openid/unlink").status_code == 303
    linked = {"issuer": site.there.issuer, "subject": "ali-1"}
    assert audited.told(site.application, events.IDENTITY_LINKED, events.IDENTITY_UNLINKED) == [
        (events.IDENTITY_LINKED, "ali", "ali", linked),
        (events.IDENTITY_UNLINKED, "ali", "ali", linked),
    ]
    site.post("/sign-out")
    assert site.sign_in().location == "/sign-in/openid/new"


def test_nobody_links_what_another_came_back_with(site: Site) -> None:
    """Whom the provider vouched for counts for the account that asked, in that browser."""
    for name in ("ali", "sara"):
        site.people.add(name, "finance")
    site.by_password("ali")
    site.sign_in(path="/sign-in/openid?link=1")
    site.post("/sign-out")
    site.by_password("sara")
    assert "وصل نیست" in site.browser.get("/account/openid").text
    site.post("/account/openid", password=PASSWORD)
    assert site.sign_in(path="/sign-in/openid?link=1").location == "/account/openid"
    back = site.there.come_back(site.begin("/sign-in/openid?link=1"))
    site.post("/sign-out")
    assert site.browser.get(back).status_code == 400


def test_one_account_there_is_one_account_here(site: Site) -> None:
    site.link(site.people.add("sara", "finance"))
    site.people.add("ali", "finance")
    site.by_password("ali")
    site.sign_in(path="/sign-in/openid?link=1")
    answer = site.post("/account/openid", password=PASSWORD)
    assert answer.status_code == 422 and "به حساب دیگری در کارتابل وصل است" in answer.text


def test_a_locked_account_stays_locked(site: Site) -> None:
    ali = site.people.add("ali", "finance")
    site.link(ali)
    with site.application.engine.transaction() as session:
        admin = actor_for(session.get_one(Person, site.admin.id))
        people_of.lock_account(session, site.application.accounts, ali.id, by=admin)
    answer = site.sign_in()
    assert answer.status_code == 403 and "غیرفعال" in answer.text
    assert not site.is_signed_in()
    refused = (events.SIGN_IN_FAILED, "", "ali-1", {"reason": "locked"})
    assert audited.told(site.application, events.SIGN_IN_FAILED) == [refused]


def test_signing_out_is_local_and_offers_the_providers_own(site: Site) -> None:
    site.link(site.people.add("ali", "finance"))
    site.sign_in()
    left = site.post("/sign-out")
    assert left.location == "/sign-in?left=openid" and not site.is_signed_in()
    assert "/sign-out/openid" in site.browser.get(left.location).text
    away = site.browser.get("/sign-out/openid").location
    assert away.startswith(f"{site.there.url}/leave?") and "post_logout_redirect_uri=http%3A%2F%2Flocalhost" in away


# Roles


@pytest.mark.both_databases("saving")
def test_roles_come_and_go_with_the_claim_and_those_given_by_hand_stay(site: Site) -> None:
    ali = site.people.add("ali", "inspector")
    site.link(ali)
    site.map("staff", "finance")
    site.map("north", "district_engineering", "3")
    site.there.people["ali-1"]["roles"] = ["staff", "north", "unknown", 7, None]
    site.sign_in()
    by_hand = ("inspector", "", False)
    assert site.roles(ali.id) == {by_hand, ("finance", "", True), ("district_engineering", "3", True)}
    site.post("/sign-out")
    site.there.people["ali-1"]["roles"] = ["north"]
    site.sign_in()
    assert site.roles(ali.id) == {by_hand, ("district_engineering", "3", True)}
    site.post("/sign-out")
    del site.there.people["ali-1"]["roles"]
    site.sign_in()
    assert site.roles(ali.id) == {by_hand}
    by_claim = [
        one for one in audited.told(site.application, events.ROLE_GRANTED, events.ROLE_REVOKED) if one[1] == "system"
    ]
    staff, north = {"role": "finance", "scope": ""}, {"role": "district_engineering", "scope": "3"}
    given = [(events.ROLE_GRANTED, "system", "ali", one) for one in (north, staff)]
    taken = [(events.ROLE_REVOKED, "system", "ali", one) for one in (staff, north)]
    assert sorted(by_claim[:2], key=repr) == given
    assert by_claim[2:] == taken


@pytest.mark.rule("ACC-6")
def test_roles_that_the_claim_gives_or_takes_are_told_to_the_person(site: Site) -> None:
    ali = site.people.add("ali", "inspector")
    site.link(ali)
    site.map("staff", "finance")

    def told() -> int:
        with site.application.engine.transaction() as session:
            titles = select(Message.title).where(Message.person_id == ali.id)
            return list(session.scalars(titles)).count("نقش‌های حساب شما تغییر کرد")

    counts = []
    for roles in (["staff"], ["staff"], []):
        site.there.people["ali-1"]["roles"] = roles
        site.sign_in()
        site.post("/sign-out")
        counts.append(told())
    assert counts == [1, 1, 2]


@pytest.mark.parametrize("proved", [True, False])
def test_a_second_factor_of_ours_is_asked_for_unless_the_provider_asked_for_one(site: Site, proved: bool) -> None:
    ali = site.people.add("ali", "finance", mobile="09123456789")
    site.link(ali)
    factors = site.application.second_factors
    with site.application.engine.transaction() as session:
        offer = factors.offer(ali.id)
        totp = pyotp.TOTP(factors.offered_secret(ali.id, offer) or "")
        now = site.application.clock()
        code = totp.generate_otp(totp.timecode(now))
        factors.enrol_app(session, session.get_one(Person, ali.id), offer, code, address="", now=now)
    if proved:
        site.there.people["ali-1"]["amr"] = ["pwd", "mfa"]
    answer = site.sign_in(path="/sign-in/openid?next=/cases")
    assert answer.location == ("/cases" if proved else "/sign-in/second?next=%2Fcases")
    assert site.is_signed_in() is proved
    assert (site.browser.get_cookie("kartabl-device") is not None) is proved


@pytest.mark.parametrize("proved", [True, False])
def test_the_providers_second_factor_is_one_that_a_role_demands(site: Site, proved: bool) -> None:
    site.link(site.people.add("ali", "finance"))
    with site.application.engine.transaction() as session:
        session.execute(update(Role).where(Role.key == "finance").values(second_factor=True))
    site.there.people["ali-1"]["amr"] = ["pwd", "mfa"] if proved else ["pwd"]
    site.sign_in()
    answer = site.browser.get("/worklist")
    assert (answer.status_code, answer.location) == ((200, None) if proved else (303, "/account/second-factor"))
    site.post("/sign-out")
    site.by_password("ali")
    assert site.browser.get("/worklist").location == "/account/second-factor", "by the password it is not asked for"


def test_a_first_password_waits_until_somebody_signs_in_by_it(site: Site) -> None:
    ali = site.people.add("ali", "finance")
    site.link(ali)
    with site.application.engine.transaction() as session:
        session.get_one(Person, ali.id).must_change_password = True
    site.sign_in()
    assert site.browser.get("/worklist").status_code == 200
    site.post("/sign-out")
    site.by_password("ali")
    assert site.browser.get("/worklist").location == "/password"


def test_a_value_without_a_mapping_gives_nothing_even_if_it_is_called_like_a_role(site: Site) -> None:
    ali = site.people.add("ali", "inspector")
    site.link(ali)
    site.there.people["ali-1"]["roles"] = ["admin", "supervisor", "finance"]
    site.sign_in()
    assert site.roles(ali.id) == {("inspector", "", False)}


def test_the_last_admin_stays_admin(site: Site) -> None:
    site.link(site.admin)
    with site.application.engine.transaction() as session:
        session.scalars(select(RoleGrant).where(RoleGrant.person_id == site.admin.id)).one().mapped = True
    site.there.people["ali-1"]["roles"] = []
    site.sign_in()
    assert site.roles(site.admin.id) == {("admin", "", True)}


def test_a_claim_inside_an_object_and_from_the_userinfo(site: Site, there: OpenIdServer) -> None:
    assert values_of({"realm_access": {"roles": ["a", "b"]}}, "realm_access.roles") == {"a", "b"}
    assert values_of({"https://x.example/roles": "a"}, "https://x.example/roles") == {"a"}
    assert values_of({"roles": {"a": 1}}, "roles") == values_of({}, "roles.x") == frozenset()
    there.metadata["userinfo_endpoint"] = f"{there.url}/userinfo"
    there.lies["roles"] = None
    ali = site.people.add("ali", "inspector")
    site.link(ali)
    site.map("staff", "finance")
    site.sign_in()
    assert ("finance", "", True) in site.roles(ali.id)
    site.post("/sign-out")
    there.answers["/userinfo"] = (200, {"sub": "somebody-else", "roles": ["staff"]})
    assert site.sign_in().status_code == 502


# A provider that fails, and one that lies; tests/providers/test_openid.py has them all


@pytest.mark.parametrize(
    ("path", "fault", "status"), [(DISCOVERY, "500", 503), ("/token", "garbage", 502), ("/keys", "timeout_before", 504)]
)
def test_a_provider_that_fails_is_a_page_in_time(site: Site, path: str, fault: Fault, status: int) -> None:
    site.link(site.people.add("ali", "finance"))
    site.there.faults[path] = fault
    began = time.monotonic()
    answer = site.browser.get("/sign-in/openid")
    if answer.status_code == 303:
        answer = site.browser.get(site.there.come_back(answer.location))
    assert time.monotonic() - began < 3 * PATIENCE
    assert answer.status_code == status
    assert 'lang="fa"' in answer.text and "وارد نشدید" in answer.text and "Traceback" not in answer.text
    assert not site.is_signed_in()


def test_a_provider_that_lies_signs_nobody_in(site: Site) -> None:
    site.link(site.people.add("ali", "finance"))
    site.there.lies = {"nonce": "n" * 43}
    answer = site.sign_in()
    assert answer.status_code == 502 and "Traceback" not in answer.text
    assert not site.is_signed_in()
    site.there.lies = {}
    assert site.sign_in().location == "/", "the truth is believed again"


def test_a_provider_that_is_down_does_not_hold_up_every_page(site: Site) -> None:
    site.there.faults[DISCOVERY] = "timeout_before"
    assert site.browser.get("/sign-in/openid").status_code == 504
    began = time.monotonic()
    for _each in range(5):
        assert site.browser.get("/sign-in/openid").status_code == 503
    assert time.monotonic() - began < PATIENCE
    assert site.browser.get("/sign-in").status_code == 200


# What a browser brings back


def test_an_answer_counts_once(site: Site) -> None:
    site.link(site.people.add("ali", "finance"))
    with_cookie = site.there.come_back(site.begin())
    with site.browser.session_transaction() as cookie:
        kept = dict(cookie)
    assert site.browser.get(with_cookie).location == "/"
    other = site.app.test_client()
    with other.session_transaction() as cookie:
        cookie.update(kept)  # as if the whole browser had been copied before
    again = other.get(with_cookie)
    assert again.status_code == 400 and "یک بار" in again.text
    assert other.get("/worklist").status_code == 303


def test_an_answer_belongs_to_the_browser_that_began(site: Site) -> None:
    """A link with somebody else's code signs nobody in to somebody else's account."""
    site.link(site.people.add("ali", "finance"))
    back = site.there.come_back(site.begin())
    stranger = site.app.test_client()
    assert stranger.get(back).status_code == 400
    assert stranger.get("/worklist").status_code == 303
    assert not site.there.tokens_issued


def test_an_answer_after_ten_minutes_is_too_late(site: Site, clock: StandingClock) -> None:
    back = site.there.come_back(site.begin())
    clock.advance(timedelta(minutes=11))
    answer = site.browser.get(back)
    assert answer.status_code == 400 and "مهلت" in answer.text


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"error": "access_denied", "code": ""}, 403),
        ({"error": "server_error", "code": ""}, 502),
        ({"code": ""}, 502),
        ({"code": "another"}, 502),
        ({"iss": "https://evil.example"}, 502),
    ],
)
def test_a_refusal_and_a_foreign_answer_are_pages(site: Site, answer: dict[str, str], status: int) -> None:
    site.link(site.people.add("ali", "finance"))
    page = site.browser.get(site.there.come_back(site.begin(), **answer))
    assert page.status_code == status and "Traceback" not in page.text
    assert not site.is_signed_in()


def test_a_provider_that_promises_to_name_itself_has_to(site: Site) -> None:
    site.link(site.people.add("ali", "finance"))
    site.there.metadata["authorization_response_iss_parameter_supported"] = True
    assert site.sign_in().status_code == 502
    assert site.browser.get(site.there.come_back(site.begin(), iss=site.there.issuer)).location == "/"


@pytest.mark.parametrize("query", ["", "?state=", "?state=x&code=y", "?state=%00", "?error=server_error"])
def test_a_return_that_nobody_began_is_a_page(site: Site, query: str) -> None:
    assert site.browser.get(f"/sign-in/openid/return{query}").status_code == 400


def test_a_refusal_without_a_state_is_told_as_a_refusal(site: Site) -> None:
    site.begin()
    assert site.browser.get("/sign-in/openid/return?error=access_denied").status_code == 403


def test_too_many_returns_from_one_address_wait(site: Site) -> None:
    for _each in range(60):
        assert site.browser.get(site.there.come_back(site.begin(), error="access_denied", code="")).status_code == 403
    answer = site.browser.get(site.there.come_back(site.begin()))
    assert answer.status_code == 429 and answer.headers["Retry-After"]


def test_signing_in_ends_the_session_that_the_browser_had(site: Site) -> None:
    site.link(site.people.add("ali", "finance"))
    back = site.there.come_back(site.begin())
    site.people.add("sara", "finance")
    site.by_password("sara")
    with site.browser.session_transaction() as cookie:
        assert "openid_begun" not in cookie
    assert site.browser.get(back).status_code == 400, "a new session forgets what was begun before it"


def test_secrets_and_tokens_are_not_in_the_log(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    site.link(site.people.add("ali", "finance"))
    site.sign_in()
    site.post("/sign-out")
    site.there.lies = {"aud": "other"}
    site.sign_in()
    for secret in (SECRET, SECRET_KEY, "an-access-token", *site.there.tokens_issued):
        assert secret not in caplog.text


def test_where_no_provider_is_set_the_pages_do_not_exist(database_url: str, tmp_path: Path, clock: Any) -> None:
    plain = kartabl.build(
        Settings(secret_key=SECRET_KEY, database_url=database_url, files_path=tmp_path, public_url="http://localhost"),
        now=clock,
    )
    browser = webapp.create_app(plain).test_client()
    for path in ("/sign-in/openid", "/sign-in/openid/return", "/sign-in/openid/new", "/sign-out/openid"):
        assert browser.get(path).status_code == 404, path
    assert "openid" not in browser.get("/sign-in").text
    plain.database.dispose()
