"""Assignments at the same moment, by processes of the operating system, on PostgreSQL."""

from __future__ import annotations

import itertools
from fractions import Fraction
from multiprocessing.synchronize import Barrier

import pytest
from sqlalchemy import select

import kartabl
from engine.actor import SYSTEM
from engine.jobs import runner
from engine.settings import Settings
from models.case import Case
from models.gas import Assignment, GasProject, InspectorQuota
from tests.conftest import prepare
from tests.databases import fresh_database, postgres_or_skip
from tests.play import Play
from tests.prove.forks import at_once
from tests.scenarios import gas_office as office
from tests.scenarios.projects import assigned
from tests.standing import StandingClock
from workflows.assignment import operations

PROCESSES, EACH = 4, 5


@pytest.fixture
def database_url() -> str:
    return fresh_database(postgres_or_skip(), prepare=prepare)


def paying(play: Play, count: int) -> None:
    """So many registrations whose payers are back from the gateway; it only has to be asked."""
    authorities = []
    for number in range(count):
        office.up_to_invoice(play, *[office.METER] * (1 + number % 3), renovation_code=f"3-{number}")
        authorities.append(play.does("contractor", "review_invoice").payment().authority)
    assert play.application.test_gateway is not None
    for authority in authorities:
        with play.session() as session:
            play.application.test_gateway.decide(session, authority, decision="pay", now=play.clock.now)
            play.application.payment_returned(play.engine, session, gateway="test", authority=authority)


def shares(play: Play) -> dict[str, list[int]]:
    """The due jobs, leased to the processes that will do them."""
    taken = {}
    for name in (f"process-{number}" for number in range(PROCESSES)):
        with play.session() as session:
            taken[name] = runner.take(session, owner=name, now=play.clock.now, limit=EACH)
    assert [len(own) for own in taken.values()] == [EACH] * PROCESSES
    return taken


def run_own_jobs(settings: Settings, clock: StandingClock, name: str, own: list[int], barrier: Barrier) -> list[bool]:
    """One process: does each of its jobs when the others do theirs."""
    application = kartabl.build(settings, now=clock)
    done = []
    for job in own:
        barrier.wait()
        done.append(runner.run(application.engine, job, owner=name))
    application.database.dispose()
    return done


@pytest.mark.pg
@pytest.mark.rule("ASG-1", "ASG-2")
def test_twenty_projects_at_the_same_moment_overfill_nobody_and_are_spread_fairly(
    play: Play, settings: Settings, clock: StandingClock
) -> None:
    quotas = {"inspector-1": 60, "inspector-2": 60, "inspector-3": 40, "inspector-4": 40}
    people = {office.add_inspector(play, name, quota=quota): quota for name, quota in quotas.items()}
    nearly_full = office.add_inspector(play, "inspector-5", quota=100, assigned=98)
    paying(play, PROCESSES * EACH)
    taken = shares(play)
    play.application.database.dispose()  # a forked process has connections of its own

    done = at_once(
        [
            lambda barrier, name=name, own=own: run_own_jobs(settings, clock, name, own, barrier)
            for name, own in taken.items()
        ]
    )

    assert done == [[True] * EACH] * PROCESSES  # at the first try: nobody was in another's way
    play.work()
    with play.session() as session:
        made = session.scalars(select(Assignment)).all()
        loads = {quota.inspector_id: quota for quota in session.scalars(select(InspectorQuota))}
        inspections = session.scalars(select(Case).where(Case.process_key == "gas_inspection")).all()
    assert len(made) == len({one.project_id for one in made}) == len(inspections) == PROCESSES * EACH
    assert all(quota.assigned <= quota.quota for quota in loads.values())
    assert loads[nearly_full].assigned == 98
    counted = {person: sum(one.weight for one in made if one.inspector_id == person) for person in people}
    assert counted == {person: loads[person].assigned for person in people}
    for more, less in itertools.permutations(people, 2):
        apart = Fraction(counted[more], people[more]) - Fraction(counted[less], people[less])
        assert apart <= Fraction(3, people[more]), counted  # one case of the largest weight


@pytest.mark.pg
@pytest.mark.rule("ASG-1", "ASG-2", "ASG-5", "INS-3")
def test_withdrawals_and_assignments_at_the_same_moment_never_wait_for_one_another(
    play: Play, settings: Settings, clock: StandingClock
) -> None:
    """Who withdraws holds quotas and then wants those of the others: in another order they would deadlock."""
    people = [office.add_inspector(play, f"inspector-{number}", quota=120) for number in range(1, 5)]
    projects = [assigned(play) for _ in range(PROCESSES * EACH)]
    play.application.database.dispose()

    at_once(
        [
            lambda barrier, own=projects[number::PROCESSES]: withdraw_all(settings, clock, own, barrier)
            for number in range(PROCESSES)
        ]
    )

    with play.session() as session:
        made = session.scalars(select(Assignment)).all()
        current = [one for one in made if one.ended == ""]
        assert len(current) == len(projects) and len(made) == 2 * len(projects)
        for project in session.scalars(select(GasProject)):
            first, second = sorted((one for one in made if one.project_id == project.id), key=lambda one: one.id)
            assert project.inspector_id == second.inspector_id != first.inspector_id
        for person in people:
            quota = session.get_one(InspectorQuota, (person, office.PERIOD))
            withdrawn = sum(one.inspector_id == person and one.ended == "withdrawn" for one in made)
            assert quota.assigned == sum(one.inspector_id == person for one in current)
            assert quota.lost_twelfths == max(0, withdrawn - 2)


def withdraw_all(settings: Settings, clock: StandingClock, projects: list[int], barrier: Barrier) -> None:
    application = kartabl.build(settings, now=clock)
    for project_id in projects:
        barrier.wait()
        with application.engine.transaction() as session:
            project = session.get_one(GasProject, project_id)
            context = application.engine._context(session, project.case, SYSTEM)
            operations.end_assignment(context, project, how="withdrawn")
            assert operations.assign_inspector(context) is not None
    application.database.dispose()
