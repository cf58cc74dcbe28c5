"""What somebody may no longer do is refused at the next request, whatever they hold in their hands (F6)."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import delete, select, update

from models.account import Person, RoleGrant
from tests.prove.attack_site import Target
from tests.prove.attacks import attack


@attack("who has lost the role of a task, or is locked, completes nothing with the token and the page from before")
def rights_from_before(target: Target) -> Iterator[str]:
    with target.program("contractor-2") as program, target.person("contractor-2", address="127.0.6.1") as page:
        task = program.post("/api/v1/cases", json={"process": "project_registration"}).json()["tasks"][0]["id"]
        if program.get(f"/api/v1/tasks/{task}").status_code != 200 or page.look(f"/tasks/{task}").status_code != 200:
            yield "the task is not there for whom it is"
        with target.application.engine.transaction() as session:
            person = session.scalars(select(Person).where(Person.username == "contractor-2")).one().id
            session.execute(delete(RoleGrant).where(RoleGrant.person_id == person))
        values = {"values": {"source": "new"}}
        for what, answer in (
            ("the API completes", program.post(f"/api/v1/tasks/{task}/complete", json=values)),
            ("the API drafts", program.put(f"/api/v1/tasks/{task}/draft", json=values)),
            ("the page completes", page.send_form(f"/tasks/{task}", source="new")),
        ):
            if answer.status_code not in (403, 404):
                yield f"without the role {what}: {answer.status_code}"
        with target.application.engine.transaction() as session:
            session.execute(update(Person).where(Person.id == person).values(active=False))
        for what, answer in (
            ("the API answers", program.get("/api/v1/tasks")),
            ("the page answers", page.get("/worklist")),
        ):
            if answer.status_code not in (401, 303):
                yield f"to a locked account {what}: {answer.status_code}"
        with target.application.engine.transaction() as session:
            session.execute(update(Person).where(Person.id == person).values(active=True))
            session.add(RoleGrant(person_id=person, role="contractor"))
