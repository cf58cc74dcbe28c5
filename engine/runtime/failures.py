"""Converts errors inside a step into ``OperationFailed`` with the element, the operation and the reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from engine.calendar.timers import BadTimer
from engine.errors import OperationFailed
from engine.spiff.corrections import TaskNotReady, UncaughtError
from engine.spiff.library_errors import LibraryError, library_errors
from engine.spiff.state import StateUnreadable, StateUnwritable
from engine.spiff.stepping import LoopsByItself
from models.case import Case
from models.language import gettext as _


@contextmanager
def reported(case: Case) -> Iterator[None]:
    """Convert errors of the process and of SpiffWorkflow inside the block into ``OperationFailed`` of the case.

    Errors of the database and the engine's other errors (refusals, conflicts, errors of operations) pass unchanged.
    """
    try:
        with library_errors():
            yield
    except UncaughtError as error:
        reason = _("خطای «%(code)s» رخ داد و در نمودار چیزی آن را نمی‌گیرد.", code=error.error_code or "—")
        raise _failure(case, error.element, "error", reason) from error
    except LoopsByItself as error:
        reason = _("پرونده بدون پایان می‌چرخد: … %(path)s …", path=_(" ← ").join(error.elements))
        raise _failure(case, error.elements[-1] if error.elements else "", "loop", reason) from error
    except BadTimer as error:
        raise _failure(case, error.element, "timer", str(error)) from error
    except TaskNotReady as error:
        raise _failure(case, error.element, "step", str(error)) from error
    except (StateUnreadable, StateUnwritable) as error:
        raise _failure(case, "", "state", str(error)) from error
    except LibraryError as error:
        raise _failure(case, error.element, "step", str(error)) from error
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise _failure(case, "", "step", f"{type(error).__name__}: {error}") from error


def _failure(case: Case, element: str, what: str, reason: str) -> OperationFailed:
    failure = OperationFailed(element, what, reason)
    failure.case_id = case.id
    return failure
