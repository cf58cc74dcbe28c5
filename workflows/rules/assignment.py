"""Rules of the assignment of inspectors: work is spread fairly, in meters (ASG-1, ASG-2, ASG-4, ASG-5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from models.language import lazy

NEVER = datetime.min.replace(tzinfo=UTC)
FREE_WITHDRAWALS = 2  # in a Jalali month; each further one costs (ASG-5)

REASONS = {
    "only_candidate": lazy("بازرس واجد شرایط دیگری با ظرفیت خالی نبود."),
    "lowest_load": lazy("نسبت کار ارجاع‌شده به سهمیه‌اش از همه کمتر بود."),
    "longest_wait": lazy("بار کاری برابر بود و از آخرین ارجاع او زمان بیشتری گذشته بود."),
    "lowest_id": lazy("بار کاری و زمان آخرین ارجاع برابر بود."),
    "no_candidate": lazy("هیچ بازرس آماده‌به‌کاری برای ارجاع این پروژه پیدا نشد."),
    "no_free_capacity": lazy("بازرس‌های واجد شرایط در این دوره ظرفیت خالی به این اندازه ندارند."),
}


def costs_quota(withdrawals: int) -> bool:
    """Whether the withdrawal that brought a month's count to ``withdrawals`` costs a twelfth of the quota (ASG-5)."""
    return withdrawals > FREE_WITHDRAWALS


def quota_left(quota: int, lost_twelfths: int) -> int:
    """Rest of a period's quota in whole meters after ``lost_twelfths`` of it are lost (ASG-5).

    Twelfths refer to the full quota, so their order does not matter and the twelfth leaves 0. Fractions of a meter
    count as lost, so that a lost twelfth is felt in small quotas too.
    """
    return quota * (12 - min(lost_twelfths, 12)) // 12


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An inspector who may get the project, capacity aside (ASG-1): active, ready for its region, not of the
    contractor's own firm, not withdrawn or dismissed from it before.

    ``quota`` and ``assigned`` are meters of the period, the quota without what withdrawals cost (ASG-5).
    """

    person_id: int
    quota: int
    assigned: int
    last_assigned_at: datetime | None
    name: str = ""

    def has_room_for(self, weight: int) -> bool:
        return self.assigned + weight <= self.quota

    @property
    def load(self) -> Fraction:
        """Assigned meters ÷ quota, exactly. For candidates with room only, whose quota is above 0."""
        return Fraction(self.assigned, self.quota)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The chosen person, if any, and the reason. ``loads``: all candidates at that time, for ``Assignment.loads``;
    ``reason``: a key of ``REASONS``."""

    person_id: int | None
    loads: list[dict[str, Any]]
    reason: str


def choose_inspector(candidates: Sequence[Candidate], *, weight: int) -> Choice:
    """Choose for a project of ``weight`` meters.

    The lowest load before adding wins; then who has waited longest since the last assignment (never assigned:
    longest of all); then the lower id, so that the same facts always give the same choice. The caller holds
    the rows of quotas locked from reading ``candidates`` until the assignment is written.
    """
    if weight < 1:
        raise ValueError(f"A project weighs at least one meter, not {weight}")
    loads = [_as_it_stood(candidate, weight) for candidate in candidates]
    free = sorted((c for c in candidates if c.has_room_for(weight)), key=_turn)
    if not free:
        reason = "no_free_capacity" if candidates else "no_candidate"
        return Choice(person_id=None, loads=loads, reason=reason)
    return Choice(person_id=free[0].person_id, loads=loads, reason=_reason(free))


def _turn(candidate: Candidate) -> tuple[Fraction, datetime, int]:
    return candidate.load, candidate.last_assigned_at or NEVER, candidate.person_id


def _reason(free: Sequence[Candidate]) -> str:
    if len(free) == 1:
        return "only_candidate"
    first, second = free[:2]
    if first.load != second.load:
        return "lowest_load"
    return "longest_wait" if first.last_assigned_at != second.last_assigned_at else "lowest_id"


def _as_it_stood(candidate: Candidate, weight: int) -> dict[str, Any]:
    last = candidate.last_assigned_at
    return {
        "person_id": candidate.person_id,
        "name": candidate.name,
        "quota": candidate.quota,
        "assigned": candidate.assigned,
        "last_assigned_at": last.astimezone(UTC).isoformat() if last else None,
        "has_room": candidate.has_room_for(weight),
    }
