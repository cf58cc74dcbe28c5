"""The errors of the engine that people meet: one class for each situation, with a stable code for the API.

Errors of one module, such as ``ExpressionError``, stand there. Messages are English and for logs; the words that people
read are in ``PAGES`` of ``webapp/errors.py``, those of the API in ``CODES`` of ``webapp/problems.py``.
"""

from collections.abc import Mapping
from datetime import datetime


class EngineError(Exception):
    """Base class of the engine's errors."""

    code = "engine_error"
    keeps_changes = False  # True: the transaction commits anyway (a failed attempt must stay counted)


class NotFound(EngineError):
    """The object does not exist, or the caller may not see it: both give the same answer."""

    code = "not_found"

    def __init__(self, kind: str, key: object) -> None:
        super().__init__(f"No {kind} {key}")
        self.kind = kind
        self.key = key


class ProcessNotOffered(EngineError):
    """The process is deployed and the person's to start, but this installation does not offer it at the moment."""

    code = "process_not_offered"

    def __init__(self, process_key: str) -> None:
        super().__init__(f"Process {process_key} is not offered")
        self.process_key = process_key


class TaskNotOpen(EngineError):
    """The task is completed or cancelled already, or its case is not running."""

    code = "task_not_open"

    def __init__(
        self,
        task_id: int,
        status: str,
        *,
        by: str | None = None,
        at: datetime | None = None,
        case: str | None = None,
        because: str = "",
    ) -> None:
        super().__init__(f"Task {task_id} is {status}")
        self.task_id = task_id
        self.status = status
        self.by = by
        self.at = at
        self.case = case
        self.because = because  # name of the element that ended the task; "" if unknown


class TaskClaimed(EngineError):
    """Somebody else of the group has claimed the task."""

    code = "task_claimed"

    def __init__(self, task_id: int, by: str) -> None:
        super().__init__(f"Task {task_id} is claimed by {by}")
        self.task_id = task_id
        self.by = by


class TaskLocked(EngineError):
    """The task is locked by another activity of the case; ``reason`` in the reader's language."""

    code = "task_locked"

    def __init__(self, task_id: int, reason: str) -> None:
        super().__init__(f"Task {task_id} is locked: {reason}")
        self.task_id = task_id
        self.reason = reason


class FormMissing(EngineError):
    """This version of the code has no form for the task, so nobody can do it."""

    code = "form_missing"

    def __init__(self, process_key: str, task_key: str, *, case: str) -> None:
        super().__init__(f"No form for {process_key}.{task_key} of case {case}")
        self.process_key = process_key
        self.task_key = task_key
        self.case = case


class Conflict(EngineError):
    """Another transaction changed the case between reading and writing; this call changes nothing."""

    code = "conflict"

    def __init__(self, case: str) -> None:
        super().__init__(f"Case {case} was changed at the same time")
        self.case = case


class Taken(Conflict):
    """Another transaction wrote the same row first, as when a form is sent twice; this call changes nothing."""

    def __init__(self) -> None:
        EngineError.__init__(self, "The same row was written at the same time")
        self.case = ""


class NotAllowed(EngineError):
    """The person may see the object, but may not do this action."""

    code = "not_allowed"

    def __init__(self, username: str, action: str) -> None:
        super().__init__(f"{username} may not {action}")
        self.username = username
        self.action = action


class InvalidSubmission(EngineError):
    """The values are invalid. ``errors``: field name (rows: ``rows.0.name``) → messages in the reader's language.

    The key ``""`` has the messages that belong to no single field. The call changes nothing.
    """

    code = "invalid"

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__(f"Invalid: {dict(errors)}")
        self.errors = dict(errors)


class Refusal(InvalidSubmission):
    """An operation refuses a submission for a reason that the person can correct.

    Raised inside an operation. The step is rolled back; the task stays open and the page keeps the typed values.
    """


class ChangedMeanwhile(Refusal):
    """Somebody else has changed what a page shows since it was opened: saving it would undo that."""


class OperationFailed(EngineError):
    """A service task of the step failed. The step is rolled back; an incident records the reason."""

    code = "operation_failed"

    def __init__(self, element: str, operation: str, reason: str) -> None:
        super().__init__(f"{operation} at {element}: {reason}")
        self.element = element
        self.operation = operation
        self.reason = reason
        self.case_id: int | None = None  # set by the engine when the error leaves the step
        self.incident_id: int | None = None


class TooMany(EngineError):
    """A rate limit is reached. ``retry_after``: seconds until the next attempt is allowed."""

    code = "too_many"

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Too many, retry after {retry_after} s")
        self.retry_after = retry_after


class FileBeingChecked(EngineError):
    """The virus scanner has not looked at the file yet. Only its uploader meets this."""

    code = "file_being_checked"

    def __init__(self, name: str) -> None:
        super().__init__("The file is still being checked")
        self.name = name


class FileInfected(EngineError):
    """The virus scanner found something in the file, and its content is deleted. Only its uploader meets this."""

    code = "file_infected"

    def __init__(self, name: str, finding: str) -> None:
        super().__init__(f"The file is infected: {finding}")
        self.name = name
        self.finding = finding


class DocumentRefused(EngineError):
    """A file is refused; ``message`` is the reason in the reader's language."""

    code = "invalid"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
