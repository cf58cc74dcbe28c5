"""A task or a process that was renamed: running cases of the earlier diagram find all that Python says of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import forms
import kartabl
from engine.bpmn.diagram import read_diagrams
from engine.contributions.briefings import Briefing, Briefings, Facts
from engine.deployment import definitions
from engine.deployment.compatibility import Compatibility
from forms import base
from forms.fields import TextField
from tests.engine.small import chain, end, process, start, user_task
from tests.web.api_client import Api
from workflows.registry import renames

EARLIER = process(start() + user_task("say") + end() + chain("begin", "say", "done"), key="earlier")
PRESENT = process(start() + user_task("tell") + end() + chain("begin", "tell", "done"), key="present")


class Tell(forms.TaskForm):
    """What the task asks, under whatever name."""

    words = TextField("سخن")


@pytest.fixture(autouse=True)
def renamed(application: kartabl.Application) -> Iterator[None]:
    """The process ``earlier`` with its task ``say`` is called ``present`` with ``tell`` now."""
    before = dict(base._registered), dict(base._former_processes)
    Tell.__module__ = "forms.present"
    forms.user_task("tell", formerly=["say"])(Tell)
    forms.renamed_process(formerly="earlier", now="present")
    with application.engine.transaction() as session:
        for xml in (EARLIER, PRESENT):
            read = {diagram.key: diagram for diagram in read_diagrams(xml)}
            definitions.deploy(session, read, now=application.clock())
    renames.read(tasks=forms.former_tasks(), processes=forms.former_processes())
    yield
    for registry, kept in zip((base._registered, base._former_processes), before, strict=True):
        registry.clear()
        registry.update(kept)
    renames.read(tasks=forms.former_tasks(), processes=forms.former_processes())


@pytest.mark.parametrize(("process_key", "task_key"), [("present", "tell"), ("present", "say"), ("earlier", "say")])
def test_the_form_is_found_under_every_name(process_key: str, task_key: str) -> None:
    form = forms.form_for(process_key, task_key)
    assert form is not None and issubclass(form, Tell)
    assert form.user_task == (process_key, task_key)
    assert form.registered_as == ("present", "tell")


def test_present_names_only_are_listed() -> None:
    assert [key for key in forms.registered() if key[0] in ("present", "earlier")] == [("present", "tell")]
    assert forms.former_tasks()["present", "say"] == ("present", "tell")


def test_a_name_cannot_be_taken_twice() -> None:
    class Other(forms.TaskForm):
        pass

    Other.__module__ = "forms.present"
    with pytest.raises(ValueError, match=r"present\.say is registered twice"):
        forms.user_task("say")(Other)
    with pytest.raises(ValueError, match="earlier was renamed twice"):
        forms.renamed_process(formerly="earlier", now="other")


def test_the_briefing_is_found_too() -> None:
    briefings = Briefings(renames)
    brief = Briefing(blocks=[Facts("x", [("y", "z")])])
    briefings.register("present", "tell")(lambda context: brief)
    context: Any = None
    assert briefings.for_task("earlier", "say", context) is brief
    assert briefings.for_task("present", "say", context) is brief
    assert briefings.for_task("present", "other", context) == Briefing()


def test_a_case_of_the_earlier_diagram_goes_on(client: Any, people: Any, application: kartabl.Application) -> None:
    people.add("citizen", "citizen")
    api = Api.signed_in(client, "citizen")
    begun: Any = api.post("/cases", {"process": "earlier"}).json
    (task,) = begun["tasks"]
    shown: Any = api.get(f"/tasks/{task['id']}").json
    assert list(shown["form"]["properties"]) == ["words"]
    with application.engine.transaction() as session:
        assert Compatibility(kartabl.seam()).findings(session) == []
    assert api.complete(task, words="سلام").json["case"]["status"] == "completed"  # type: ignore[index]


def test_all_keys_of_a_process_are_found_in_one_place() -> None:
    assert renames.process_keys("present") == ["present", "earlier"]
    assert renames.process_keys("other") == ["other"]
    assert renames.task("earlier", "say") == ("present", "tell")
