"""Every error of the engine has words for the page and a code of the API, or stands here with its reason."""

from __future__ import annotations

import importlib
import pkgutil

from flask import Flask

import engine
import webapp
import workflows
from engine import errors
from engine.errors import EngineError
from tests.web.api_client import DESCRIBED
from webapp.errors import PAGES
from webapp.problems import CODES, for_error

INTERNAL = {  # meets no person: else the apology with a number of the log, and the code "internal"
    "BadTimer": "becomes OperationFailed in engine/runtime/failures.py",
    "LibraryError": "becomes OperationFailed there",
    "LoopsByItself": "becomes OperationFailed there",
    "StateUnreadable": "becomes OperationFailed there",
    "StateUnwritable": "becomes OperationFailed there",
    "TaskNotReady": "becomes OperationFailed there",
    "UncaughtError": "becomes OperationFailed there",
    "ExpressionError": "a finding of the check, or the reason of a failed step",
    "FeelError": "a finding of the check, or the reason in a DecisionError",
    "DecisionError": "a finding of the check, or the reason of a failed step; out of an operation, the apology",
    "DiagramNotBuilt": "a finding of the check before deployment",
    "MalformedXml": "a finding of the check and the import",
    "UnsafeXml": "a finding of the check and the import",
    "IncompatibleDefinitions": "stops the start of the program",
    "EventNotWaiting": "the run goes on without the event",
    "NobodyWaits": "of the worker: tried again, then an incident",
}
API_ONLY = {  # code of the API, no page of its own
    "KeyReused": "pages send no idempotency key",
    "NotSignedIn": "pages lead to the sign-in page",
    "SignInRefused": "the sign-in page says it at its form",
    "SecondFactorRequired": "the sign-in page leads on to the second step",
}
NOT_DESCRIBED = {"method_not_allowed"}  # an address that is no call has no description


def errors_of_the_engine() -> list[type[EngineError]]:
    """Each subclass in our packages, in whichever module it is declared."""
    for package in (engine, webapp, workflows):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    classes, pending = [], [EngineError]
    while pending:
        below = pending.pop().__subclasses__()
        pending += below
        classes += [each for each in below if not each.__module__.startswith("tests.")]
    return classes


def has_page(error: type[EngineError]) -> bool:
    return any(each in PAGES for each in error.__mro__)


def names(error: type[EngineError]) -> set[str]:
    """The names of the error and of the errors it is a kind of."""
    return {each.__name__ for each in error.__mro__}


ERRORS = errors_of_the_engine()


def test_every_error_has_words_for_the_page_or_a_reason_to_have_none() -> None:
    silent = [
        error.__name__ for error in ERRORS if not has_page(error) and not names(error) & (INTERNAL | API_ONLY).keys()
    ]
    assert sorted(silent) == [], "PAGES in webapp/errors.py, or a list here"


def test_every_error_has_a_code_of_the_api_or_a_reason_to_have_none() -> None:
    silent = [error.__name__ for error in ERRORS if error.code not in CODES and not names(error) & INTERNAL.keys()]
    assert sorted(silent) == [], "CODES in webapp/problems.py, or a list here"


EXAMPLES = [
    errors.NotFound("case", "1405-1"),
    errors.TaskNotOpen(1, "completed"),
    errors.TaskClaimed(1, "سارا"),
    errors.TaskLocked(1, "بدهی"),
    errors.FormMissing("letter", "write", case="1405-1"),
    errors.Conflict("1405-1"),
    errors.Taken(),
    errors.ProcessNotOffered("letter"),
    errors.NotAllowed("sara", "claim"),
    errors.InvalidSubmission({"": ["نه"]}),
    errors.FileBeingChecked("نقشه.pdf"),
    errors.FileInfected("نقشه.pdf", "Test.Virus-1"),
    errors.DocumentRefused("نه"),
    errors.TooMany(60),
    errors.OperationFailed("Task_1", "letter.send", "down"),
]


def test_page_and_api_answer_an_error_with_the_same_status(app: Flask) -> None:
    assert {type(example) for example in EXAMPLES} == PAGES.keys()
    with app.test_request_context("/worklist"):
        pages = {type(example).__name__: PAGES[type(example)](example).status for example in EXAMPLES}
        calls = {type(example).__name__: for_error(example).status_code for example in EXAMPLES}
    assert pages == calls


def test_every_code_of_the_api_is_described_at_a_call() -> None:
    described = {
        code
        for calls in DESCRIBED["paths"].values()
        for call in calls.values()
        for answer in call["responses"].values()
        for content in answer.get("content", {}).values()
        for code in content.get("examples", {})
    }
    assert described == CODES.keys() - NOT_DESCRIBED


def test_the_lists_of_exceptions_name_what_needs_them() -> None:
    by_name = {error.__name__: error for error in ERRORS}
    assert INTERNAL.keys() | API_ONLY.keys() <= by_name.keys()
    assert [name for name in INTERNAL if has_page(by_name[name]) or by_name[name].code in CODES] == []
    assert [name for name in API_ONLY if has_page(by_name[name])] == []
