"""Every place of a diagram that reaches an evaluator in SpiffWorkflow, as a process with something hostile in it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path

import SpiffWorkflow

from tests.engine.small import chain, end, flow, process, service, start, user_task

LIBRARY = Path(SpiffWorkflow.__file__).parent
CALLS = frozenset({"evaluate", "execute", "eval", "exec", "_evaluate", "_execute", "__import__", "compile"})
Draw = Callable[[str], str]


def inventory() -> Iterator[str]:
    """Each call in the installed library that may evaluate text: ``file: function: call``, with how often."""
    found: Counter[str] = Counter()
    for path in sorted(LIBRARY.rglob("*.py")):
        name = path.relative_to(LIBRARY).as_posix()
        for where, call in _calls(ast.parse(path.read_text()), ""):
            found[f"{name}: {where or '-'}: {call}"] += 1
    for sink, times in sorted(found.items()):
        yield f"{sink} × {times}"


def _calls(node: ast.AST, where: str) -> Iterator[tuple[str, str]]:
    for child in ast.iter_child_nodes(node):
        inside = where
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            inside = f"{where}.{child.name}".strip(".")
        if isinstance(child, ast.Call):
            called = child.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in CALLS or ast.unparse(called) == "pickle.loads":
                yield where, ast.unparse(called)
        yield from _calls(child, inside)


# ---------------------------------------------------------------- the diagrams


def _line(element: str, *between: str, more: str = "") -> str:
    """begin → ask → the hostile element → done."""
    return start() + user_task("ask") + element + end() + chain("begin", "ask", *between, "done") + more


def _timer(kind: str) -> Draw:
    def draw(payload: str) -> str:
        timer = f"<bpmn:timerEventDefinition><bpmn:{kind}>{payload}</bpmn:{kind}></bpmn:timerEventDefinition>"
        return _line(f'<bpmn:intermediateCatchEvent id="x">{timer}</bpmn:intermediateCatchEvent>', "x")

    return draw


def _repeated(inner: str) -> Draw:
    return lambda payload: _line(f'<bpmn:manualTask id="x">{inner % payload}</bpmn:manualTask>', "x")


def _multiple(inner: str) -> Draw:
    return _repeated(
        f'<bpmn:multiInstanceLoopCharacteristics isSequential="true">{inner}</bpmn:multiInstanceLoopCharacteristics>'
    )


def _extended(inner: str) -> Draw:
    return lambda payload: _line(
        f'<bpmn:manualTask id="x"><bpmn:extensionElements>{inner % payload}</bpmn:extensionElements></bpmn:manualTask>',
        "x",
    )


def _script(payload: str) -> str:
    return _line(f'<bpmn:scriptTask id="x"><bpmn:script>{payload}</bpmn:script></bpmn:scriptTask>', "x")


def _condition(payload: str) -> str:
    gateway = '<bpmn:exclusiveGateway id="x" default="x_done"/>' + end("other")
    return _line(gateway, "x", more=flow("x", "other", payload))


def _conditional_event(payload: str) -> str:
    inner = f"<bpmn:conditionalEventDefinition><bpmn:condition>{payload}</bpmn:condition>"
    event = f'<bpmn:intermediateCatchEvent id="x">{inner}</bpmn:conditionalEventDefinition>'
    return _line(f"{event}</bpmn:intermediateCatchEvent>", "x")


def _ad_hoc(payload: str) -> str:
    inner = f"<bpmn:completionCondition>{payload}</bpmn:completionCondition>"
    return _line(f'<bpmn:adHocSubProcess id="x">{user_task("inner")}{inner}</bpmn:adHocSubProcess>', "x")


def _thrown(kind: str, inner: str) -> Draw:
    def draw(payload: str) -> str:
        extension = f"<bpmn:extensionElements>{inner % payload}</bpmn:extensionElements>"
        event = f'<bpmn:{kind}EventDefinition {kind}Ref="m"/>'
        return _line(f'<bpmn:intermediateThrowEvent id="x">{extension}{event}</bpmn:intermediateThrowEvent>', "x")

    return draw


def _property(name: str) -> Draw:
    def draw(payload: str) -> str:
        return start() + user_task("x", **{name: payload}) + end() + chain("begin", "x", "done")

    return draw


def _correlated(payload: str) -> str:
    inner = f'<spiffworkflow:properties><spiffworkflow:property name="correlation_key" value="{payload}"/>'
    event = '<bpmn:messageEventDefinition messageRef="m"/>'
    extension = f"<bpmn:extensionElements>{inner}</spiffworkflow:properties></bpmn:extensionElements>"
    return _line(f'<bpmn:intermediateCatchEvent id="x">{extension}{event}</bpmn:intermediateCatchEvent>', "x")


def _path(payload: str) -> str:
    return _line(
        '<bpmn:intermediateCatchEvent id="x"><bpmn:messageEventDefinition messageRef="m"/>'
        "</bpmn:intermediateCatchEvent>",
        "x",
    )


LOOP = '<bpmn:standardLoopCharacteristics loopMaximum="2"><bpmn:loopCondition>%s</bpmn:loopCondition>'
SINKS: dict[str, Draw] = {
    "script": _script,
    "condition": _condition,
    "duration": _timer("timeDuration"),
    "date": _timer("timeDate"),
    "cycle": _timer("timeCycle"),
    "conditional event": _conditional_event,
    "loop condition": _repeated(f"{LOOP}</bpmn:standardLoopCharacteristics>"),
    "cardinality": _multiple("<bpmn:loopCardinality>%s</bpmn:loopCardinality>"),
    "completion": _multiple(
        "<bpmn:loopCardinality>2</bpmn:loopCardinality><bpmn:completionCondition>%s</bpmn:completionCondition>"
    ),
    "ad hoc completion": _ad_hoc,
    "correlation path": _path,
    "script before": _extended("<spiffworkflow:preScript>%s</spiffworkflow:preScript>"),
    "script after": _extended("<spiffworkflow:postScript>%s</spiffworkflow:postScript>"),
    "parameter": lambda payload: _line(service("x", "prove.tell", mobile=payload, text=payload), "x"),
    "message payload": _thrown("message", "<spiffworkflow:messagePayload>%s</spiffworkflow:messagePayload>"),
    "signal payload": _thrown("signal", "<spiffworkflow:payloadExpression>%s</spiffworkflow:payloadExpression>"),
    "camunda payload": _thrown(
        "message", '<camunda:expression xmlns:camunda="http://camunda.org/schema/1.0/bpmn">%s</camunda:expression>'
    ),
    "due": _property("due"),
    "priority": _property("priority"),
    "scope": _property("scope"),
    "correlation key": _correlated,
}


def drawn(sink: str, payload: str, *, key: str) -> bytes:
    """The diagram ``key`` with this payload at this place."""
    xml = process(SINKS[sink](escape(payload)), key=key, messages="m").decode()
    declared = '<bpmn:signal id="m" name="m"/>' if sink == "signal payload" else _correlation(sink, payload)
    if sink == "signal payload":
        xml = xml.replace('<bpmn:message id="m" name="m"/>', "")
    return xml.replace(f'<bpmn:process id="{key}"', f'{declared}<bpmn:process id="{key}"', 1).encode()


def _correlation(sink: str, payload: str) -> str:
    if sink != "correlation path":
        return ""
    path = f"<bpmn:messagePath>{escape(payload)}</bpmn:messagePath>"
    expression = f'<bpmn:correlationPropertyRetrievalExpression messageRef="m">{path}'
    return (
        f'<bpmn:correlationProperty id="cp" name="cp">{expression}</bpmn:correlationPropertyRetrievalExpression>'
        "</bpmn:correlationProperty>"
    )


def decision(payload: str, *, key: str) -> bytes:
    """A decision table with the payload as input expression, as input cell and as output cell."""
    text = f"<text>{escape(payload)}</text>"
    rule = f'<rule id="r"><inputEntry id="i1">{text}</inputEntry><outputEntry id="o1">{text}</outputEntry></rule>'
    columns = f'<input id="in"><inputExpression id="e">{text}</inputExpression></input><output id="out" name="out"/>'
    return (
        '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d" namespace="x">'
        f'<decision id="{key}" name="{key}"><decisionTable id="t">{columns}{rule}</decisionTable></decision>'
        "</definitions>"
    ).encode()
