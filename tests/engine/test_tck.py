"""Cases of the DMN technology compatibility kit, compliance level 2, in every namespace that DMN has had."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest

from engine import decisions, feel

LEVEL_2 = json.loads((Path(__file__).parent / "tck" / "level2.json").read_text(encoding="utf-8"))
NAMESPACES = [
    "http://www.omg.org/spec/DMN/20151101/dmn.xsd",  # 1.1
    "http://www.omg.org/spec/DMN/20180521/MODEL/",  # 1.2
    "https://www.omg.org/spec/DMN/20191111/MODEL/",  # 1.3
    "https://www.omg.org/spec/DMN/20211108/MODEL/",  # 1.4
    "https://www.omg.org/spec/DMN/20230324/MODEL/",  # 1.5
]


def _texts(tag: str, text: str | None) -> str:
    return f"<d:{tag}><d:text>{escape(text)}</d:text></d:{tag}>" if text else ""


def written(case: dict[str, Any], namespace: str) -> bytes:
    """The case as a DMN file; DMN 1.1 wrote the types of columns with a prefix."""
    prefix = "feel:" if "2015" in namespace else ""
    columns = "".join(
        f'<d:input label={quoteattr(column["name"])}><d:inputExpression typeRef="{prefix}{column["type"]}">'
        f"<d:text>{column['name']}</d:text></d:inputExpression>{_texts('inputValues', column.get('allowed'))}</d:input>"
        for column in case["inputs"]
    )
    results = "".join(
        f"<d:output name={quoteattr(result['name'])}>{_texts('outputValues', result.get('listed'))}"
        f"{_texts('defaultOutputEntry', result.get('default'))}</d:output>"
        for result in case["outputs"]
    )
    wide = len(case["inputs"])
    rules = "".join(
        "<d:rule>"
        + "".join(_texts("inputEntry" if place < wide else "outputEntry", cell) for place, cell in enumerate(row))
        + "</d:rule>"
        for row in case["rules"]
    )
    aggregation = f' aggregation="{case["aggregation"]}"' if "aggregation" in case else ""
    return (
        f'<d:definitions xmlns:d="{namespace}"><d:decision id="asked" name="asked">'
        f'<d:decisionTable hitPolicy="{case["policy"]}"{aggregation}>{columns}{results}{rules}</d:decisionTable>'
        "</d:decision></d:definitions>"
    ).encode()


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize("case", LEVEL_2["tables"], ids=lambda case: case["case"])
def test_a_table_answers_as_the_kit_wants(case: dict[str, Any], namespace: str) -> None:
    decision = decisions.parse(written(case, namespace)).decisions["asked"]
    assert decision.inputs == {column["name"] for column in case["inputs"]}
    for ask in case["asks"]:
        assert decision.evaluate(ask["given"]) == ask["answer"]


@pytest.mark.parametrize(("source", "result"), LEVEL_2["0105-feel-math"])
def test_arithmetic_gives_what_the_kit_wants(source: str, result: str | None) -> None:
    assert feel.expression(source)({}) == (None if result is None else Decimal(result))


@pytest.mark.parametrize("case", LEVEL_2["tables"], ids=lambda case: case["case"])
def test_the_check_finds_nothing_wrong_in_the_kits_tables(case: dict[str, Any]) -> None:
    found = decisions.check(decisions.parse(written(case, NAMESPACES[2])))
    assert [finding for finding in found if finding.severity == "error"] == []
