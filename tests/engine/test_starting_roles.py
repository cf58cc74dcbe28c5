"""A lane of several roles: whoever holds one of them starts the process, and the lane's tasks are the starter's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from engine.contributions.operations import Operations
from engine.deployment import checking
from engine.errors import NotFound
from models.case import Participant
from tests.engine.small import Small, chain, end, flow, process, properties, user_task

BOTH = "citizen, finance"


def lanes(*drawn: tuple[str, str]) -> str:
    """Lanes as (roles, the elements in it)."""
    inner = "".join(
        f'<bpmn:lane id="Lane_{number}" name="خط">{properties(role=roles)}'
        + "".join(f"<bpmn:flowNodeRef>{key}</bpmn:flowNodeRef>" for key in elements.split())
        + "</bpmn:lane>"
        for number, (roles, elements) in enumerate(drawn)
    )
    return f"<bpmn:laneSet>{inner}</bpmn:laneSet>"


def plain(key: str) -> str:
    return f'<bpmn:userTask id="{key}" name="{key}"/>'


ASKING = process(
    lanes((BOTH, "begin ask again"), ("supervisor", "answer"))
    + '<bpmn:startEvent id="begin"/>'
    + plain("ask")
    + plain("answer")
    + plain("again")
    + end()
    + chain("begin", "ask", "answer", "again", "done"),
)


@pytest.fixture
def small(server: str) -> Iterator[Small]:
    made = Small(server, ASKING)
    yield made
    made.close()


@pytest.mark.both_databases("saving")
@pytest.mark.parametrize(("who", "role"), [("ali", "citizen"), ("reza", "finance")])
def test_whoever_holds_one_of_the_roles_starts_it_and_its_tasks_are_theirs_in_that_role(
    small: Small, who: str, role: str
) -> None:
    case = small.start(by=who).case
    assert small.open(case.id)["ask"].role == role
    small.complete(case.id, "ask", by=who)
    assert small.open(case.id)["answer"].assignee_id is None
    small.complete(case.id, "answer", by="boss")
    task = small.open(case.id)["again"]
    assert (task.role, task.assignee_id) == (role, small.actor(who).person_id)
    taking_part = small.look(lambda session: set(session.scalars(select(Participant.role))))
    assert taking_part == {role, "supervisor"}


def test_whoever_holds_none_of_them_does_not_start_it(small: Small) -> None:
    with small.engine.transaction() as session:
        assert not small.engine.may_start(session, "small", small.actor("boss"))
        assert small.engine.may_start(session, "small", small.actor("reza"))
    with pytest.raises(NotFound):
        small.start(by="boss")


def findings(*parts: str) -> list[tuple[str, str]]:
    """(element, message) of what is wrong."""
    seam = checking.Seam(
        operations=Operations(),
        roles=frozenset({"citizen", "finance", "supervisor"}),
        form_fields=lambda _process, _task: frozenset({"answer"}),
        functions=frozenset(),
    )
    bundle = checking.check({"small.bpmn": process("".join(parts))}, seam)
    return [(found.element, found.text) for found in bundle.findings]


def with_lanes(*drawn: tuple[str, str]) -> list[tuple[str, str]]:
    return findings(
        lanes(*drawn),
        '<bpmn:startEvent id="begin"/>',
        plain("ask"),
        plain("answer"),
        end(),
        chain("begin", "ask", "answer", "done"),
    )


def test_each_of_several_roles_must_be_known() -> None:
    found = with_lanes(("citizen, stranger", "begin ask"), ("supervisor", "answer"))
    assert [element for element, _message in found] == ["begin", "ask"]  # who starts it, and whose task it is
    assert all("«stranger»" in message for _element, message in found)


def test_several_roles_stand_only_where_the_process_starts() -> None:
    ((element, message),) = with_lanes(("supervisor", "begin ask"), (BOTH, "answer"))
    assert element == "answer"
    assert "شروع می‌شود" in message


def test_a_role_that_starts_the_process_has_no_lane_of_its_own_beside_it() -> None:
    ((element, message),) = with_lanes((BOTH, "begin ask"), ("finance", "answer"))
    assert element == "answer"
    assert "«finance»" in message


def test_an_action_of_several_roles_is_the_starters(server: str) -> None:
    cancel = (
        f'<bpmn:boundaryEvent id="cancel" attachedToRef="ask">{properties(role=BOTH)}'
        '<bpmn:messageEventDefinition messageRef="m"/></bpmn:boundaryEvent>'
    )
    drawn = process(
        lanes((BOTH, "begin ask"))
        + '<bpmn:startEvent id="begin"/>'
        + plain("ask")
        + cancel
        + end()
        + end("gone")
        + chain("begin", "ask", "done")
        + flow("cancel", "gone"),
        messages="m",
    )
    small = Small(server, drawn)
    case = small.start(by="reza").case
    action = small.open(case.id)["cancel"]
    assert (action.role, action.assignee_id) == ("finance", small.actor("reza").person_id)
    small.complete(case.id, "cancel", by="reza")
    assert small.open(case.id) == {}
    small.close()


def test_a_single_role_is_read_as_before() -> None:
    assert findings('<bpmn:startEvent id="begin"/>', user_task("ask"), end(), chain("begin", "ask", "done")) == []
