"""The sandbox: nothing written in a diagram is ever run as a program, wherever in the diagram it stands.

Two proofs. The calls of the installed library that may evaluate text are compared with a list that was looked
through, so that a new version with a new one fails. And at each such place of a diagram hostile texts are deployed,
past the checks too, and run: each would leave a canary.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from html import escape
from pathlib import Path
from typing import Any

from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.exceptions import SpiffWorkflowException
from SpiffWorkflow.spiff.parser.process import SpiffBpmnParser

import kartabl
from engine.bpmn.diagram import read_diagrams
from engine.deployment import checking, definitions
from engine.dmn import reader
from engine.errors import EngineError
from tests.databases import SQLITE, drop_database, fresh_database, postgres_url
from tests.engine.small import chain, end, process, start
from tests.prove.forks import in_child
from tests.prove.place import Place, furnish
from tests.prove.protocol import Verdict
from tests.prove.sinks import SINKS, decision, drawn, inventory

NAME = "sandbox"
KNOWN = Path(__file__).parent / "sinks.txt"
PAYLOADS = (
    "__import__('os').system('touch CANARY')",
    "open('CANARY', 'w')",
    "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == '_wrap_close'][0]"
    ".__init__.__globals__['system']('touch CANARY')",
    "𝓮𝔳𝔞𝔩(\"open('CANARY', 'w')\")",
    "(lambda: open('CANARY', 'w'))()",
    "'{0.__class__.__init__.__globals__}'.format(open('CANARY', 'w'))",
)


def prove(database: str, *, short: bool, seed: int) -> Verdict:
    """The inventory, and every payload (in the short form two) at every place."""
    verdict = Verdict(harness=NAME, database=database, seed=seed)
    known, found = KNOWN.read_text().splitlines(), list(inventory())
    verdict.violations += [f"a sink that nobody has looked at: {sink}" for sink in sorted({*found} - {*known})]
    verdict.violations += [f"a sink is gone from the library: {sink}" for sink in sorted({*known} - {*found})]
    payloads = [PAYLOADS[seed % len(PAYLOADS)], PAYLOADS[2]] if short else list(PAYLOADS)
    with _cage(database) as cage:
        for payload in payloads:
            for sink in SINKS:
                cage.try_diagram(sink, payload)
            cage.try_decision(payload)
    verdict.numbers = {
        "calls in the library": len(found),
        "places": len(SINKS) + 1,
        "payloads": len(payloads),
        "refused": cage.refused,
        "deployed and run": cage.run,
        "canaries": len(cage.canaries),
    }
    verdict.violations += [f"executed: {canary}" for canary in cage.canaries]
    verdict.violations += cage.unhandled
    _status, escaped = in_child(twin_escapes)  # what it runs may leave anything behind in its process
    verdict.twin = f"the library as documented: {escaped} canaries"
    verdict.twin_caught = escaped > 0
    return verdict


class Cage:
    """An engine into which hostile diagrams are put; looks after each whether a canary is there."""

    def __init__(self, place: Place, folder: Path) -> None:
        self._place, self._canary, self._number = place, folder / "canary", 0
        self.refused, self.run = 0, 0
        self.canaries: list[str] = []
        self.unhandled: list[str] = []
        self._seam = checking.Seam(
            operations=place.engine.operations,
            roles=frozenset({"citizen"}),
            form_fields=lambda _process, _task: frozenset(),
            functions=kartabl.seam().functions,
        )

    def try_diagram(self, sink: str, payload: str) -> None:
        """Through the checks, and then past them: the checks are not what the safety rests on."""
        self._number += 1
        key = f"hostile_{self._number}"
        xml = drawn(sink, payload.replace("CANARY", str(self._canary)), key=key)
        try:
            bundle = checking.check({f"{key}.bpmn": xml}, self._seam)
            self.refused += not bundle.sound
        except Exception as error:  # a check that fails instead of refusing is a fault by itself
            self.unhandled.append(f"{sink}: the check raised {type(error).__name__}: {error}")
        self._look(f"{sink} (checked)", payload)
        with contextlib.suppress(EngineError, SpiffWorkflowException, ValueError, KeyError, TypeError, AttributeError):
            self._deploy_and_run(key, xml)
        self._look(sink, payload)

    def try_decision(self, payload: str) -> None:
        self._number += 1
        xml = decision(payload.replace("CANARY", str(self._canary)), key=f"table_{self._number}")
        with contextlib.suppress(EngineError):
            model = reader.parse(xml)
            self.run += 1
            with self._place.engine.transaction() as session:
                definitions.deploy_decisions(session, {f"table_{self._number}": xml}, now=self._place.clock())
                self._place.engine.decisions.evaluate(session, next(iter(model.decisions)), {"answer": 1})
        self._look("decision table", payload)

    def _deploy_and_run(self, key: str, xml: bytes) -> None:
        place = self._place
        with place.engine.transaction() as session:
            bundle = {one.key: one for one in read_diagrams(xml)}
            definitions.deploy(session, bundle, now=place.clock())
        case_id = place.start(key)
        self.run += 1
        for _turn in range(4):
            for task in place.open(case_id).values():
                with contextlib.suppress(EngineError):
                    place.complete(task, answer="x")
            place.later(timedelta(days=2))
            place.worker.work()

    def _look(self, sink: str, payload: str) -> None:
        if self._canary.exists():
            self._canary.unlink()
            self.canaries.append(f"{sink}: {payload}")


@contextlib.contextmanager
def _cage(database: str) -> Iterator[Cage]:
    url = fresh_database(SQLITE if database == "sqlite" else postgres_url(), prepare=furnish)
    with tempfile.TemporaryDirectory(prefix="kartabl-sandbox-") as folder:
        place = Place(url, Path(folder))
        try:
            yield Cage(place, Path(folder))
        finally:
            place.close()
            drop_database(url)


def twin_escapes() -> int:
    """How many of the payloads the library runs when it is used as its documentation says."""
    escaped = 0
    with tempfile.TemporaryDirectory(prefix="kartabl-sandbox-") as folder:
        canary = Path(folder) / "canary"
        for payload in PAYLOADS[:3]:
            parser: Any = SpiffBpmnParser()
            parser.add_bpmn_str(_scripted(payload.replace("CANARY", str(canary))))
            workflow = BpmnWorkflow(parser.get_spec("twin"))
            with contextlib.suppress(SpiffWorkflowException):
                workflow.do_engine_steps()
            escaped += canary.exists()
            canary.unlink(missing_ok=True)
    return escaped


def _scripted(payload: str) -> bytes:
    script = f'<bpmn:scriptTask id="x"><bpmn:script>{escape(payload)}</bpmn:script></bpmn:scriptTask>'
    return process(start() + script + end() + chain("begin", "x", "done"), key="twin")
