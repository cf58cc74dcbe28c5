"""Corrections of loops and multi-instance tasks. See ``engine.spiff.corrections``."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sized
from copy import deepcopy
from typing import Any

from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import (
    LoopTask,
    MultiInstanceTask,
    ParallelMultiInstanceTask,
    SequentialMultiInstanceTask,
    StandardLoopTask,
)
from SpiffWorkflow.util.task import TaskState

from engine.spiff.corrections.registry import instead_of, original
from engine.spiff.corrections.tokens import apply_changes
from models.language import gettext as _

MAX_INSTANCES = 500  # of one activity side by side

# ---------------------------------------------------------------- 11 instances report back
# multiinstance_task.py:66 and :146 connect instances with their loop only when the first instance is created:
# a case that was stored half-way never learns that an instance completed, and two threads may connect at
# once.


def connect_instances(spec: Any) -> None:
    """Connect every loop of a process spec with its instances, once, before the spec is shared."""
    for task_spec in list(spec.task_specs.values()):
        if isinstance(task_spec, LoopTask):
            completed = spec.task_specs[task_spec.task_spec].completed_event
            if not completed.is_connected(task_spec.merge_child):
                completed.connect(task_spec.merge_child)


# ---------------------------------------------------------------- 12 multi-instance data
# :113 lets an instance's item spill into the task's data, so the second item is refused, and lets an instance
# that changed nothing undo what another one wrote; :127 refuses a list that an earlier round filled; :136
# misspells a name; :103 makes numbers keys of a mapping, which JSON has not; :252 takes the item None for the
# end of the list.


@instead_of(MultiInstanceTask, "merge_child")
def _merge_instance(self: Any, workflow: Any, child: Any) -> None:
    my_task = child.parent
    if self.data_output is not None and self.output_item is not None:
        if isinstance(self.data_output.get(my_task), Mapping) and "key_or_index" in child.internal_data:
            child.internal_data["key_or_index"] = str(child.internal_data["key_or_index"])
        original(MultiInstanceTask, "merge_child")(self, workflow, child)
        return
    item = self.input_item.bpmn_id if self.input_item is not None else None
    changed = {name: value for name, value in child.data.items() if name != item}
    # Instances side by side began with the same data; one after the other, each began with what is there now.
    apply_changes(my_task.data, my_task.internal_data.get("began_with", my_task.data), changed)
    my_task.internal_data["merged"].append(str(child.id))


@instead_of(MultiInstanceTask, "init_data_output_with_input_data")
def _output_beside_input(self: Any, my_task: Any, input_data: Any) -> None:
    if self.data_output.exists(my_task):
        output = self.data_output.get(my_task)
        if output is not input_data and not isinstance(output, Mapping):
            self.data_output.set(my_task, [])  # an earlier round's; this round makes its own
    original(MultiInstanceTask, "init_data_output_with_input_data")(self, my_task, input_data)


@instead_of(MultiInstanceTask, "init_data_output_with_cardinality")
def _output_beside_cardinality(self: Any, my_task: Any) -> None:
    if not self.data_output.exists(my_task) or not isinstance(self.data_output.get(my_task), MutableMapping):
        self.data_output.set(my_task, [])


@instead_of(ParallelMultiInstanceTask, "create_children")
def _create_instances(self: Any, my_task: Any) -> None:
    _refuse_too_many(self, my_task)
    if self.data_output is None or self.output_item is None:
        my_task.internal_data["began_with"] = deepcopy(my_task.data)
    original(ParallelMultiInstanceTask, "create_children")(self, my_task)


def _refuse_too_many(spec: Any, my_task: Any) -> None:
    """:325 makes as many instances as a number in the data says, 200,000 in six seconds."""
    if spec.data_input is not None:
        given = spec.data_input.get(my_task)
        count = len(given) if isinstance(given, Sized) else 0
    else:
        count = my_task.workflow.script_engine.evaluate(my_task, spec.cardinality)
    if isinstance(count, int) and count > MAX_INSTANCES:
        message = _("%(count)s نمونهٔ موازی خواسته شده و بیش از %(most)s نمی‌شود.", count=count, most=MAX_INSTANCES)
        spec.raise_data_exception(message, my_task)


@instead_of(SequentialMultiInstanceTask, "add_next_child")
def _add_next_instance(self: Any, my_task: Any) -> None:
    if self.children_complete(my_task):
        return
    take = self.get_next_input_item if self.data_input is not None else self.get_next_index
    key_or_index, item = take(my_task)
    self.create_child(my_task, item, key_or_index)


# ---------------------------------------------------------------- 16 standard loops
# :77 merges a round's data into the loop's item by item (deep_merge.py:53), so a changed list comes out as neither
# the old nor the new one, and a name that was taken out comes back; :78 keeps the id of every round in the
# case. Here the last round's data are the loop's,
# and the rounds are counted.


@instead_of(StandardLoopTask, "merge_child")
def _end_round(self: Any, workflow: Any, child: Any) -> None:
    my_task = child.parent
    my_task.data = deepcopy(child.data)
    my_task.internal_data["rounds"] = my_task.internal_data.get("rounds", 0) + 1
    if self.loop_complete(my_task):
        my_task._set_state(TaskState.READY)
    else:
        self.create_child(my_task)


@instead_of(StandardLoopTask, "loop_complete")
def _rounds_are_over(self: Any, my_task: Any) -> bool:
    if self.maximum is not None and my_task.internal_data.get("rounds", 0) >= self.maximum:
        return True
    return self.condition is not None and not my_task.workflow.script_engine.evaluate(my_task, self.condition)
