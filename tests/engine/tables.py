"""Decision tables for tests, written as lines of ``condition ; condition -> answer ; answer``."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape

from engine.dmn import reader


def model(content: str) -> reader.DecisionModel:
    """A file with the given ``decision`` elements."""
    xml = f'<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/">{content}</definitions>'
    return reader.parse(xml.encode())


def table(
    policy: str,
    rules: str,
    *,
    inputs: Iterable[str] = "x",
    outputs: str = "out",
    type: str = "",
    result_type: str = "",
    allowed: str = "",
    listed: str = "",
    default: str = "",
    aggregation: str = "",
) -> reader.Decision:
    """One table named ``t``; ``inputs``: one for each column; ``allowed`` and ``type`` hold for all of them."""
    gathered = f' aggregation="{aggregation}"' if aggregation else ""
    parts = [f'<decision id="t"><decisionTable hitPolicy="{policy}"{gathered}>']
    for name in inputs:
        parts.append(f'<input label="{name}"><inputExpression typeRef="{type}">{_text(name)}</inputExpression>')
        parts.append(f"<inputValues>{_text(allowed)}</inputValues></input>" if allowed else "</input>")
    for name in outputs.split():
        parts.append(f'<output name="{name}" typeRef="{result_type}">')
        parts.append(f"<outputValues>{_text(listed)}</outputValues>" if listed else "")
        parts.append(f"<defaultOutputEntry>{_text(default)}</defaultOutputEntry>" if default else "")
        parts.append("</output>")
    for line in rules.splitlines():
        conditions, _, answers = line.partition("->")
        parts.append("<rule>")
        parts += [f"<inputEntry>{_text(cell)}</inputEntry>" for cell in conditions.split(";")]
        parts += [f"<outputEntry>{_text(cell)}</outputEntry>" for cell in answers.split(";")]
        parts.append("</rule>")
    return model("".join([*parts, "</decisionTable></decision>"])).decisions["t"]


def _text(source: str) -> str:
    return f"<text>{escape(source.strip())}</text>"
