"""Rules of the office that an admin changes on a page: declared by whoever applies them, read where they apply.

A changed number counts from the next step on, in every process: it is read in the step's own transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.audit import events, retention, trail
from engine.errors import ChangedMeanwhile, Refusal
from engine.identity import permissions
from engine.persistence import upsert
from models.digits import clean, persian_digits
from models.language import current, lazy
from models.language import gettext as _
from models.office_rule import OfficeRule, OfficeRuleChange, OfficeRuleValue, Unit

MAX_CHANGES = 50  # changes that the page lists
REASON_LENGTH = 500  # characters

FILE_MEGABYTES = OfficeRule(
    key="file_megabytes",
    label=lazy("حداکثر حجم هر فایل"),
    meaning=lazy("فرایندی که در نمودار خود حد دیگری دارد، همان حد را نگه می‌دارد."),
    unit=Unit.MEGABYTE,
    default=6,
    least=1,
    most=50,
)
CASE_MEGABYTES = OfficeRule(
    key="case_megabytes",
    label=lazy("فضای فایل‌های هر پرونده"),
    meaning=lazy("همهٔ فایل‌های یک پرونده با هم."),
    unit=Unit.MEGABYTE,
    default=300,
    least=10,
    most=100_000,
)
PERSON_MEGABYTES = OfficeRule(
    key="person_megabytes",
    label=lazy("فضای فایل‌های هر شخص در یک روز"),
    meaning=lazy("آنچه یک شخص در یک روز در همهٔ پرونده‌ها بارگذاری می‌کند."),
    unit=Unit.MEGABYTE,
    default=500,
    least=10,
    most=100_000,
)


class OfficeRules:
    """The register of all rules, in the order of their declaration; the engine's own come first."""

    def __init__(self) -> None:
        own = (FILE_MEGABYTES, CASE_MEGABYTES, PERSON_MEGABYTES, *retention.RULES.values())
        self._rules = {rule.key: rule for rule in own}

    def declare(self, rule: OfficeRule) -> OfficeRule:
        """Add a rule to the page. Raises ``ValueError`` when its key is taken."""
        if rule.key in self._rules:
            raise ValueError(f"Two office rules are called {rule.key!r}")
        self._rules[rule.key] = rule
        return rule

    def __iter__(self) -> Iterator[OfficeRule]:
        return iter(self._rules.values())

    def __getitem__(self, key: str) -> OfficeRule:
        return self._rules[key]

    def __contains__(self, key: object) -> bool:
        return key in self._rules


def value_of(session: Session, rule: OfficeRule) -> int:
    """The number in force, in the rule's unit.

    Reads around the session's unit of work: it must not flush what a step has not finished.
    """
    in_force = select(OfficeRuleValue.value).where(OfficeRuleValue.key == rule.key)
    value = session.connection().execute(in_force).scalar()
    return rule.default if value is None else int(value)


def changes(session: Session, *, by: Actor) -> list[OfficeRuleChange]:
    """The last changes, newest first. Raises ``NotAllowed``."""
    permissions.demand(by, "change_office_rules")
    return list(session.scalars(select(OfficeRuleChange).order_by(OfficeRuleChange.id.desc()).limit(MAX_CHANGES)))


def change(
    session: Session,
    rules: OfficeRules,
    values: Mapping[str, int],
    *,
    by: Actor,
    reason: str,
    now: datetime,
    seen: Mapping[str, int] | None = None,
) -> list[OfficeRuleChange]:
    """Put ``values`` (rule key → number in the rule's unit) in force, in the caller's transaction.

    ``seen``: the numbers that the admin had before them; a value equal to its own was not touched and is left alone.
    Returns a change for each number that differs from the one in force.

    Raises
        NotAllowed: ``by`` may not change rules.
        Refusal: a number is out of its range, no number differs, or there is no reason. Nothing is changed.
        ChangedMeanwhile: a touched number is another one than was seen; ``errors`` has its key.
    """
    permissions.demand(by, "change_office_rules")
    reason = " ".join(clean(reason).split())
    errors = {key: [_out_of_range(rules[key])] for key, value in values.items() if not _fits(rules[key], value)}
    if not reason or len(reason) > REASON_LENGTH:
        errors["reason"] = [_("دلیل تغییر را بنویسید (حداکثر ۵۰۰ کاراکتر).")]
    if errors:
        raise Refusal(errors)
    seen = seen or {}
    touched = {key: value for key, value in sorted(values.items()) if seen.get(key) != value}
    rows = {key: _locked(session, rules[key]) for key in touched}  # one order of locks for everybody
    stale = {key: row.value for key, row in rows.items() if row.value not in (touched[key], seen.get(key, row.value))}
    if stale:
        raise ChangedMeanwhile({key: [_changed_meanwhile(value)] for key, value in stale.items()})
    changed = []
    for key, value in touched.items():
        row = rows[key]
        if row.value == value:
            continue
        change_row = OfficeRuleChange(
            key=key, before=row.value, after=value, reason=reason, at=now, by_id=by.person_id, by_name=by.name
        )
        row.value, row.changed_at, row.changed_by_id = value, now, by.person_id
        session.add(change_row)
        trail.record(
            session,
            events.OFFICE_RULE_CHANGED,
            by,
            subject=("office_rule", key),
            before={"value": change_row.before},
            after={"value": value},
        )
        changed.append(change_row)
    if not changed:
        raise Refusal({"": [_("این تغییر چیزی را عوض نمی‌کند؛ قواعد همین است.")]})
    session.flush()
    return changed


def _fits(rule: OfficeRule, value: int) -> bool:
    return not isinstance(value, bool) and rule.least <= value <= rule.most


def _out_of_range(rule: OfficeRule) -> str:
    return _("عددی از %(least)s تا %(most)s وارد کنید.", least=rule.least, most=rule.most)


def _changed_meanwhile(value: int) -> str:
    number = persian_digits(value) if current() == "fa" else value
    return _(
        "در این میان تغییر کرده و اکنون %(now)s است. اگر عدد شما درست است، دوباره ثبت کنید.",
        now=number,
    )


def _locked(session: Session, rule: OfficeRule) -> OfficeRuleValue:
    """The rule's row, locked; inserted with its default when there is none."""
    row = (
        select(OfficeRuleValue)
        .where(OfficeRuleValue.key == rule.key)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    existing = session.scalars(row).one_or_none()
    if existing is not None:
        return existing
    upsert.add_once(session, OfficeRuleValue, key=rule.key, value=rule.default, unit=rule.unit)
    return session.scalars(row).one()
