"""The current request's surroundings: the application, the time, the person, a transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

from flask import current_app, g, request
from flask import session as cookie
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from engine.actor import Actor, SignedIn
from engine.errors import EngineError
from engine.identity import organisation as tables
from models import language

if TYPE_CHECKING:
    from engine.calendar.staging_clock import StagingClock
    from engine.calendar.working_time import WorkingCalendar
    from engine.contributions.listings import Listings
    from engine.contributions.office_rules import OfficeRules
    from engine.contributions.sheets import Sheets
    from engine.deployment.compatibility import Compatibility
    from engine.identity.accounts import Accounts
    from engine.identity.confirmation import Confirmation
    from engine.identity.organisation import Organisation
    from engine.identity.second_factor import SecondFactors
    from engine.identity.second_step import SecondStep
    from engine.jobs.worker import Worker
    from engine.persistence.storage import Storage
    from engine.service import Engine
    from engine.settings import Settings
    from engine.uploads.clamd import Clamd
    from webapp.accounts.openid import Provider
    from webapp.accounts.sign_in import DemoPeople
    from webapp.lists.files import PrintList
    from webapp.public.payments import PaymentReturned, ReturnParameter, TestGateway
    from webapp.public.verification import Certificates

TOKEN = "token"  # noqa: S105 - the name under which the signed cookie holds the session's token
V = TypeVar("V", bound=Callable[..., Any])


class Application(Protocol):
    """What pages need of the composition root; ``kartabl.Application`` is one.

    What comes from the domain is a ``Protocol`` beside the page that uses it.
    """

    @property
    def settings(self) -> Settings: ...
    @property
    def database(self) -> Database: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def accounts(self) -> Accounts: ...
    @property
    def second_factors(self) -> SecondFactors: ...
    @property
    def second_step(self) -> SecondStep: ...
    @property
    def sms_arrives(self) -> bool: ...
    @property
    def confirmation(self) -> Confirmation: ...
    @property
    def clock(self) -> Callable[[], datetime]: ...
    @property
    def staging_clock(self) -> StagingClock | None: ...
    @property
    def worker(self) -> Worker: ...
    @property
    def listings(self) -> Listings: ...
    @property
    def office_rules(self) -> OfficeRules: ...
    @property
    def sheets(self) -> Sheets: ...
    @property
    def print_list(self) -> PrintList: ...
    @property
    def certificates(self) -> Certificates: ...
    @property
    def test_gateway(self) -> TestGateway | None: ...
    @property
    def payment_returned(self) -> PaymentReturned: ...
    @property
    def return_parameter(self) -> ReturnParameter: ...
    @property
    def compatibility(self) -> Compatibility: ...
    @property
    def storage(self) -> Storage: ...
    @property
    def scanner(self) -> Clamd | None: ...
    @property
    def forced(self) -> bool: ...
    @property
    def case_roles(self) -> Mapping[str, object]: ...
    @property
    def demo_people(self) -> DemoPeople: ...
    @property
    def openid(self) -> Provider | None: ...


class NotSignedIn(EngineError):
    """The page is for people who are signed in."""

    code = "not_signed_in"


def public(view: V) -> V:
    """Decorator: everyone may open the page. Without it a page sends strangers to the sign-in page."""
    view.public = True  # type: ignore[attr-defined]
    return view


def public_in_demo(view: V) -> V:
    """Decorator: everyone may open the page in demo mode. Elsewhere it is a page like any other, for people."""
    view.public_in_demo = True  # type: ignore[attr-defined]
    return view


def is_public(view: object) -> bool:
    """Whether this installation shows the page to everyone."""
    return getattr(view, "public", False) or (settings().demo and getattr(view, "public_in_demo", False))


def application() -> Application:
    wired: Application = current_app.extensions["kartabl"]
    return wired


def engine() -> Engine:
    return application().engine


def settings() -> Settings:
    return application().settings


def now() -> datetime:
    """The moment of this request by the application's clock."""
    return application().clock()


def calendar() -> WorkingCalendar:
    """The organisation's working calendar, and with it its time zone: read once in a request."""
    if "calendar" not in g:
        source = engine().services.calendar
        g.calendar = source.last if g.get("database_away") else source.current().calendar
    of_request: WorkingCalendar = g.calendar
    return of_request


def organisation() -> Organisation:
    """The organisation's roles and divisions: looked up once in a request."""
    if "organisation" not in g:
        if g.get("database_away"):
            g.organisation = tables.last(application().database)
        else:
            with transaction() as session:
                g.organisation = tables.of(session)
    of_request: Organisation = g.organisation
    return of_request


def zone() -> str:
    """The name of the organisation's time zone."""
    return calendar().zone.key


def transaction() -> AbstractContextManager[Session]:
    """One transaction; commits when left normally. A view opens it, does one thing and leaves it."""
    return engine().transaction()


def person() -> SignedIn | None:
    """Who is signed in, looked up once in a request."""
    if "person" not in g:
        g.person = _look_up()
    of_request: SignedIn | None = g.person
    return of_request


def actor() -> Actor:
    """Who acts. Raises ``NotSignedIn``."""
    signed_in = person()
    if signed_in is None:
        raise NotSignedIn("nobody is signed in")
    return signed_in.actor


def agent() -> str:
    """What the browser or program of this request calls itself."""
    return request.headers.get("User-Agent", "")


def address() -> str:
    """The network address from which this request came."""
    return request.remote_addr or ""


def from_here(actor: Actor) -> Actor:
    """The actor, with the address of this request: what the audit log says of where they were."""
    g.actor_id = actor.person_id  # for the line of this request in the server's log
    return replace(actor, address=address())


def remember(token: str) -> None:
    """Keep a new session's token in the browser; whatever the cookie held before goes, also the CSRF token."""
    chosen = cookie.get("language")
    cookie.clear()
    cookie[TOKEN] = token
    if chosen:
        cookie["language"] = chosen
    g.pop("person", None)


def forget() -> None:
    """Leave nothing of the session in the browser."""
    chosen = cookie.get("language")
    cookie.clear()
    if chosen:
        cookie["language"] = chosen
    g.person = None


def token() -> str | None:
    """The session token of this browser."""
    value = cookie.get(TOKEN)
    return value if isinstance(value, str) else None


def choose_language() -> None:
    """Read in the person's language; without a person, in the one chosen in this browser."""
    signed_in = person()
    language.switch(signed_in.actor.language if signed_in else str(cookie.get("language", language.SOURCE)))


def safe_next(address: str | None, default: str = "/") -> str:
    """``address`` if it is a path of ours, else ``default``: nobody is led to another site."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")):
        return _rooted(default)
    if any(ord(char) < 32 or char == "\\" for char in address) or urlsplit(address).netloc:
        return _rooted(default)
    return address


def here() -> str:
    """The address of this page, for coming back to it: the path alone when the page does not answer GET."""
    if request.method in ("GET", "HEAD"):
        return request.script_root + request.full_path.rstrip("?")
    addresses = current_app.create_url_adapter(request)
    readable = addresses is not None and addresses.test(request.path, method="GET")
    return request.script_root + request.path if readable else _rooted("/")


def _rooted(path: str) -> str:
    return f"{request.script_root}{path}"


def _look_up() -> SignedIn | None:
    held = token()
    if held is None:
        return None
    with transaction() as session:
        signed_in = application().accounts.person_of_session(session, held, now=now())
    return replace(signed_in, actor=from_here(signed_in.actor)) if signed_in else None
