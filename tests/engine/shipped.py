"""The library without our corrections, to show what each of them is for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.spiff.parser.process import SpiffBpmnParser
from SpiffWorkflow.util.task import TaskState

from engine.spiff import corrections
from engine.spiff.corrections.registry import CORRECTIONS


@contextmanager
def as_shipped() -> Iterator[None]:
    """The library without any correction."""
    for correction in CORRECTIONS.values():
        if correction.shipped is None:
            delattr(correction.owner, correction.name)
        else:
            setattr(correction.owner, correction.name, correction.shipped)
    try:
        yield
    finally:
        corrections.install()


class Shipped:
    """A case as the library's own documentation says to run it."""

    def __init__(self, diagram: bytes, **data: Any) -> None:
        parser = SpiffBpmnParser()
        parser.add_bpmn_str(diagram)
        self.workflow = BpmnWorkflow(parser.get_spec("p"), parser.get_subprocess_specs("p"))
        self.workflow.task_tree.data.update(data)
        self.workflow.do_engine_steps()

    def open(self, name: str | None = None) -> list[Any]:
        found = self.workflow.get_tasks(state=TaskState.READY, manual=True)
        return [task for task in found if name in (None, task.task_spec.bpmn_id)]

    @property
    def tasks(self) -> list[str]:
        return sorted(task.task_spec.bpmn_id for task in self.open())

    def does(self, name: str, **data: Any) -> Shipped:
        task = self.open(name)[0]
        task.data.update(data)
        task.run()
        self.workflow.do_engine_steps()
        return self
