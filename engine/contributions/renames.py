"""Renames: the names that processes and their tasks have today, and those that diagrams of running cases still say.

A case stays on its diagram with the names of its day; Python says today's. Whoever compares the two goes through here.
"""

from __future__ import annotations

from collections.abc import Mapping

TaskName = tuple[str, str]  # process key, key of a user task or of an event with a form


class Renames:
    """Former and present names. The composition root reads them from the forms; without it nothing was renamed."""

    def __init__(self) -> None:
        self._tasks: Mapping[TaskName, TaskName] = {}
        self._processes: Mapping[str, str] = {}

    def read(self, *, tasks: Mapping[TaskName, TaskName], processes: Mapping[str, str]) -> None:
        """Replace all renames. ``tasks``: former process and task key → the present ones; ``processes``: likewise."""
        self._tasks, self._processes = tasks, processes

    def process(self, key: str) -> str:
        """The present key of a process, maybe of a former one."""
        return self._processes.get(key, key)

    def task(self, process_key: str, task_key: str) -> TaskName:
        """The present names of a task, maybe of former ones."""
        name = (self.process(process_key), task_key)
        return self._tasks.get(name, name)

    def process_keys(self, present: str) -> list[str]:
        """The keys under which cases of a process may run: its present one first, then its former ones."""
        return [present, *sorted(former for former, key in self._processes.items() if key == present)]
