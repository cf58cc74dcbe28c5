"""The engine against the token game of ``tests.engine.oracle``, and that the game finds an engine that is wrong.

ORACLE_SEEDS says how many processes; ``make oracle`` plays 100,000.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine.spiff import pruning, state
from engine.spiff.compensation import CompensationTask
from engine.spiff.corrections import boundaries, tokens
from engine.spiff.corrections.registry import CORRECTIONS
from tests.engine import oracle

MAX_SEEDS_TO_A_DIFFERENCE = 600


def test_the_engine_and_the_token_game_agree_on_random_processes() -> None:
    seeds = int(os.environ.get("ORACLE_SEEDS", "1000"))
    played = steps = 0
    differences: list[str] = []
    for batch, more, found in oracle.play_all(0, seeds, processes=min(2, os.cpu_count() or 1)):
        played, steps, differences = played + batch, steps + more, differences + found
    assert differences == []
    assert played == seeds
    assert steps > 4 * seeds


# ---------------------------------------------------------------- it finds what is wrong (gate G16)


def without(owner: str, name: str) -> Any:
    """One correction switched off: the library's own method."""

    def spoil(monkeypatch: pytest.MonkeyPatch) -> None:
        for (where, method), correction in CORRECTIONS.items():
            if where.__name__ == owner and method == name:
                monkeypatch.setattr(where, method, correction.shipped)

    return spoil


def last_one_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A join lays the whole data of its branches over each other."""
    monkeypatch.setattr(
        tokens, "_merged", lambda used: {name: value for token in used for name, value in token.data.items()}
    )


def history_thrown_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is finished is dropped, with the forks that joins still need."""

    def prune(workflow: Any) -> None:
        for one in (workflow, *workflow.subprocesses.values()):
            unfinished = {task.id for task in one.tasks.values() if task._state & pruning.UNFINISHED}
            one.tasks = pruning._only(one, {one.task_tree.id, *unfinished})

    monkeypatch.setattr(pruning, "prune", prune)


def memory_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a task remembers besides its data is not stored."""
    dump_task = state._dump_task
    monkeypatch.setattr(
        state, "_dump_task", lambda *task: {k: v for k, v in dump_task(*task).items() if k != "internal"}
    )


def data_of_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """A boundary event goes on with what its activity began with."""
    monkeypatch.setattr(boundaries, "data_now", lambda split: dict(split.data))


def undone_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was completed first is undone first."""
    begin = CompensationTask._begin

    def spoilt(self: Any, my_task: Any) -> None:
        begin(self, my_task)
        first, *others = my_task.data["kartabl_compensation"]
        my_task.data["kartabl_compensation"] = [first, *reversed(others)]

    monkeypatch.setattr(CompensationTask, "_begin", spoilt)


def nothing_cancelled_below(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancelled task leaves what it started."""

    def cancel(self: Any) -> None:
        if self._state & pruning.UNFINISHED:
            self._set_state(TaskState.CANCELLED)

    monkeypatch.setattr(Task, "cancel", cancel)


SPOILT = {
    "joins look for traces": without("UnstructuredJoin", "_update_hook"),
    "a parallel join takes what it finds": without("ParallelGateway", "_check_threshold_unstructured"),
    "an inclusive join looks at the tree": without("InclusiveGateway", "_check_threshold_unstructured"),
    "one due time for all timers of a gateway": without("MultipleEventDefinition", "has_fired"),
    "errors go anywhere": without("ErrorEventDefinition", "throw"),
    "the last one wins": last_one_wins,
    "history thrown away": history_thrown_away,
    "memory lost": memory_lost,
    "data of the beginning": data_of_the_beginning,
    "undone in any order": undone_in_any_order,
    "nothing cancelled below": nothing_cancelled_below,
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_the_game_finds_an_engine_that_is_wrong(spoil: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(monkeypatch)
    with pytest.raises(oracle.Difference):
        for seed in range(MAX_SEEDS_TO_A_DIFFERENCE):
            oracle.play(seed)
