"""The list of rules is true: every mark names a rule, every rule that is built has a test."""

from tests.tools import rules


def test_every_mark_names_a_rule_of_the_domain() -> None:
    known = {rule for section in rules.sections() for rule in section.rules}
    assert {rule: tests for rule, tests in rules.proofs().items() if rule not in known} == {}


def test_every_rule_that_is_built_is_proved_by_a_test() -> None:
    proved = rules.proofs()
    unproved = [
        rule
        for section in rules.sections()
        for rule in section.rules
        if section.needs_a_test(rule) and not proved.get(rule)
    ]
    assert unproved == []


def test_the_page_of_rules_is_fresh() -> None:
    """Mend it with ``make rules``."""
    assert rules.PAGE.read_text("utf-8") == rules.page()
