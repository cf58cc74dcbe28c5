"""The tasks that lowering inserts for compensation: they record completed activities and choose the next handler."""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.spiff.parser.task_spec import SpiffTaskParser
from SpiffWorkflow.spiff.specs.defaults import NoneTask

from engine.bpmn.lowering.compensation import KIND, NEXT, OF

_NOTED = "Kartabl.completed"  # in the (sub)process's own data: [activity, the subprocesses it was completed in …]
_REMAINING = "kartabl_compensation"  # in the token's data: what is still to be undone


class CompensationTask(NoneTask):  # type: ignore[misc]
    """One step of compensation; ``step`` is done, through, compensate, undo or undone."""

    def __init__(
        self, wf_spec: Any, name: str, step: str = "", of: str = "", activity: str = "", **kwargs: Any
    ) -> None:
        super().__init__(wf_spec, name, **kwargs)
        self.manual = False
        self.step, self.of, self.activity = step, of, activity

    def _run_hook(self, my_task: Any) -> bool:
        steps = {
            "done": self._note,
            "through": self._hand_on,
            "compensate": self._begin,
            "undo": self._go_on,
            "undone": self._end,
        }
        steps[self.step](my_task)
        return True

    def _note(self, my_task: Any) -> None:
        my_task.workflow.data.setdefault(_NOTED, []).append([self.of])

    def _hand_on(self, my_task: Any) -> None:
        """Record at the subprocess the activities completed inside it that are not undone yet."""
        noted = my_task.workflow.data.setdefault(_NOTED, [])
        noted.extend([*entry, self.of] for entry in _inside(my_task, self.of))

    def _begin(self, my_task: Any) -> None:
        """Take the entries that this event undoes; each completed activity is undone once."""
        noted = my_task.workflow.data.get(_NOTED, [])
        mine = [entry for entry in noted if not self.activity or self.activity in entry]
        my_task.workflow.data[_NOTED] = [entry for entry in noted if entry not in mine]
        my_task.data[_REMAINING] = [self.of, *(entry[0] for entry in mine)]

    def _go_on(self, my_task: Any) -> None:
        *left, following = my_task.data[_REMAINING]
        my_task.data.update({NEXT: following, _REMAINING: left})

    def _end(self, my_task: Any) -> None:
        for name in (NEXT, _REMAINING):
            my_task.data.pop(name, None)


def _inside(my_task: Any, activity: str) -> list[list[str]]:
    """The entries recorded in the subprocess that has just completed."""
    task = my_task.parent
    while task.task_spec.bpmn_id != activity or task.id not in my_task.workflow.top_workflow.subprocesses:
        task = task.parent
    completed: list[list[str]] = my_task.workflow.top_workflow.subprocesses[task.id].data.get(_NOTED, [])
    return completed


class CompensationParser(SpiffTaskParser):  # type: ignore[misc]
    """Reads the attributes that lowering wrote at an inserted task."""

    def create_task(self) -> CompensationTask:
        return CompensationTask(
            self.spec,
            self.bpmn_id,
            step=self.node.get(KIND, ""),
            of=self.node.get(OF, ""),
            activity=self.node.get("activity", ""),
            **self.bpmn_attributes,
        )
