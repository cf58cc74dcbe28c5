"""The registry of operations: names are given, not derived, and former ones stay valid."""

import pytest

from engine.contributions.operations import OperationContext, Operations


def test_a_deployed_version_finds_an_operation_by_its_former_name() -> None:
    operations = Operations()

    @operations.register("storage.lend", formerly=["store.give_out"], outside=True)
    def lend(context: OperationContext, *, thing: str, days: int = 1) -> None: ...

    operation = operations.get("store.give_out")
    assert operation is not None
    assert operation is operations.get("storage.lend")
    assert (operation.name, operation.outside) == ("storage.lend", True)
    assert (operation.parameters, operation.required) == ({"thing", "days"}, {"thing"})
    assert [one.name for one in operations] == ["storage.lend"]  # a former name is not offered


@pytest.mark.parametrize("name", ["storage.lend", "store.give_out"])
def test_a_name_is_given_once_also_a_former_one(name: str) -> None:
    operations = Operations()
    operations.register("storage.lend", formerly=["store.give_out"])(lambda context: None)
    with pytest.raises(ValueError, match=name):
        operations.register(name)(lambda context: None)
    with pytest.raises(ValueError, match=name):
        operations.register("storage.other", formerly=[name])(lambda context: None)


def test_every_shipped_operation_is_named_after_a_process_or_a_topic() -> None:
    import workflows  # noqa: F401 - registers them
    from tests.test_architecture import ROOT
    from workflows.registry import operations

    processes = {path.stem for path in (ROOT / "bpmn_diagrams").glob("*.bpmn")}
    topics = {"assignment"}  # shared by processes
    assert {operation.name.split(".")[0] for operation in operations} <= processes | topics
