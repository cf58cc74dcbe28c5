"""Camunda 7, Flowable and Activiti: one family of attributes under three namespaces."""

from __future__ import annotations

from lxml import etree

from engine.bpmn.diagram import bpmn, local
from engine.deployment.importing.dialects import meaning
from engine.deployment.importing.draft import Draft

NAMESPACES = ("http://camunda.org/schema/1.0/bpmn", "http://flowable.org/bpmn", "http://activiti.org/bpmn")
DOES = ("topic", "type", "class", "delegateExpression", "expression")  # the names an operation can have, best first


def read(draft: Draft) -> None:
    """Read the attributes and extensions of the family in a draft."""
    for namespace in NAMESPACES:
        if namespace not in draft.namespaces:
            continue
        for node in list(draft.nodes()):
            _Step(draft, node, namespace).read()
        for process in draft.processes():
            _starters(draft, process, namespace)


def _starters(draft: Draft, process: etree._Element, namespace: str) -> None:
    groups = process.get(f"{{{namespace}}}candidateStarterGroups")
    for start in process.findall(bpmn("startEvent")) if groups else ():
        meaning.assign(draft, start, groups or "")


class _Step:
    """One element, read in one of the namespaces."""

    def __init__(self, draft: Draft, node: etree._Element, namespace: str) -> None:
        self.draft, self.node, self.namespace = draft, node, namespace

    def _get(self, name: str, node: etree._Element | None = None) -> str:
        return (self.node if node is None else node).get(f"{{{self.namespace}}}{name}", "")

    def _extensions(self, path: str) -> list[etree._Element]:
        inner = "/".join(f"{{{self.namespace}}}{name}" for name in path.split("/"))
        return self.node.findall(f"{bpmn('extensionElements')}/{inner}")

    def read(self) -> None:
        draft, node = self.draft, self.node
        candidates = ",".join(filter(None, (self._get(n) for n in ("candidateGroups", "candidateUsers", "assignee"))))
        if candidates:
            meaning.assign(draft, node, candidates)
        if text := self._get("dueDate"):
            meaning.due(draft, node, text)
        if text := self._get("priority"):
            meaning.priority(draft, node, text)
        if text := self._get("followUpDate"):
            meaning.follow_up(draft, node, text)
        self._form()
        self._work()
        several = node.find(bpmn("multiInstanceLoopCharacteristics"))
        if several is not None and self._get("collection", several):
            meaning.each_of(node, self._get("collection", several), self._get("elementVariable", several))

    def _form(self) -> None:
        declared = [*self._extensions("formData/formField"), *self._extensions("formProperty")]
        for declaration in declared:
            constraints = declaration.iter(f"{{{self.namespace}}}constraint")
            required = declaration.get("required") == "true" or any(
                constraint.get("name") == "required" for constraint in constraints
            )
            values = [
                (value.get("id") or "", value.get("name") or value.get("id") or "")
                for value in declaration.iter(f"{{{self.namespace}}}value")
                if value.get("id")
            ]
            meaning.field(
                self.draft,
                self.node,
                declaration.get("id", ""),
                label=declaration.get("label") or declaration.get("name") or "",
                kind=declaration.get("type", "string"),
                values=values,
                required=required,
                default=declaration.get("defaultValue") or declaration.get("default") or "",
            )
        if (key := self._get("formKey") or self._get("formRef")) and not declared:
            meaning.foreign_form(self.draft, self.node, key)

    def _work(self) -> None:
        result = self._get("resultVariable") or self._get("resultVariableName")
        if reference := self._get("decisionRef"):
            meaning.decision(self.node, reference, result)
        names = [self._get(name) for name in DOES if self._get(name) not in ("", "external")]
        if not names:
            return
        known = self.draft.known.operations
        name = next((candidate for candidate in names if candidate in known), names[0])
        meaning.operation(self.draft, self.node, name, result=result, parameters=self._parameters())

    def _parameters(self) -> dict[str, str]:
        inputs = self._extensions("inputOutput/inputParameter")
        texts = {item.get("name", ""): (item.text or "").strip() for item in inputs if len(item) == 0}
        for item in self._extensions("field"):  # injected into the class
            string = item.get("stringValue") or next((c.text for c in item if local(c) == "string"), "")
            texts[item.get("name", "")] = (string or "").strip()
        return {name: text for name, text in texts.items() if name and text}
