"""The script engine that SpiffWorkflow calls for expressions, service tasks and decisions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from SpiffWorkflow.bpmn.script_engine.python_engine import PythonScriptEngine
from SpiffWorkflow.bpmn.script_engine.python_environment import BasePythonScriptEngineEnvironment
from sqlalchemy.exc import IntegrityError

from engine.contributions.operations import Json, OperationContext, Operations
from engine.dmn.reader import as_json
from engine.errors import EngineError, OperationFailed, Taken
from engine.expressions.language import ExpressionError, Language
from models.database_errors import in_a_line, is_overtaken
from models.language import gettext as _


class SafeEnvironment(BasePythonScriptEngineEnvironment):  # type: ignore[misc]
    """Makes SpiffWorkflow evaluate every expression in our closed language; scripts and services are refused."""

    def __init__(self, language: Language) -> None:
        super().__init__({})
        self._language = language

    def evaluate(
        self, expression: str, context: Mapping[str, Json], external_context: Mapping[str, Json] | None = None
    ) -> Json:
        values = {**external_context, **context} if external_context else context
        return self._language.evaluate(expression, values)

    def execute(self, script: str, context: Any, external_context: Any = None) -> Any:
        """Refuse a script task. Raises ``ExpressionError`` always."""
        raise ExpressionError(script, _("اسکریپت در این سامانه اجرا نمی‌شود."))

    def call_service(self, context: Any, **kwargs: Any) -> Any:
        """Refuse a service of the library. Raises ``ExpressionError`` always."""
        raise ExpressionError("", _("سرویس نامعتبر است."))


class StepEngine(PythonScriptEngine):  # type: ignore[misc]
    """Gives a running workflow the three things it may use: expressions, operations and decisions."""

    def __init__(self, environment: SafeEnvironment, operations: Operations, context: OperationContext) -> None:
        super().__init__(environment)
        self._operations = operations
        self._context = context
        self.outside: dict[str, tuple[str, dict[str, Json]]] = {}  # token → operation, arguments

    def evaluate(self, task: Any, expression: str, external_context: Mapping[str, Json] | None = None) -> Json:
        """The value of an expression over the token's data. Raises ``OperationFailed`` at the element."""
        try:
            return self.environment.evaluate(expression, task.data, external_context)
        except ExpressionError as error:
            raise self._failed(task, "expression", f"{error.source}: {error.reason}") from error

    def run_operation(self, task: Any, name: str, arguments: dict[str, Json]) -> tuple[bool, Json]:
        """Call an inside operation and return (True, result); leave an outside one to the worker: (False, None).

        Raises ``OperationFailed`` (unknown operation, or an error in it), ``Taken`` (somebody wrote the same row),
        and the errors of the engine that the operation raises, such as ``Refusal``.
        """
        operation = self._operations.get(name)
        if operation is None:
            raise self._failed(task, name, "no such operation")
        if operation.outside:
            self.outside[str(task.id)] = (name, json.loads(json.dumps(arguments)))
            return False, None
        try:
            result = operation.function(self._context, **arguments)
            return True, json.loads(json.dumps(result, allow_nan=False))
        except OperationFailed as failure:
            failure.case_id = self._context.case.id  # a case that was to be started does not exist afterwards
            raise
        except EngineError:
            raise
        except IntegrityError as error:
            if is_overtaken(error):  # somebody else wrote the same thing: a second look will see it
                raise Taken() from error
            raise self._failed(task, name, in_a_line(error)) from error
        except (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError, OSError, AttributeError) as error:
            raise self._failed(task, name, f"{type(error).__name__}: {error}") from error

    def decide(self, task: Any, decision: str) -> Json:
        """The decision's outputs for the token's data."""
        try:
            answer = self._context.engine.decisions.evaluate(self._context.session, decision, dict(task.data))
            return as_json(answer)
        except EngineError as error:
            raise self._failed(task, decision, str(error)) from error

    def _failed(self, task: Any, operation: str, reason: str) -> OperationFailed:
        failure = OperationFailed(task.task_spec.bpmn_id or task.task_spec.name, operation, reason)
        failure.case_id = self._context.case.id
        return failure
