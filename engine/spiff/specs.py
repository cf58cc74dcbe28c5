"""Turns checked diagrams into SpiffWorkflow's process specs, with our own service and decision tasks."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from lxml import etree
from SpiffWorkflow.bpmn.parser.util import full_tag
from SpiffWorkflow.bpmn.specs.defaults import EndEvent, IntermediateThrowEvent
from SpiffWorkflow.exceptions import SpiffWorkflowException
from SpiffWorkflow.spiff.parser.process import SpiffBpmnParser, SpiffProcessParser
from SpiffWorkflow.spiff.parser.task_spec import ServiceTaskParser, SpiffTaskParser
from SpiffWorkflow.spiff.specs.defaults import NoneTask, SendTask, ServiceTask

from engine.bpmn import drawn_only, lowering
from engine.bpmn.diagram import Diagram, flow_nodes
from engine.errors import EngineError
from engine.spiff import corrections
from engine.spiff.compensation import CompensationParser, CompensationTask
from engine.spiff.state import ProcessSpecs
from engine.spiff.throw_events import EndParser, SendParser, ThrowParser
from engine.xml import parse_xml

MAX_CALLS = 20_000  # inside each other while a diagram of 2,000 elements is read
_ONE_AT_A_TIME = Lock()


class DiagramNotBuilt(EngineError):
    """SpiffWorkflow does not accept a diagram; the message is its reason."""

    code = "diagram_not_built"

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(reason)
        self.key = key


class OperationTask(ServiceTask):  # type: ignore[misc]
    """A service task that stays STARTED while an outside operation is on its way.

    The inherited one always completes, and turns an operation's error into a ``NameError``.
    """

    def _execute(self, my_task: Any) -> bool | None:
        engine = my_task.workflow.script_engine
        arguments = {
            name: engine.evaluate(my_task, parameter["value"]) for name, parameter in self.operation_params.items()
        }
        done, result = engine.run_operation(my_task, self.operation_name, arguments)
        if not done:
            return None
        my_task.data[self.result_variable] = result
        return True


class DecisionTask(NoneTask):  # type: ignore[misc]
    """A business rule task: asks a decision table of ours, never the library's own DMN engine."""

    def __init__(self, wf_spec: Any, name: str, decision: str = "", result_variable: str = "", **kwargs: Any) -> None:
        super().__init__(wf_spec, name, **kwargs)
        self.manual = False  # the inherited one waits for a person
        self.decision = decision
        self.result_variable = result_variable

    def _run_hook(self, my_task: Any) -> bool:
        my_task.data[self.result_variable] = my_task.workflow.script_engine.decide(my_task, self.decision)
        return True


class DecisionTaskParser(SpiffTaskParser):  # type: ignore[misc]
    """Reads a business rule task's decision and the variable its result goes to."""

    @staticmethod
    def get_decision_ref(node: etree._Element) -> str:
        """Empty: ``engine.deployment.checking`` looks our tables up, not the library."""
        return ""

    def create_task(self) -> DecisionTask:
        extensions = self.parse_extensions()
        decision = (extensions.get("calledDecisionId") or "").strip()
        result = extensions.get("properties", {}).get("result", decision)
        return DecisionTask(self.spec, self.bpmn_id, decision=decision, result_variable=result, **self.bpmn_attributes)


class _ProcessParser(SpiffProcessParser):  # type: ignore[misc]
    """The inherited one takes whatever has an id for a node: a form field called like a step would hide it."""

    def _index_process_nodes(self) -> None:
        super()._index_process_nodes()
        self.nodes_by_id.update((node.get("id"), node) for node in flow_nodes(self.node))


class _Parser(SpiffBpmnParser):  # type: ignore[misc]
    PROCESS_PARSER_CLASS = _ProcessParser
    OVERRIDE_PARSER_CLASSES = {  # noqa: RUF012 - the library's way to say it
        **SpiffBpmnParser.OVERRIDE_PARSER_CLASSES,
        full_tag("serviceTask"): (ServiceTaskParser, OperationTask),
        full_tag("businessRuleTask"): (DecisionTaskParser, DecisionTask),
        full_tag("endEvent"): (EndParser, EndEvent),
        full_tag("intermediateThrowEvent"): (ThrowParser, IntermediateThrowEvent),
        full_tag("sendTask"): (SendParser, SendTask),
        full_tag("scriptTask"): (CompensationParser, CompensationTask),  # drawn ones are refused
    }


def build(key: str, diagrams: Iterable[Diagram]) -> ProcessSpecs:
    """The specs of process ``key``; ``diagrams`` holds it and every diagram it calls, directly or not.

    Raises ``DiagramNotBuilt`` with the library's reason for a diagram that it cannot read.
    A fresh parser for each call: the library caches lanes by the address of a tree (reliability.md, H3).
    """
    corrections.require_installed()
    try:
        return _build(key, diagrams)
    except (SpiffWorkflowException, etree.LxmlError, KeyError, ValueError, TypeError) as error:
        raise DiagramNotBuilt(key, str(error)) from error


def _build(key: str, diagrams: Iterable[Diagram]) -> ProcessSpecs:
    parser = _Parser()
    for diagram in diagrams:
        root = parse_xml(diagram.xml)
        etree.strip_tags(root, etree.Comment, etree.ProcessingInstruction)
        drawn_only.strip(root)
        lowering.lower(root)
        parser.add_bpmn_xml(root, filename=f"{diagram.key}.bpmn")
    with _deep_calls():
        return ProcessSpecs(parser.get_spec(key), parser.get_subprocess_specs(key))


@contextmanager
def _deep_calls() -> Iterator[None]:
    """The library follows each flow by a call inside a call, and by itself gives up at 489 steps in a row.

    Python's limit is one for all threads, so that only one may raise and lower it at a time.
    """
    with _ONE_AT_A_TIME:
        usual = sys.getrecursionlimit()
        sys.setrecursionlimit(max(usual, MAX_CALLS))
        try:
            yield
        finally:
            sys.setrecursionlimit(usual)
