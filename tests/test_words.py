"""Persian texts use one word for one thing (``words_rules.toml``), and every SMS fits into two parts."""

from __future__ import annotations

import ast
import itertools
import re
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.xml import parse_xml
from models.language import reading
from models.sms_text import SIGNS, signs, sms_text
from tests.tools import translations
from tests.tools.translations import PERSIAN, ROOT

LETTERS = "\u0621-\u063a\u0641-\u064a\u067e\u0686\u0698\u06a9\u06af\u06cc\u064b\u0650\u0654\u200c"
QUOTED = re.compile(r"\"((?:[^\"\\\n]|\\.)*)\"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`")


class Rule(NamedTuple):
    write: str
    pattern: re.Pattern[str]


class Text(NamedTuple):
    text: str
    place: str


@lru_cache
def book() -> dict[str, list[dict[str, object]]]:
    return tomllib.loads((ROOT / "tests" / "words_rules.toml").read_text(encoding="utf-8"))


def rules() -> list[Rule]:
    return [Rule(str(rule["write"]), _pattern(rule)) for rule in book()["rule"]]


def _pattern(rule: dict[str, object]) -> re.Pattern[str]:
    """``words`` whole, those with ``*`` as beginnings; ``pattern`` as it is."""
    words = [
        f"(?<![{LETTERS}]){word.removesuffix('*')}" + ("" if word.endswith("*") else f"(?![{LETTERS}])")
        for word in rule.get("words", [])  # type: ignore[attr-defined]
    ]
    return re.compile("|".join([*words, *([str(rule["pattern"])] if "pattern" in rule else [])]), re.MULTILINE)


def exceptions() -> set[str]:
    return {str(exception["text"]) for exception in book().get("exception", [])}


def texts() -> Iterator[Text]:
    """Every Persian text that people read: of code and templates, of diagrams and tables, of scripts and letters."""
    for text in translations.collect():
        for form in [text.message] if isinstance(text.message, str) else text.message:
            yield Text(form, text.place)
    for path in sorted((ROOT / "bpmn_diagrams").glob("*.*mn")):
        yield from _names(path)
    for path in sorted((ROOT / "webapp" / "frontend" / "src").rglob("*.js")):
        for found in QUOTED.finditer(path.read_text(encoding="utf-8")):
            yield Text(next(filter(None, found.groups()), ""), path.relative_to(ROOT).as_posix())


def _names(path: Path) -> Iterator[Text]:
    """What analysts and people read in a diagram: names, labels, notes."""
    for element in parse_xml(path.read_bytes()).iter("{*}*"):
        found = [element.get("name", ""), element.get("label", "")]
        if str(element.tag).endswith(("}text", "}documentation")):
            found.append((element.text or "").strip().strip('"'))
        yield from (Text(text, path.relative_to(ROOT).as_posix()) for text in found if text)


def test_every_text_keeps_to_the_words() -> None:
    allowed, known = exceptions(), rules()
    wrong = {
        f"{text.place}: {text.text!r}: «{found[0]}»; write: {rule.write}"
        for text in texts()
        if PERSIAN.search(text.text) and text.text not in allowed
        for rule in known
        if (found := rule.pattern.search(text.text))
    }
    assert sorted(wrong) == []


def test_every_exception_is_a_text_that_breaks_a_rule() -> None:
    """One that is gone, or that breaks none any more, leaves the list."""
    there = {text.text for text in texts()}
    idle = [
        text for text in exceptions() if text not in there or not any(rule.pattern.search(text) for rule in rules())
    ]
    assert idle == []


@pytest.mark.parametrize(
    ("text", "write"),
    [
        ("یک فایل برگزینید.", "انتخاب"),
        ("پروندهٔ تازه", "جدید"),
        ("برای همین ازشمار نیفتاد", None),
        ("شمار واحدها", "تعداد"),
        ("شماره و شمارهٔ پرونده", None),
        ("کد تأیید", "تایید"),
        ("سطر %(line)s", None),
        ("سطر ۳", "ردیف"),
        ("رمز عبور", None),
    ],
)
def test_rules_find_words_and_not_parts_of_words(text: str, write: str | None) -> None:
    assert [rule.write for rule in rules() if rule.pattern.search(text)] == ([write] if write else [])


# SMS

NAME = "سید محمدحسین میرمحمدصادقی اصفهانی"  # as long as names are; a longer one costs the end of the text
LONGEST = {
    "number": "1405-123456-7",
    "project": "1405-123456-7",
    "case": "1405-123456-7",
    "name": NAME,
    "unit": "مجریان ذی‌صلاح و شناسنامهٔ فنی",
    "mobile": "09123456789",
    "moment": "۱۴۰۵/۱۲/۲۹ ساعت ۱۴:۳۰",
    "day": "۱۴۰۵/۱۲/۲۹",
    "amount": "۱٬۲۰۰٬۰۰۰٬۰۰۰ ریال",
    "code": "123456",
    "reason": "",  # as long as people like: what does not fit is cut
    "address": "",
}
WITH_HYPHENS = ("number", "project", "case")


class SmsTexts(ast.NodeVisitor):
    """The texts of a module that are sent by SMS, each as its pieces: what ``notify(…, sms=…)`` and the like take."""

    def __init__(self) -> None:
        self.found: list[list[str]] = []
        self.scope: list[ast.FunctionDef] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.scope.append(node)
        self.generic_visit(node)
        self.scope.pop()

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        sms = {word.arg: word.value for word in node.keywords}.get("sms")
        never = isinstance(sms, ast.Constant) and sms.value is False
        if name == "notify" and sms is not None and not never:
            self.found += self.pieces(node.args[2])
        elif name == "put_sms":
            self.found += self.pieces(node.args[3])
        elif name == "_tell_requester" and not never:
            (texts,) = [argument.body for argument in node.args if isinstance(argument, ast.Lambda)]
            self.found += self.pieces(texts.elts[1])  # type: ignore[attr-defined]
        self.generic_visit(node)

    def pieces(self, node: ast.expr) -> list[list[str]]:
        """The texts that an expression can be: of a name, whatever its function puts into it."""
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_":
            return [[ast.literal_eval(node.args[0])]]
        if isinstance(node, ast.Name) and self.scope:
            values = [
                found.value
                for found in ast.walk(self.scope[-1])
                if isinstance(found, ast.Assign) and any(getattr(t, "id", "") == node.id for t in found.targets)
            ]
            return [piece for value in values for piece in self.pieces(value)]
        if isinstance(node, ast.JoinedStr):
            return [*map(list, self.joined(node))]
        return []

    def joined(self, node: ast.JoinedStr) -> Iterator[list[str]]:
        """``f"{body} {cost}"``: each text of the one with each of the other."""
        parts = []
        for value in node.values:
            if isinstance(value, ast.FormattedValue) and isinstance(value.value, ast.Name):
                direct = [
                    found.value
                    for found in ast.walk(self.scope[-1])
                    if isinstance(found, ast.Assign)
                    and not isinstance(found.value, ast.JoinedStr)
                    and any(getattr(target, "id", "") == value.value.id for target in found.targets)
                ]
                parts.append([piece for one in direct for piece in self.pieces(one)])
        for combination in itertools.product(*parts):
            yield [" ".join(itertools.chain.from_iterable(combination))]


@lru_cache
def sms_texts() -> list[str]:
    found = SmsTexts()
    for package in ("engine", "workflows"):
        for path in sorted((ROOT / package).rglob("*.py")):
            found.visit(ast.parse(path.read_text(encoding="utf-8")))
    return sorted({"".join(pieces) for pieces in found.found})


def test_the_texts_of_all_sms_are_known() -> None:
    assert len(sms_texts()) >= 20
    assert any("انصراف شما از بازرسی" in text and "سهمیهٔ دوره" in text for text in sms_texts())


@pytest.mark.rule("SMS-2")
@pytest.mark.parametrize("text", sms_texts())
def test_an_sms_with_the_longest_names_has_two_parts_at_most(text: str) -> None:
    shown = text % {name: LONGEST[name] for name in re.findall(r"%\((\w+)\)s", text)}
    assert signs(shown) <= 2 * SIGNS


@pytest.mark.rule("SMS-2")
@pytest.mark.parametrize("text", sms_texts())
def test_numbers_with_hyphens_stand_first_in_their_line_of_an_sms(text: str) -> None:
    inside = [line for line in text.split("\n") for name in WITH_HYPHENS if f"%({name})s" in line.lstrip()[1:]]
    assert inside == []


@pytest.mark.rule("SMS-2")
def test_what_an_sms_may_not_hold_is_taken_out_and_what_does_not_fit_is_cut_at_a_word() -> None:
    assert sms_text("پروژهٔ \u2066۱۴۰۵-۰۰۰۴۵۷-۳\u2069") == "پروژهٔ ۱۴۰۵-۰۰۰۴۵۷-۳"
    assert sms_text("نیم\u200cفاصله") == "نیم\u200cفاصله"
    whole = "۱۴۰۵-۰۰۰۴۵۷-۳: بازرسی این پروژه از شما گرفته شد. دلیل: " + "بازرس در محل نبود " * 30
    cut = sms_text(whole)
    assert signs(cut) <= 2 * SIGNS and cut.endswith("…") and whole.startswith(cut[:-1]) and whole[len(cut) - 1] in " ،"
    assert signs(sms_text("🏠" * 200)) <= 2 * SIGNS
    assert len(sms_text("word " * 100)) <= 2 * 153
    with reading("en"):
        assert sms_text("short") == "short"
