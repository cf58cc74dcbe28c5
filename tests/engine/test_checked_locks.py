"""What is wrong with a lock on a task is found before the diagram is deployed."""

from __future__ import annotations

import pytest

from engine.contributions.operations import Operations
from engine.deployment import checking
from tests.engine.small import chain, end, process, properties, start, user_task


def findings(*parts: str) -> list[tuple[str, str, str]]:
    """(element, severity, message)"""
    seam = checking.Seam(
        operations=Operations(),
        roles=frozenset({"citizen"}),
        form_fields=lambda _process, _task: frozenset({"answer"}),
        functions=frozenset(),
    )
    bundle = checking.check({"small.bpmn": process("".join(parts))}, seam)
    return [(found.element, found.severity, found.text) for found in bundle.findings]


def with_task(**more: str) -> list[tuple[str, str, str]]:
    return findings(
        start(), user_task("pay", **more), user_task("visit"), end(), chain("begin", "pay", "visit", "done")
    )


def within(target: str) -> list[tuple[str, str, str]]:
    inner = start("in") + user_task("pay") + end("out") + chain("in", "pay", "out")
    drawn = f'<bpmn:subProcess id="debt">{properties(locks=target)}{inner}</bpmn:subProcess>'
    return findings(start(), drawn, user_task("visit"), end(), chain("begin", "debt", "visit", "done"))


def test_a_lock_with_a_reason_is_deployed() -> None:
    assert with_task(locks="visit", lock_reason="answer") == []
    assert within("visit") == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"locks": "nothing"}, "«nothing»"),
        ({"locks": "done"}, "«done»"),
        ({"locks": "visit nothing"}, "«nothing»"),
        ({"locks": "pay"}, "هرگز باز نمی‌شود"),
        ({"lock_reason": "'x'"}, "کاری قفل نمی‌شود"),
        ({"locks": "visit", "lock_reason": "answer +"}, "answer +"),
        ({"locks": "visit", "lock_reason": "unknown('x')"}, "unknown"),
    ],
)
def test_what_could_not_work_is_named_at_its_element(more: dict[str, str], words: str) -> None:
    (found,) = with_task(**more)
    assert found[:2] == ("pay", "error")
    assert words in found[2]


def test_a_reason_that_nobody_gives_is_a_warning() -> None:
    (found,) = with_task(locks="visit", lock_reason="nobody_says")
    assert found[:2] == ("pay", "warning")


def test_a_subprocess_does_not_shut_what_is_inside_it() -> None:
    (found,) = within("pay")
    assert "هرگز باز نمی‌شود" in found[2]


def test_a_gateway_shuts_nothing() -> None:
    gateway = f'<bpmn:exclusiveGateway id="way">{properties(locks="visit")}</bpmn:exclusiveGateway>'
    (found,) = findings(start(), gateway, user_task("visit"), end(), chain("begin", "way", "visit", "done"))
    assert found[0] == "way"
