"""Pages of tasks: whose they are, their order, their search, and that paging loses and repeats nothing."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.actor import Actor
from engine.errors import InvalidSubmission
from engine.queries import worklist
from models.case import CaseStatus, Task, TaskKind, TaskStatus
from tests.engine.office import NOW, Office


def all_pages(office: Office, actor: Actor, *, limit: int = 2, **wanted: object) -> list[Task]:
    found: list[Task] = []
    cursor: str | None = None
    while True:
        page = worklist.tasks_page(office.session, actor, cursor=cursor, limit=limit, **wanted)  # type: ignore[arg-type]
        found += page.items
        cursor = page.next
        if cursor is None:
            return found


def test_a_worklist_holds_ones_own_tasks_and_those_of_ones_groups(office: Office) -> None:
    clerk, colleague = office.actor("clerk"), office.actor("clerk")
    case = office.case()
    own, free = office.task(case, to=clerk), office.task(case)
    office.task(case, to=colleague, claimed=True)
    office.task(case, "inspector")
    office.task(case, status=TaskStatus.COMPLETED)
    office.task(case, kind=TaskKind.ACTION)
    office.task(office.case(status=CaseStatus.SUSPENDED))
    page = worklist.tasks_page(office.session, clerk)
    assert {task.id for task in page.items} == {own.id, free.id}
    assert worklist.tasks_page(office.session, clerk, group=False).items == [own]
    assert worklist.tasks_page(office.session, clerk, mine=False).items == [free]


def test_a_unit_sees_the_tasks_of_its_own_unit_only(office: Office) -> None:
    case = office.case()
    office.task(case, "department_staff", scope="finance")
    assert worklist.tasks_page(office.session, office.actor("department_staff", scope="finance")).items
    assert not worklist.tasks_page(office.session, office.actor("department_staff", scope="law")).items


@pytest.mark.rule("TKT-3")
def test_a_worklist_is_ordered_by_priority_then_by_deadline(office: Office) -> None:
    case = office.case()
    late = office.task(case, priority=50, due=office.after(days=1))
    never = office.task(case, priority=50)
    urgent = office.task(case, priority=10, due=office.after(days=9))
    soon = office.task(case, priority=50, due=office.after(hours=1))
    found = all_pages(office, office.actor("clerk"))
    assert [task.id for task in found] == [urgent.id, soon.id, late.id, never.id]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=12),
    sort=st.sampled_from(sorted(worklist.SORTS)),
    limit=st.integers(1, 5),
)
def test_pages_lose_and_repeat_no_task_in_any_order(
    office: Office, rows: list[tuple[int, int]], sort: str, limit: int
) -> None:
    office.session.rollback()
    case, clerk = office.case(), office.actor("only_here")
    made = [
        office.task(
            case,
            "only_here",
            priority=priority,
            due=NOW + timedelta(hours=hours) if hours else None,
            since=NOW + timedelta(hours=hours),
        )
        for priority, hours in rows
    ]
    found = all_pages(office, clerk, sort=sort, limit=limit)
    whole = worklist.tasks_page(office.session, clerk, sort=sort, limit=100).items
    assert [task.id for task in found] == [task.id for task in whole]
    assert sorted(task.id for task in found) == sorted(task.id for task in made)


@pytest.mark.rule("ACC-5")
@pytest.mark.parametrize("typed", ["كارگاه", "کارگاه ۱۲۳", "١٢٣", "تصميم كارگاه"])
def test_search_takes_arabic_and_persian_letters_and_digits_for_one_another(office: Office, typed: str) -> None:
    wanted = office.task(office.case(subject="کارگاه 123"))
    office.task(office.case(subject="دیگر"))
    assert worklist.tasks_page(office.session, office.actor("clerk"), q=typed).items == [wanted]


def test_a_case_number_is_found_without_its_dashes_and_by_its_beginning(office: Office) -> None:
    clerk, case = office.actor("clerk"), office.case()
    task = office.task(case)
    office.task(office.case())
    assert worklist.tasks_page(office.session, clerk, q=case.number.replace("-", "")).items == [task]
    assert worklist.tasks_page(office.session, clerk, q=case.number).items == [task]
    assert len(worklist.tasks_page(office.session, clerk, q=case.number[:6]).items) == 2


def test_signs_of_like_are_searched_as_themselves(office: Office) -> None:
    office.task(office.case(subject="تخفیف 205"))
    wanted = office.task(office.case(subject="تخفیف 20%"))
    clerk = office.actor("clerk")
    assert worklist.tasks_page(office.session, clerk, q="20%").items == [wanted]
    assert not worklist.tasks_page(office.session, clerk, q="%").items
    assert not worklist.tasks_page(office.session, clerk, q="20_").items


@pytest.mark.parametrize("wanted", [{"sort": "id desc"}, {"cursor": "x"}, {"cursor": "WyJvdGhlciJd"}, {"cursor": "é"}])
def test_an_order_or_a_cursor_that_is_none_of_ours_is_refused(office: Office, wanted: dict[str, str]) -> None:
    with pytest.raises(InvalidSubmission):
        worklist.tasks_page(office.session, office.actor("clerk"), **wanted)  # type: ignore[arg-type]


def test_counting_ends_where_more_says_enough(office: Office) -> None:
    clerk, case = office.actor("clerk"), office.case()
    for _number in range(worklist.MAX_COUNT + 2):
        office.task(case)
    assert worklist.worklist_counts(office.session, clerk, now=NOW) == worklist.Counts(0, worklist.MAX_COUNT, 0)


def test_counts_tell_ones_own_the_groups_and_the_late_ones(office: Office) -> None:
    clerk, case = office.actor("clerk"), office.case()
    office.task(case, to=clerk, due=office.after(hours=-1))
    office.task(case, to=clerk, due=office.after(hours=1))
    office.task(case)
    assert worklist.worklist_counts(office.session, clerk, now=NOW) == worklist.Counts(mine=2, group=1, overdue=1)


def test_the_tasks_and_actions_of_a_case_are_those_the_person_may_do_now(office: Office) -> None:
    clerk, case = office.actor("clerk"), office.case()
    own, action = office.task(case, to=clerk), office.task(case, kind=TaskKind.ACTION, to=clerk, key="withdraw")
    office.task(case, to=office.actor("clerk"), claimed=True)
    assert worklist.tasks_in_case(office.session, clerk, case) == [own]
    assert worklist.actions_in_case(office.session, clerk, case) == [action]
    case.status = CaseStatus.SUSPENDED
    assert worklist.actions_in_case(office.session, clerk, case) == []


def test_candidates_are_the_active_people_of_the_tasks_role_and_unit(office: Office) -> None:
    task = office.task(office.case(), "department_staff", scope="finance")
    fitting = office.person("department_staff", scope="finance")
    office.person("department_staff")  # of no unit
    office.person("department_staff", scope="law")
    office.person("department_staff", scope="finance").active = False
    office.session.flush()
    assert {person.id for person in worklist.candidates(office.session, task)} == {fitting.id}
