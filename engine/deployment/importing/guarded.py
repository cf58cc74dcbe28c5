"""Checks a file in a separate process with limits of time and memory."""

from __future__ import annotations

import multiprocessing
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from engine.deployment.importing import Imported
from engine.findings import Finding, error
from models.language import LANGUAGES, reading
from models.language import gettext as _

SECONDS = 4.5  # of computing: on a machine with a core to spare an answer is there within five
PATIENCE = 6  # times as long by the clock, where others compute too
MEMORY = 512 * 2**20  # bytes beside what the process has at its birth

Look = Callable[[], Imported]


@dataclass(frozen=True)
class Verdict:
    """The findings about one file, by language; the same findings in the same order in each."""

    file: str
    deployable: bool
    findings: dict[str, list[Finding]]
    document: bytes = b""
    processes: dict[str, bytes] | None = None


def look(file: str, work: Look, *, languages: tuple[str, ...] = LANGUAGES, seconds: float = SECONDS) -> Verdict:
    """Do ``work`` in a child, in each language if there are findings. Returns a finding for work beyond the limits."""
    context: Any = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(sender, work, languages, seconds), daemon=True)
    child.start()
    sender.close()
    answer: Any = None
    in_time = receiver.poll(seconds * PATIENCE)
    if in_time:
        try:
            answer = receiver.recv()
        except EOFError:
            answer = None  # it died without a word
    if child.is_alive() and answer is None:
        child.kill()
    child.join()
    receiver.close()
    if not isinstance(answer, dict):
        timed_out = not in_time or child.exitcode == -signal.SIGPROF
        return _refused(file, languages, timed_out=timed_out, fault=answer or "")
    first: Imported = answer[languages[0]]
    by_language = {language: imported.findings for language, imported in answer.items()}
    return Verdict(file, first.deployable, by_language, first.document, first.processes)


def _answer(sender: Connection, work: Look, languages: tuple[str, ...], seconds: float) -> None:
    """In the child: with limits of its own."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)  # counts the time of computing; the signal ends the child
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_size() + MEMORY, _size() + MEMORY))
    answer: dict[str, Imported] | str = {}
    try:
        answer = _in_each(languages, work)
    except (MemoryError, RecursionError):
        answer = ""
    except Exception as problem:  # the last door: a fault of ours must not look like a fault of the terminal
        answer = f"{type(problem).__name__}: {problem}"[:300]
    sender.send(answer)
    sender.close()


def _in_each(languages: tuple[str, ...], work: Look) -> dict[str, Imported]:
    first = _in_language(work, languages[0])
    if not first.findings:  # nothing to say, in whichever language
        return dict.fromkeys(languages, first)
    return {languages[0]: first, **{language: _in_language(work, language) for language in languages[1:]}}


def _in_language(work: Look, language: str) -> Imported:
    with reading(language):
        return work()


def _size() -> int:
    """Bytes of address space in use, or 1 GiB if the system does not tell."""
    status = Path("/proc/self/statm")
    return int(status.read_text("ascii").split()[0]) * resource.getpagesize() if status.exists() else 2**30


def _refused(file: str, languages: tuple[str, ...], *, timed_out: bool, fault: str) -> Verdict:
    findings = {}
    for language in languages:
        with reading(language):
            if timed_out:
                code = "file.timed_out"
                text = _("بررسی این فایل بیش از پنج ثانیه طول کشید. نمودار را به چند فرایند تقسیم کنید.")
            elif fault:
                code = "file.check_failed"
                text = _(
                    "بررسی این فایل با خطای برنامه متوقف شد (%(fault)s). آن را همراه فایل گزارش کنید.", fault=fault
                )
            else:
                code = "file.too_complex"
                text = _("این فایل پیچیده‌تر از آن است که بررسی شود. نمودار را به چند فرایند تقسیم کنید.")
            findings[language] = [replace(error(code, "", text), file=file)]
    return Verdict(file, False, findings)
