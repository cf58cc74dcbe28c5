"""The people of the demo: at least one of every role, and the inspectors' worksheets.

Their mobile numbers begin with a prefix that no operator has, so that no message can reach a stranger.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.identity import passwords
from models.account import Person, RoleGrant
from models.gas import Inspector, InspectorQuota, InspectorRegion
from workflows import roles

PASSWORD = "Kartabl-1405"  # noqa: S105 - the demo's own, offered on its sign-in page; nobody may choose it
MOBILES = "0959"
DISTRICTS = range(1, 11)  # in which the demo happens, as an installation is delivered with them
NOBODY_FREE = 9  # the region whose inspectors are full or not ready: its projects go to the gas office (ASG-3)
QUOTA = 60  # meters of an inspector's year


@dataclass(frozen=True)
class DemoPerson:
    """An account. ``scope`` is the division in which a divided role is held."""

    role: str
    username: str
    first_name: str
    last_name: str
    company: str | None = None
    scope: str = ""
    kind: str = "staff"

    @property
    def name(self) -> str:
        return self.company or f"{self.first_name} {self.last_name}"


def _contractor(username: str, first_name: str, last_name: str, company: str | None = None) -> DemoPerson:
    return DemoPerson(roles.CONTRACTOR, username, first_name, last_name, company, kind="contractor")


def _inspector(username: str, first_name: str, last_name: str) -> DemoPerson:
    return DemoPerson(roles.INSPECTOR, username, first_name, last_name, kind="engineer")


def _engineer(username: str, first_name: str, last_name: str, company: str | None = None) -> DemoPerson:
    return DemoPerson(roles.SUPERVISING_ENGINEER, username, first_name, last_name, company, kind="engineer")


def _citizen(count: int, first_name: str, last_name: str) -> DemoPerson:
    return DemoPerson(roles.CITIZEN, f"{MOBILES}{count:07d}", first_name, last_name, kind="citizen")


def _unit(unit: str, username: str, first_name: str, last_name: str) -> DemoPerson:
    return DemoPerson(roles.DEPARTMENT_STAFF, username, first_name, last_name, scope=unit)


def _district(number: int, first_name: str, last_name: str) -> DemoPerson:
    role = roles.DISTRICT_ENGINEERING
    return DemoPerson(role, f"district-{number}", first_name, last_name, scope=str(number))


PEOPLE = (
    _contractor("contractor", "فرهاد", "یوسفی", "گازرسانی آذرخش"),
    _contractor("contractor-2", "مهدی", "صالحی"),
    _contractor("contractor-3", "لیلا", "کاظمی", "تأسیسات نوین شعله"),
    _contractor("contractor-4", "رضا", "نوروزی"),
    _contractor("contractor-5", "بهرام", "اسدی", "ایمن گاز پارس"),
    _contractor("contractor-6", "حمید", "شریفی"),
    _contractor("contractor-7", "نسرین", "بهرامی", "لوله‌کشی سپهر"),
    _contractor("contractor-8", "اکبر", "جلالی"),
    _inspector("12-30-01234", "سارا", "مرادی"),
    _inspector("12-30-01301", "امیر", "حسینی"),
    _inspector("12-30-01347", "مریم", "احمدی"),
    _inspector("12-30-01402", "کیوان", "رستمی"),
    _inspector("12-30-01456", "زهرا", "قاسمی"),
    _inspector("12-30-01519", "نیما", "فرجی"),
    _inspector("12-30-01583", "الهام", "طاهری"),
    _inspector("12-30-01660", "پیمان", "سلطانی"),
    _inspector("12-30-01728", "شیرین", "محمودی"),
    _inspector("12-30-01795", "آرش", "کریمی"),
    _inspector("12-30-01841", "مهسا", "نجفی"),
    _inspector("12-30-01906", "سعید", "عباسی"),
    _inspector("12-30-02013", "پروانه", "موسوی"),
    _inspector("12-30-02077", "بهزاد", "امینی"),
    _engineer("12-10-00517", "علیرضا", "دانش"),
    _engineer("12-10-00742m", "شهرام", "پارسا", "مهندسین مشاور طرح و پی"),
    _engineer("12-20-00318k", "نرگس", "شفیعی"),
    _citizen(1001, "محمد", "رضایی"),
    _citizen(1002, "فاطمه", "اکبری"),
    _citizen(1003, "حسین", "ملکی"),
    _unit("information_technology", "unit-it", "پویا", "عزیزی"),
    _unit("gas_inspection", "unit-gas-inspection", "مینا", "صادقی"),
    _unit("finance", "unit-finance", "داوود", "غلامی"),
    _unit("secretariat", "unit-secretariat", "سمیه", "حیدری"),
    _unit("information_technology", "unit-it-2", "هانیه", "کاویانی"),
    _unit("education", "unit-education", "فرزاد", "معینی"),
    _unit("membership", "unit-membership", "لادن", "پناهی"),
    _unit("president", "unit-president", "ژاله", "سروری"),
    DemoPerson(roles.PRESIDENT, "president", "منوچهر", "کیانی"),
    DemoPerson(roles.GAS_OFFICE, "gas-office", "شهلا", "ابراهیمی"),
    DemoPerson(roles.GAS_OFFICE, "gas-office-2", "کامران", "زارعی"),
    _district(1, "جواد", "هاشمی"),
    _district(4, "ریحانه", "تقوی"),
    _district(NOBODY_FREE, "بابک", "میرزایی"),
    DemoPerson(roles.IDENTITY_OFFICER, "identity-officer", "ناهید", "جعفری"),
    DemoPerson(roles.VISITING_EXPERT, "visiting-expert", "یاسر", "باقری"),
    DemoPerson(roles.MUNICIPALITY_OFFICE, "municipality-office", "گلناز", "فتحی"),
    DemoPerson(roles.FINANCE, "finance", "هادی", "سلیمی"),
    DemoPerson(roles.ANALYST, "analyst", "پریسا", "وحیدی"),
    DemoPerson(roles.SUPERVISOR, "supervisor", "هومن", "راد"),
    DemoPerson(roles.ADMIN, "admin", "بیتا", "مقدم"),
)
CONTRACTORS = tuple(person.username for person in PEOPLE if person.role == roles.CONTRACTOR)
INSPECTORS = tuple(person.username for person in PEOPLE if person.role == roles.INSPECTOR)

NOT_READY = ("12-30-01841", "12-30-02077")
NOT_ACTIVE = "12-30-02013"
FULL = "12-30-01906"  # the only inspector ready for the region NOBODY_FREE
OF_A_FIRM = {"12-30-01234": "گازرسانی آذرخش"}  # never for this contractor's own projects (ASG-1)


def are_there(session: Session) -> bool:
    """Whether this database holds the demo already."""
    return session.scalars(select(Person.id).where(Person.username == PEOPLE[0].username)).first() is not None


def make(session: Session, *, at: datetime, periods: Iterable[str]) -> None:
    """Make everybody, as if they had been there since ``at``, with the inspectors' quotas for ``periods``."""
    known = set(session.scalars(select(Person.username)))
    # One for all: they share their password, which the policy would refuse, and hashing is slow on purpose.
    password_hash = passwords.hashed(PASSWORD)
    for count, demo in enumerate(PEOPLE):
        if demo.username in known:
            continue
        mobile = demo.username if demo.role == roles.CITIZEN else f"{MOBILES}{2001 + count:07d}"
        person = Person(
            username=demo.username,
            first_name=demo.first_name,
            last_name=demo.last_name,
            company=demo.company,
            mobile=mobile,
            kind=demo.kind,
            mobile_verified=True,
            created_at=at,
            roles=[RoleGrant(role=demo.role, scope=demo.scope)],
        )
        person.password_hash = password_hash
        session.add(person)
    session.flush()
    people = {person.username: person for person in session.scalars(select(Person))}
    for count, username in enumerate(INSPECTORS):
        _make_inspector(session, people[username], count, tuple(periods))
    session.flush()


def _make_inspector(session: Session, person: Person, count: int, periods: tuple[str, ...]) -> None:
    session.add(
        Inspector(
            person_id=person.id,
            active=person.username != NOT_ACTIVE,
            ready=person.username not in NOT_READY,
            firm=OF_A_FIRM.get(person.username, ""),
            regions=[InspectorRegion(region=region) for region in _regions(person.username, count)],
        )
    )
    session.flush()
    quota = QUOTA - 5 * (count % 3)
    for period in periods:
        assigned = quota if person.username == FULL else 0
        session.add(InspectorQuota(inspector_id=person.id, period=period, quota=quota, assigned=assigned))


def _regions(username: str, count: int) -> list[int]:
    """Three neighbouring regions; NOBODY_FREE only for inspectors without capacity."""
    if username in (FULL, NOT_ACTIVE, *NOT_READY):
        return [NOBODY_FREE]
    free = [region for region in DISTRICTS if region != NOBODY_FREE]
    return sorted(free[(count + step) % len(free)] for step in range(3))
