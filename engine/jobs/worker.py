"""The worker: runs due jobs and sends SMS at each tick, or when nudged. Several workers may run at once."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from engine.jobs import outbox, runner
from engine.persistence import upsert
from engine.service import Engine
from models.database_errors import in_a_line
from models.job import WorkerBeat

log = logging.getLogger(__name__)

BATCH = 20


class Worker:
    """Runs due timers and outside operations and delivers the outbox."""

    def __init__(self, engine: Engine, *, tick: float = 1.0) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{threading.get_ident()}"[:60]
        self._engine = engine
        self._tick = tick
        self._busy = threading.Lock()
        self._regular: list[tuple[float, Callable[[], object]]] = []
        self._scheduler = BackgroundScheduler(timezone="UTC")

    def start(self) -> None:
        """Tick in a thread of this process until ``stop``."""
        self._scheduler.add_job(
            self.work,
            "interval",
            id="tick",
            seconds=self._tick,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )
        for seconds, work in self._regular:
            self._scheduler.add_job(work, "interval", seconds=seconds, max_instances=1, coalesce=True)
        self._scheduler.start()

    def nudge(self) -> None:
        """Run the next tick now. Does nothing if the worker runs in another process."""
        if self._scheduler.running:
            self._scheduler.modify_job("tick", next_run_time=datetime.now(UTC))

    def every(self, seconds: float, work: Callable[[], object]) -> None:
        """Call ``work`` every ``seconds`` too. Call this before ``start`` or ``run``."""
        self._regular.append((seconds, work))

    def run(self) -> None:
        """Tick until SIGTERM or SIGINT. Blocks this thread."""
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        self.start()
        stopped.wait()
        self.stop()

    def stop(self) -> None:
        """Stop after the current tick."""
        self._scheduler.shutdown(wait=True)

    def work(self) -> int:
        """Run everything that is due now. Returns the number of processed jobs and SMS.

        An unreachable database gives one line in the log for each tick; the next tick tries again.
        """
        if not self._busy.acquire(blocking=False):
            return 0
        try:
            return self._work()
        except OperationalError as error:
            log.warning("the worker cannot reach the database: %s", in_a_line(error))
            return 0
        finally:
            self._busy.release()

    def _work(self) -> int:
        self._beat()
        done = 0
        while True:
            with self._engine.transaction() as session:
                taken = runner.take(session, owner=self.name, now=self._engine.clock(), limit=BATCH)
            for job_id in taken:
                runner.run(self._engine, job_id, owner=self.name)
            with self._engine.transaction() as session:
                messages = outbox.take(session, owner=self.name, now=self._engine.clock(), limit=BATCH)
            for message_id in messages:
                outbox.deliver(self._engine, message_id, owner=self.name)
            done += len(taken) + len(messages)
            if not taken and not messages:
                return done

    def _beat(self) -> None:
        now = self._engine.clock()
        with self._engine.transaction() as session:
            beat = session.scalars(select(WorkerBeat).where(WorkerBeat.name == self.name)).first()
            if beat is None:
                upsert.add_once(session, WorkerBeat, name=self.name, at=now)
            elif abs((now - beat.at).total_seconds()) >= 5:  # also after the clock jumped back
                beat.at = now
