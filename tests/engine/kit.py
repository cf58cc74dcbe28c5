"""The public DMN technology compatibility kit, compliance level 2: its cases as data, written out as DMN and asked.

python -m tests.engine.kit     prints the table of docs/dmn.md
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from engine.dmn import reader
from engine.errors import EngineError

Json = Any
_DATA = Path(__file__).parent / "tck" / "level2.json"
FOLDERS: list[dict[str, Json]] = json.loads(_DATA.read_text(encoding="utf-8"), parse_float=Decimal)["folders"]
NAMESPACES = [
    "http://www.omg.org/spec/DMN/20151101/dmn.xsd",  # 1.1
    "http://www.omg.org/spec/DMN/20180521/MODEL/",  # 1.2
    "https://www.omg.org/spec/DMN/20191111/MODEL/",  # 1.3
    "https://www.omg.org/spec/DMN/20211108/MODEL/",  # 1.4
    "https://www.omg.org/spec/DMN/20230324/MODEL/",  # 1.5
]
CLOSE = Decimal("0.00000001")  # as near as the kit's own runner wants numbers


@dataclass(frozen=True)
class Case:
    """One question of the kit, with what each decision should answer."""

    folder: dict[str, Json]
    number: int
    given: dict[str, Json]
    answers: dict[str, Json]

    def passes(self, namespace: str) -> bool:
        """Whether every decision answers as the kit wants; a file that is refused does not."""
        try:
            model = reader.parse(written(self.folder, namespace))
            return all(
                _same(_plain(model.decisions[_key(name)], self.given), wanted) for name, wanted in self.answers.items()
            )
        except EngineError:
            return False


def cases() -> Iterator[Case]:
    for folder in FOLDERS:
        for number, case in enumerate(folder["cases"], 1):
            yield Case(folder, number, case["given"], case["answers"])


def _key(name: str) -> str:
    return f"d_{name.replace(' ', '')}"


def _plain(decision: reader.Decision, given: dict[str, Json]) -> Json:
    """The answer as the kit writes it: a table with one column of results answers with the value alone."""
    answer = decision.evaluate(given)
    if len(decision.outputs) > 1:
        return answer
    if isinstance(answer, list):
        return [value for row in answer for value in row.values()]
    return next(iter(answer.values())) if isinstance(answer, dict) else answer


def _same(answer: Json, wanted: Json) -> bool:
    if isinstance(wanted, Decimal) and isinstance(answer, int | Decimal):
        return abs(answer - wanted) < CLOSE
    return type(answer) is type(wanted) and bool(answer == wanted)


def _texts(tag: str, text: str | None) -> str:
    return f"<d:{tag}><d:text>{escape(text)}</d:text></d:{tag}>" if text is not None else ""


def written(folder: dict[str, Json], namespace: str) -> bytes:
    """The model of a folder as a DMN file; DMN 1.1 wrote the types with a prefix."""
    prefix = "feel:" if "2015" in namespace else ""
    inputs = "".join(f'<d:inputData id="i{n}" name={quoteattr(name)}/>' for n, name in enumerate(folder["inputs"]))
    body = "".join(_decision(one, prefix) for one in folder["decisions"])
    return f'<d:definitions xmlns:d="{namespace}">{inputs}{body}</d:definitions>'.encode()


def _decision(one: dict[str, Json], prefix: str) -> str:
    name = quoteattr(one["name"])
    logic = _texts("literalExpression", one["literal"]) if "literal" in one else _table(one, prefix)
    return f'<d:decision id="{_key(one["name"])}" name={name}><d:variable name={name}/>{logic}</d:decision>'


def _table(one: dict[str, Json], prefix: str) -> str:
    columns = "".join(
        f'<d:input label={quoteattr(column["name"])}><d:inputExpression typeRef="{prefix}{column["type"]}">'
        f"<d:text>{column['name']}</d:text></d:inputExpression>{_texts('inputValues', column.get('allowed'))}</d:input>"
        for column in one["columns"]
    )
    results = "".join(map(_result, one["results"]))
    wide = len(one["columns"])
    rules = "".join(
        "<d:rule>"
        + "".join(_texts("inputEntry" if place < wide else "outputEntry", cell) for place, cell in enumerate(row))
        + "</d:rule>"
        for row in one["rules"]
    )
    aggregation = f' aggregation="{one["aggregation"]}"' if "aggregation" in one else ""
    return f'<d:decisionTable hitPolicy="{one["policy"]}"{aggregation}>{columns}{results}{rules}</d:decisionTable>'


def _result(result: dict[str, Json]) -> str:
    name = f" name={quoteattr(result['name'])}" if "name" in result else ""
    values = _texts("outputValues", result.get("listed")) + _texts("defaultOutputEntry", result.get("default"))
    return f"<d:output{name}>{values}</d:output>"


def report() -> str:
    """How many cases pass, by folder, in the form of docs/dmn.md."""
    lines = ["| Folder | Cases | Pass | |", "|---|--:|--:|---|"]
    total = passed = 0
    for folder in FOLDERS:
        own = [case.passes(NAMESPACES[-1]) for case in cases() if case.folder is folder]
        total, passed = total + len(own), passed + sum(own)
        lines.append(f"| {folder['folder']} | {len(own)} | {sum(own)} | {folder.get('why', '')} |")
    lines.append(f"| **all** | **{total}** | **{passed}** | {100 * passed / total:.1f} % |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(report())
