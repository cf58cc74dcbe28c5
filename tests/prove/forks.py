"""Processes of the operating system for the proofs: forked, so that they die and race as real ones do."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import pickle
import traceback
import warnings
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from typing import Any

KILLED = 137  # how a process ends that was killed


class ChildFailed(Exception):
    """A forked process ended with an exception; the message is its traceback."""


def in_child(work: Callable[[], Any]) -> tuple[int, Any]:
    """Run ``work`` in a process of its own; returns its exit status and what it returned, if it lived so long."""
    reading, writing = os.pipe()
    pid = _fork()
    if pid == 0:
        os.close(reading)
        _run(work, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status == 1:
        raise ChildFailed(pickle.loads(answer))  # noqa: S301 - written by our own child
    return status, pickle.loads(answer) if answer else None  # noqa: S301


def at_once(works: list[Callable[[Barrier], Any]]) -> list[Any]:
    """Run each of ``works`` in a process of its own; each gets the barrier at which they wait for each other."""
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(len(works), timeout=60)
    children = []
    for work in works:
        reading, writing = os.pipe()
        pid = _fork()
        if pid == 0:
            os.close(reading)
            _run(lambda work=work: work(barrier), writing)  # type: ignore[misc]
        os.close(writing)
        children.append((pid, reading))
    answers = []
    for pid, reading in children:
        with os.fdopen(reading, "rb") as pipe:
            answer = pipe.read()
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status != 0:
            raise ChildFailed(pickle.loads(answer) if answer else f"ended with {status}")  # noqa: S301
        answers.append(pickle.loads(answer))  # noqa: S301
    return answers


def _fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of a test runner take no part in this
        return os.fork()


def _run(work: Callable[[], Any], writing: int) -> None:
    gc.freeze()  # the child must not close what the parent's garbage holds
    status = 1
    try:
        answer = work()
        status = 0
    except BaseException:  # whatever it is, the parent raises it
        answer = traceback.format_exc()
    with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "wb") as pipe:
        pipe.write(pickle.dumps(answer))
    os._exit(status)
