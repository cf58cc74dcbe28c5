"""Draws the small files of the awkward collection."""

from __future__ import annotations

from itertools import pairwise

MODEL = "http://www.omg.org/spec/BPMN/20100524/MODEL"
HEAD = (
    f'<definitions xmlns="{MODEL}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core" '
    'xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI" xmlns:dc="http://www.omg.org/spec/DD/20100524/DC" '
    'id="Definitions_1" targetNamespace="http://bpmn.io/schema/bpmn">'
)


def document(body: str, *, before: str = "", after: str = "", key: str = "awkward") -> str:
    """A file with one process; ``before`` stands before it (messages, errors), ``after`` behind it (pictures)."""
    return f'{HEAD}{before}<process id="{key}" isExecutable="true">{body}</process>{after}</definitions>'


def node(tag: str, key: str, inner: str = "", **attributes: str) -> str:
    more = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<{tag} id="{key}"{more}>{inner}</{tag}>'


def person(*keys: str, name: str = "بررسی پرونده") -> str:
    return "".join(node("userTask", key, name=name) for key in keys)


def start(inner: str = "", key: str = "begin") -> str:
    return node("startEvent", key, inner)


def end(inner: str = "", key: str = "done") -> str:
    return node("endEvent", key, inner)


def flow(source: str, target: str, condition: str = "", key: str = "") -> str:
    inner = f"<conditionExpression>{condition}</conditionExpression>" if condition else ""
    return node("sequenceFlow", key or f"from_{source}_{target}", inner, sourceRef=source, targetRef=target)


def path(*keys: str) -> str:
    return "".join(flow(one, other) for one, other in pairwise(keys))


def simple(middle: str = "", *, first: str = "work", last: str = "work", more: str = "", before: str = "") -> str:
    """Start, one or more elements (``work``, a person's task, if none is given), end."""
    drawn = middle or person("work")
    return document(start() + drawn + end() + path("begin", first) + path(last, "done") + more, before=before)


def timer(value: str, kind: str = "timeDuration") -> str:
    return f"<timerEventDefinition><{kind}>{value}</{kind}></timerEventDefinition>"
