"""Rules of the office that are a number each: read where they apply, changed by an admin, kept with who and why."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

import pytest
from sqlalchemy import delete, select

import kartabl
from engine.contributions import office_rules
from engine.contributions.office_rules import FILE_MEGABYTES, OfficeRules, value_of
from engine.errors import InvalidSubmission, NotAllowed
from models.office_rule import OfficeRule, OfficeRuleChange, OfficeRuleValue, Unit
from tests.play import People, Play
from workflows.payment.records import WAITING_MINUTES


@pytest.fixture
def office(play: Play, people: People) -> Play:
    for role in ("admin", "supervisor"):
        people.add(role, role)
    return play


def change(office: Play, *, by: str = "admin", reason: str = "تصمیم شورا", **values: int) -> list[OfficeRuleChange]:
    application: kartabl.Application = office.application
    actor = office.actor(by)
    with application.engine.transaction() as session:
        return office_rules.change(
            session, application.office_rules, values, by=actor, reason=reason, now=application.clock()
        )


def in_force(office: Play, rule: OfficeRule) -> int:
    with office.session() as session:
        return value_of(session, rule)


def test_a_new_installation_has_the_numbers_that_were_settings_before(office: Play) -> None:
    with office.session() as session:
        kept = {row.key: (row.value, row.unit, row.changed_at) for row in session.scalars(select(OfficeRuleValue))}
    assert kept == {"payment_minutes": (30, Unit.MINUTE, None), "file_megabytes": (6, Unit.MEGABYTE, None)}
    declared = {rule.key: (rule.default, rule.unit, None) for rule in office.application.office_rules}
    assert declared.items() >= kept.items()


def test_a_change_is_in_force_at_once_and_kept_with_who_when_and_why(office: Play) -> None:
    [made] = change(office, payment_minutes=45, file_megabytes=6)
    assert (in_force(office, WAITING_MINUTES), in_force(office, FILE_MEGABYTES)) == (45, 6)
    assert (made.key, made.before, made.after, made.reason) == ("payment_minutes", 30, 45, "تصمیم شورا")
    admin = office.actor("admin")
    assert (made.at, made.by_id, made.by_name) == (office.clock.now, admin.person_id, admin.name)
    with office.session() as session:
        row = session.get_one(OfficeRuleValue, "payment_minutes")
        assert (row.changed_at, row.changed_by_id) == (office.clock.now, admin.person_id)
    change(office, payment_minutes=20)
    with office.session() as session:
        listed = office_rules.changes(session, by=admin)
    assert [(one.before, one.after) for one in listed] == [(45, 20), (30, 45)]


def test_a_rule_without_a_row_has_its_default_until_it_is_changed(office: Play) -> None:
    with office.session() as session:
        session.execute(delete(OfficeRuleValue))
    assert in_force(office, WAITING_MINUTES) == 30
    [made] = change(office, payment_minutes=31)
    assert (made.before, made.after, in_force(office, WAITING_MINUTES)) == (30, 31, 31)


@pytest.mark.parametrize(
    ("values", "reason", "fields"),
    [
        ({"payment_minutes": 4}, "دلیل", ["payment_minutes"]),
        ({"payment_minutes": 1441, "file_megabytes": 0}, "دلیل", ["payment_minutes", "file_megabytes"]),
        ({"payment_minutes": True}, "دلیل", ["payment_minutes"]),
        ({"payment_minutes": 45}, " \n", ["reason"]),
        ({"payment_minutes": 45}, "د" * 501, ["reason"]),
        ({"payment_minutes": 30, "file_megabytes": 6}, "دلیل", [""]),
    ],
)
def test_what_is_out_of_range_without_reason_or_no_change_is_refused(
    office: Play, values: dict[str, Any], reason: str, fields: list[str]
) -> None:
    with pytest.raises(InvalidSubmission) as refused:
        change(office, reason=reason, **values)
    assert list(refused.value.errors) == fields
    assert (in_force(office, WAITING_MINUTES), in_force(office, FILE_MEGABYTES)) == (30, 6)


def test_only_an_admin_sees_and_makes_changes(office: Play) -> None:
    with pytest.raises(NotAllowed):
        change(office, by="supervisor", payment_minutes=45)
    with office.session() as session, pytest.raises(NotAllowed):
        office_rules.changes(session, by=office.actor("supervisor"))


def test_of_two_admins_at_once_each_change_says_what_was_before_it(office: Play) -> None:
    with office.session() as session:
        session.execute(delete(OfficeRuleValue))
    threads = [threading.Thread(target=change, args=(office,), kwargs={"payment_minutes": n}) for n in (40, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with office.session() as session:
        second, first = office_rules.changes(session, by=office.actor("admin"))
    assert (first.before, second.before) == (30, first.after)
    assert in_force(office, WAITING_MINUTES) == second.after


def test_a_file_may_be_as_large_as_the_rule_says(office: Play) -> None:
    office.start("project_registration", by="contractor")
    engine = office.application.engine
    with office.session() as session:
        assert engine.upload_limit(session, office.case) == 6_000_000
    change(office, file_megabytes=10)
    with office.session() as session:
        assert engine.upload_limit(session, office.case) == 10_000_000


def test_a_declaration_that_makes_no_sense_is_refused() -> None:
    rules = OfficeRules()
    with pytest.raises(ValueError, match="Two office rules are called 'file_megabytes'"):
        rules.declare(FILE_MEGABYTES)
    with pytest.raises(ValueError, match="0 is not from 1 to 50"):
        dataclasses.replace(FILE_MEGABYTES, default=0)
    with pytest.raises(ValueError, match="Not a key"):
        dataclasses.replace(FILE_MEGABYTES, key="حجم")
