"""Several processes that take connections from one socket: forks them, replaces what dies, stops all together."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress

log = logging.getLogger(__name__)

STOPS = (signal.SIGTERM, signal.SIGINT)
PAUSE = 1.0  # seconds before a process that died young is replaced


def run_several(count: int, work: Callable[[], None], listening: socket.socket) -> None:
    """Run ``work``, which serves on ``listening``, in ``count`` processes until SIGTERM or SIGINT; wait for all.

    Call it before any thread is started and with no connection open: a fork has only the thread that forked.
    """
    _Family(count, work, listening).run()


class _Family:
    def __init__(self, count: int, work: Callable[[], None], listening: socket.socket) -> None:
        self._count, self._work, self._listening = count, work, listening
        self._children: dict[int, float] = {}  # process → when it was forked
        self._stopping = False
        self._alive, self._lifeline = os.pipe()  # the end that only we hold closes with us

    def run(self) -> None:
        for number in STOPS:
            signal.signal(number, self._stop)
        while self._children or not self._stopping:
            while len(self._children) < self._count and not self._stopping:
                self._fork()
            with suppress(ChildProcessError):
                process, status = os.waitpid(-1, 0)
                self._ended(process, os.waitstatus_to_exitcode(status))

    def _ended(self, process: int, code: int) -> None:
        began = self._children.pop(process, 0.0)
        if self._stopping:
            return
        log.error("process %d ended with %d and is replaced", process, code)
        if time.monotonic() - began < PAUSE:
            time.sleep(PAUSE)

    def _stop(self, *_signal: object) -> None:
        self._stopping = True
        self._listening.close()  # ours: else who comes now waits for nobody, and is cut off when we end
        for process in self._children:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)

    def _fork(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)  # until the child has forgotten our handlers
        child = os.fork()
        if child:
            self._children[child] = time.monotonic()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
            return
        status = 1
        try:
            for number in STOPS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
            os.close(self._lifeline)
            threading.Thread(target=self._end_with_parent, name="lifeline", daemon=True).start()
            self._work()
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _end_with_parent(self) -> None:
        os.read(self._alive, 1)
        os.kill(os.getpid(), signal.SIGTERM)
