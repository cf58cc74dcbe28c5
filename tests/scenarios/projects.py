"""Registered projects without their long way: for stories of assignments, and of lists of many projects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from models.building import Property
from models.case import Case
from models.gas import GasProject, Meter
from tests.play import Play
from tests.scenarios import gas_office as office
from workflows.assignment import operations

METER = {"units": 1, "usage": "residential", "floor_area": 100, "consumption": 6, "meter_class": "G4"}


def registered(play: Play, *, meters: int = 1, region: int = 3, by: str = "contractor", **values: Any) -> int:
    """A project with so many meters, as if it had been registered. Returns its id; ``play.case_id`` is its case."""
    office.start(play, by=by)
    with play.session() as session:
        project = session.query(GasProject).filter_by(case_id=play.case_id).one()
        project.property = Property(
            code=f"{play.case_id:06}-0",
            region=region,
            main_plate="1",
            sub_plate="1",
            postal_code="7134567890",
            renovation_code=f"3-{play.case_id}",
            address="خیابان آزادی",
            land_area=200,
            floors=2,
            registered_at=play.clock.now,
        )
        project.meters = [Meter(number=number, **METER) for number in range(1, meters + 1)]
        for name, value in ({"work_type": "surface", "registered_at": play.clock.now} | values).items():
            setattr(project, name, value)
        session.flush()
        return project.id


def operated(play: Play, who: str, work: Callable[..., Any], *, on: int | None = None, **arguments: Any) -> Any:
    """Run what an operation runs: ``work(context)`` on a project's case, or ``work(context, project)`` with ``on``."""
    with play.session() as session:
        given = [session.get_one(GasProject, on)] if on is not None else []
        case = given[0].case if given else session.get_one(Case, play.case_id)
        context = play.engine._context(session, case, play.actor(who))
        answer = work(context, *given, **arguments)
        play.messages = context.flashes
        return answer


def assigned(play: Play, **values: Any) -> int:
    """A registered project that has been given to the inspector whose turn it is."""
    project_id = registered(play, **values)
    assert operated(play, "contractor", operations.assign_inspector) is not None
    return project_id


def left(play: Play, project_id: int, who: str, *, how: str = "withdrawn", reason: str = "") -> None:
    """The project's inspector withdraws, or is dismissed by ``who``."""
    operated(play, who, operations.end_assignment, on=project_id, how=how, reason=reason)
