"""Runs tests against mutants: in a fork for each, with the code of the functions replaced where they are.

Nothing is imported or collected anew, so a mutant costs what its tests cost. Only tests that reach its function run.
"""

from __future__ import annotations

import ast
import functools
import gc
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import hypothesis
import pytest

from tests import databases
from tests.mutants.changes import Function, Mutant, mutants

JOBS = 2
KILLED, SURVIVED, BROKEN = 1, 0, 2  # exit codes of a fork
PATIENCE = 10  # times as long as the tests run without a change, and no less than:
LEAST_SECONDS = 3
WAITING_SECONDS = 300  # by the clock, for a test that waits without working
MORE_MEMORY = 2**31  # bytes


class Runner:
    """A plugin of pytest: instead of one run of all tests, one without a change and one for each mutant."""

    def __init__(self, sources: list[Path]) -> None:
        self._sources = {str(source.resolve()): module_name(source) for source in sources}
        self._reached: dict[tuple[str, str], dict[int, float]] = {}  # (file, function): seconds of each test by number
        self._seconds: dict[int, float] = {}  # of each test by number
        self._running: dict[int, tuple[Mutant, Path]] = {}  # with its folder, by process id
        self._caches: list[Any] = []
        self.survivors: list[Mutant] = []
        self.count = 0

    def pytest_collection(self) -> None:
        """Of a failing example hypothesis need not find the smallest: that it fails is enough."""
        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        parent = hypothesis.settings.get_profile("kartabl")
        hypothesis.settings.register_profile("mutants", parent=parent, phases=phases, database=None)
        hypothesis.settings.load_profile("mutants")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        for number in range(len(session.items)):
            self._observe(session, number)
        if session.testsfailed:
            return True
        objects = gc.get_objects()
        functions = [one for one in objects if isinstance(one, FunctionType)]
        self._caches = [one for one in objects if isinstance(one, functools._lru_cache_wrapper) and is_ours(one)]
        del objects
        gc.freeze()
        for file, module in self._sources.items():
            alive = [function for function in functions if function.__code__.co_filename == file]
            for mutant in mutants(Path(file), module):
                self.count += 1
                self._start(session, mutant, sys.modules[module], alive)
            print(f" {module}: {self.count} mutants so far, {len(self.survivors)} survived", flush=True)
        while self._running:
            self._wait()
        return True

    def _observe(self, session: pytest.Session, number: int) -> None:
        """Run one test without a change, and note which functions it reaches and how long it takes."""
        seen: set[tuple[str, str]] = set()

        def note(frame: FrameType, event: str, _argument: Any) -> None:
            if event == "call" and frame.f_code.co_filename in self._sources:
                seen.add((frame.f_code.co_filename, frame.f_code.co_qualname.partition(".<locals>")[0]))

        started = time.process_time()
        sys.setprofile(note)
        try:
            run_item(session, number)
        finally:
            sys.setprofile(None)
        self._seconds[number] = time.process_time() - started
        for place in seen:
            self._reached.setdefault(place, {})[number] = self._seconds[number]

    def _tests_of(self, mutant: Mutant, module: ModuleType) -> dict[int, float]:
        """The tests that reach a mutant's function, and their seconds; of a table of the module: all."""
        file, name = str(module.__file__), mutant.function.removeprefix(f"{module.__name__}.")
        if (file, name) in self._reached:
            return self._reached[file, name]
        is_table = not isinstance(getattr(module, name.partition(".")[0], None), FunctionType | type)
        return self._seconds if is_table else {}

    def _start(self, session: pytest.Session, mutant: Mutant, module: ModuleType, alive: list[FunctionType]) -> None:
        tests = self._tests_of(mutant, module)
        if not tests:
            self._survives(mutant, "reached by no test")
            return
        while len(self._running) >= JOBS:
            self._wait()
        folder = Path(tempfile.mkdtemp(prefix="kartabl-mutant-"))
        child = os.fork()
        if child:
            kept = Mutant(mutant.function, mutant.was, mutant.becomes, ast.Module([], []), mutant.code)
            self._running[child] = kept, folder
            return
        code = BROKEN
        try:
            keep_databases_in(folder)
            be_limited(sum(tests.values()))
            install(mutant, module, alive)
            for cached in self._caches:
                cached.cache_clear()
            cheapest_first = sorted(tests, key=lambda number: tests[number])
            code = KILLED if any(run_item(session, number) for number in cheapest_first) else SURVIVED
        finally:
            os._exit(code)

    def _wait(self) -> None:
        child, status = os.waitpid(-1, 0)
        mutant, folder = self._running.pop(child)
        shutil.rmtree(folder)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) != KILLED:
            self._survives(mutant, "survived" if os.WEXITSTATUS(status) == SURVIVED else "could not be tried")
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM:
            self._survives(mutant, "waited, which may be the fork's fault and not the mutant's")

    def _survives(self, mutant: Mutant, how: str) -> None:
        self.survivors.append(mutant)
        print(f"\n{how}: {mutant}", end="", flush=True)


def module_name(source: Path) -> str:
    return ".".join(source.with_suffix("").parts)


def is_ours(cached: Any) -> bool:
    """Not the templates of databases and what else the tests keep."""
    return cached.__module__.partition(".")[0] in ("models", "engine", "forms", "workflows", "webapp")


def run_item(session: pytest.Session, number: int) -> int:
    """Run one test from its first fixture to its last; gives how many failed by now."""
    item = session.items[number]
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
    return session.testsfailed


def keep_databases_in(folder: Path) -> None:
    """Give a fork its own folder: two that run at once number their databases alike, and would share them."""
    tempfile.tempdir = str(folder)
    databases._folder.cache_clear()


def be_limited(seconds: float) -> None:
    """Let a mutant that never ends, or eats the memory, end as killed; nobody reads what its tests print."""
    most = int(max(LEAST_SECONDS, PATIENCE * seconds))
    resource.setrlimit(resource.RLIMIT_CPU, (most, most + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MORE_MEMORY, used + MORE_MEMORY))
    signal.alarm(WAITING_SECONDS)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def install(mutant: Mutant, module: ModuleType, alive: list[FunctionType]) -> None:
    """Give all functions of a module the mutant's code, and its tables the mutant's values."""
    codes: dict[tuple[str, int], list[CodeType]] = {}
    for code in codes_in(mutant.code):
        codes.setdefault((code.co_qualname, code.co_firstlineno), []).append(code)
    for function in alive:
        same = codes.get((function.__code__.co_qualname, function.__code__.co_firstlineno), [])
        if len(same) == 1:
            function.__code__ = fitting(same[0], function.__code__)
    name = mutant.function.removeprefix(f"{module.__name__}.")
    for statement in mutant.tree.body:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
        if isinstance(target, ast.Name) and target.id == name:
            replace_everywhere(name, vars(module)[name], value_of(statement.value, module))  # type: ignore[attr-defined]
    for node in ast.walk(mutant.tree):
        if isinstance(node, Function) and node.name == name.rpartition(".")[2]:
            take_defaults(node, [f for f in alive if f.__qualname__ == name], module)


def fitting(code: CodeType, was: CodeType) -> CodeType:
    """The code with as many variables of the outer functions as before; without any it may have them unused."""
    if not code.co_freevars:
        return code.replace(co_freevars=was.co_freevars)
    return code if len(code.co_freevars) == len(was.co_freevars) else was


def codes_in(code: CodeType) -> Iterator[CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner
            yield from codes_in(inner)


def value_of(node: ast.expr, module: ModuleType) -> Any:
    return eval(compile(ast.Expression(node), str(module.__file__), "eval"), vars(module))  # noqa: S307


def replace_everywhere(name: str, was: object, becomes: object) -> None:
    """Also where other modules imported it."""
    for module in list(sys.modules.values()):
        if getattr(module, "__dict__", {}).get(name) is was:
            setattr(module, name, becomes)


def take_defaults(
    node: ast.FunctionDef | ast.AsyncFunctionDef, functions: list[FunctionType], module: ModuleType
) -> None:
    for function in functions:
        if node.args.defaults:
            function.__defaults__ = tuple(value_of(default, module) for default in node.args.defaults)
        for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
            if default is not None:
                function.__kwdefaults__ = {**(function.__kwdefaults__ or {}), argument.arg: value_of(default, module)}
