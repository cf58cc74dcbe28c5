"""Who inspects a project (ASG-1, ASG-2, ASG-4, ASG-5)."""

import itertools
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.rules.assignment import REASONS, Candidate, choose_inspector, costs_quota, quota_left

NOON = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)


def inspector(person_id: int, assigned: int, quota: int = 100, days_ago: int | None = None) -> Candidate:
    last = None if days_ago is None else NOON - timedelta(days=days_ago)
    return Candidate(person_id=person_id, quota=quota, assigned=assigned, last_assigned_at=last)


@pytest.mark.rule("ASG-2")
def test_the_lowest_share_of_the_quota_wins_and_not_the_lowest_number():
    choice = choose_inspector([inspector(1, 10, quota=20), inspector(2, 30, quota=100)], weight=1)

    assert (choice.person_id, choice.reason) == (2, "lowest_load")


@pytest.mark.rule("ASG-2")
def test_shares_that_floats_take_for_equal_are_told_apart():
    quota = 10**17
    almost = inspector(1, quota // 2 + 1, quota=quota)
    less = inspector(2, quota // 2, quota=quota)
    assert almost.assigned / quota == less.assigned / quota

    assert choose_inspector([almost, less], weight=1).person_id == 2


@pytest.mark.rule("ASG-2")
def test_equal_loads_go_to_who_has_waited_longest():
    choice = choose_inspector([inspector(1, 5, days_ago=1), inspector(2, 5, days_ago=9)], weight=1)

    assert (choice.person_id, choice.reason) == (2, "longest_wait")


@pytest.mark.rule("ASG-2")
def test_never_assigned_is_the_longest_wait_of_all():
    assert choose_inspector([inspector(1, 0, days_ago=4000), inspector(2, 0)], weight=1).person_id == 2


@pytest.mark.rule("ASG-2")
def test_the_same_facts_in_any_order_give_the_same_choice():
    candidates = [inspector(3, 5), inspector(1, 5), inspector(2, 5)]

    choices = {choose_inspector(order, weight=1).person_id for order in itertools.permutations(candidates)}

    assert choices == {1}
    assert choose_inspector(candidates, weight=1).reason == "lowest_id"


@pytest.mark.rule("ASG-1", "ASG-2")
def test_a_project_never_overfills_a_capacity():
    nearly_full, fuller_but_larger = inspector(1, 8, quota=10), inspector(2, 90, quota=100)

    assert choose_inspector([nearly_full, fuller_but_larger], weight=2).person_id == 1
    assert choose_inspector([nearly_full, fuller_but_larger], weight=3).person_id == 2


@pytest.mark.rule("ASG-3")
@pytest.mark.parametrize(
    ("candidates", "reason"),
    [
        ([], "no_candidate"),
        ([inspector(1, 100)], "no_free_capacity"),
        ([inspector(1, 0, quota=0)], "no_free_capacity"),
    ],
)
def test_without_a_candidate_the_reason_is_told(candidates, reason):
    choice = choose_inspector(candidates, weight=1)

    assert (choice.person_id, choice.reason) == (None, reason)
    assert [load["person_id"] for load in choice.loads] == [candidate.person_id for candidate in candidates]
    assert str(REASONS[reason])


@pytest.mark.rule("ASG-4")
def test_every_candidate_is_kept_as_it_stood():
    choice = choose_inspector([inspector(1, 100, days_ago=1), inspector(2, 7)], weight=3)

    assert choice.loads == [
        {"person_id": 1, "name": "", "quota": 100, "assigned": 100, "has_room": False}
        | {"last_assigned_at": "2026-11-20T08:30:00+00:00"},
        {"person_id": 2, "name": "", "quota": 100, "assigned": 7, "has_room": True, "last_assigned_at": None},
    ]
    assert choice.reason == "only_candidate"


@pytest.mark.rule("ASG-4")
def test_moments_are_kept_in_utc_wherever_the_machine_stands(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tehran")
    time.tzset()
    try:
        choice = choose_inspector([inspector(1, 0, days_ago=1)], weight=1)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert choice.loads[0]["last_assigned_at"] == "2026-11-20T08:30:00+00:00"


@pytest.mark.parametrize("weight", [0, -1])
def test_a_project_without_meters_is_a_mistake(weight):
    with pytest.raises(ValueError, match=f"at least one meter, not {weight}"):
        choose_inspector([inspector(1, 0)], weight=weight)


candidates = st.builds(
    inspector,
    st.integers(1, 20),
    assigned=st.integers(0, 12),
    quota=st.integers(0, 12),
    days_ago=st.none() | st.integers(0, 3),
)


@pytest.mark.rule("ASG-1", "ASG-2")
@given(st.lists(candidates, max_size=6, unique_by=lambda c: c.person_id), st.integers(1, 6))
def test_nobody_with_room_had_a_better_right(group, weight):
    choice = choose_inspector(group, weight=weight)
    free = {c.person_id: c for c in group if c.quota - c.assigned >= weight}

    assert (choice.person_id is None) == (not free)
    assert choice.reason in REASONS
    if choice.person_id is not None:
        chosen = free[choice.person_id]
        for other in free.values():
            assert chosen.assigned * other.quota <= other.assigned * chosen.quota
            if chosen.assigned * other.quota == other.assigned * chosen.quota and chosen.last_assigned_at:
                assert other.last_assigned_at and chosen.last_assigned_at <= other.last_assigned_at


@pytest.mark.rule("ASG-2")
@given(st.lists(st.integers(500, 900), min_size=2, max_size=5), st.lists(st.integers(1, 8), max_size=50))
def test_after_many_projects_loads_differ_by_one_project_at_most(quotas, weights):
    group = {n: inspector(n, 0, quota=quota) for n, quota in enumerate(quotas)}
    for minute, weight in enumerate(weights):
        chosen = group[choose_inspector(list(group.values()), weight=weight).person_id]
        at = NOON + timedelta(minutes=minute)
        group[chosen.person_id] = replace(chosen, assigned=chosen.assigned + weight, last_assigned_at=at)

    assert sum(c.assigned for c in group.values()) == sum(weights)
    for more, less in itertools.permutations(group.values(), 2):
        assert more.load - less.load <= Fraction(max(weights, default=0), more.quota)


@pytest.mark.rule("ASG-1", "ASG-2")
@given(st.lists(st.integers(0, 20), max_size=4), st.lists(st.integers(1, 8), max_size=30))
def test_however_much_comes_no_quota_is_overfilled(quotas, weights):
    group = {n: inspector(n, 0, quota=quota) for n, quota in enumerate(quotas)}
    for weight in weights:
        person_id = choose_inspector(list(group.values()), weight=weight).person_id
        if person_id is None:
            assert all(c.assigned + weight > c.quota for c in group.values())
        else:
            group[person_id] = replace(group[person_id], assigned=group[person_id].assigned + weight)

    assert all(c.assigned <= c.quota for c in group.values())


@pytest.mark.rule("ASG-5")
def test_only_the_third_and_each_further_withdrawal_of_a_month_costs():
    assert [costs_quota(withdrawals) for withdrawals in (1, 2, 3, 4)] == [False, False, True, True]


@pytest.mark.rule("ASG-5")
@pytest.mark.parametrize(
    ("quota", "lost", "left"),
    [(120, 0, 120), (120, 1, 110), (120, 2, 100), (100, 1, 91), (100, 2, 83), (5, 1, 4), (60, 12, 0), (60, 13, 0)],
)
def test_a_lost_twelfth_is_one_of_the_quota_as_given_and_a_part_of_a_meter_is_lost_too(quota, lost, left):
    assert quota_left(quota, lost) == left


@pytest.mark.rule("ASG-5")
@given(st.integers(0, 10**9), st.integers(0, 30))
def test_what_is_left_is_whole_never_negative_and_less_than_a_meter_below_the_exact_share(quota, lost):
    exact = Fraction(quota * max(0, 12 - lost), 12)

    assert 0 <= exact - quota_left(quota, lost) < 1
    assert quota_left(quota, lost) - quota_left(quota, lost + 1) <= -(-quota // 12)


steps = st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=60)


@pytest.mark.rule("ASG-2", "ASG-5", "INS-3")
@given(st.lists(st.integers(20, 60), min_size=2, max_size=5), steps)
def test_withdrawals_free_the_work_and_never_let_anybody_be_overfilled(quotas, happened):
    group = {n: inspector(n, 0, quota=quota) for n, quota in enumerate(quotas)}
    held: list[tuple[int, int]] = []  # (inspector, weight)
    for weight, withdraws in happened:
        if withdraws and held:
            leaver, freed = held.pop(0)
            group[leaver] = replace(group[leaver], assigned=group[leaver].assigned - freed)
            others = [candidate for candidate in group.values() if candidate.person_id != leaver]
        else:
            freed, others = weight, list(group.values())
        chosen = choose_inspector(others, weight=freed).person_id
        if chosen is None:
            assert not any(candidate.has_room_for(freed) for candidate in others)
            continue
        free = [candidate for candidate in others if candidate.has_room_for(freed)]
        assert group[chosen].load == min(candidate.load for candidate in free)
        group[chosen] = replace(group[chosen], assigned=group[chosen].assigned + freed)
        held.append((chosen, freed))

    for person_id, candidate in group.items():
        assert candidate.assigned == sum(weight for owner, weight in held if owner == person_id) <= candidate.quota
