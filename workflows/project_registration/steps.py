"""The steps of a registration that a person may go back to, in their order (REG-13)."""

from collections.abc import Callable

from engine.contributions.briefings import Step, Steps
from models.choice import Choice
from models.language import lazy

FIRST_STEP = "choose_property"

STEPS = {
    "choose_property": lazy("انتخاب راه ثبت ملک"),
    "register_property": lazy("ثبت ملک جدید"),
    "find_property": lazy("ملک ثبت‌شده"),
    "register_owner": lazy("مالک"),
    "register_building": lazy("ساختمان"),
    "register_meters": lazy("کنتورها"),
    "upload_documents": lazy("مدارک"),
    "review_invoice": lazy("صورت‌حساب"),
}
WAYS = ("register_property", "find_property")  # two ways of one step
CHAIN = (
    "choose_property",
    "property",
    "register_owner",
    "register_building",
    "register_meters",
    "upload_documents",
    "review_invoice",
)


def open_steps(completed: frozenset[str]) -> list[str]:
    """Completed steps and the current one, by the keys of the completed tasks."""
    done = _folded(completed)
    reached = [step for index, step in enumerate(CHAIN) if index == 0 or step in done or CHAIN[index - 1] in done]
    return [key for step in reached for key in (WAYS if step == "property" else (step,))]


def step_choices(completed: frozenset[str], key_in_diagram: Callable[[str], str]) -> list[Choice]:
    """The steps to go back to, each by the key that the conditions of the case's own diagram compare with."""
    return [Choice(key_in_diagram(key), STEPS[key]) for key in open_steps(completed)]


def progress(completed: frozenset[str], current: str) -> Steps:
    """Progress of a person at the step ``current``."""
    done = _folded(completed)
    at = "property" if current in WAYS else current
    items = []
    for step in CHAIN:
        state = "current" if step == at else "done" if step in done else "ahead"
        items.append(Step(step, str(lazy("ملک") if step == "property" else STEPS[step]), state))
    return Steps(items)


def _folded(completed: frozenset[str]) -> frozenset[str]:
    return completed | {"property"} if completed & set(WAYS) else completed
