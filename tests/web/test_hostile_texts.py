"""Every page with "%" and markup in every stored text: names in diagrams, days, files, people, reasons, answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

import pytest
from sqlalchemy import select, update

import kartabl
import webapp
from models.base import Base
from models.case import HistoryEntry, Task
from models.definition import ProcessDefinition
from tests.conftest import SATURDAY, prepare
from tests.web.test_authorisation import QUERY, TABLE
from tests.web.world import World, build_world

MARK = '"><img src=x onerror=alert(1)>'
HOSTILE = f"نام ۱۰۰% %(x)s %s {{0}} {MARK}"
SUBJECTS = ("contractor", "inspector", "gas_office", "supervisor", "admin", "citizen", "finance")
TEXTS = frozenset(  # columns that hold what somebody wrote
    [
        "name",
        "title",
        "subject",
        "address",
        "reason",
        "by_name",
        "actor_name",
        "task_name",
        "first_name",
        "last_name",
        "father_name",
        "company",
        "company_name",
        "agent_name",
        "firm",
        "preferences",
        "building_name",
        "description",
        "body",
        "sender",
        "text",
        "note",
        "ended_why",
        "message",
        "revoked_why",
        "remark",
        "name_fa",
        "name_en",
        "error",
        "main_plate",
        "sub_plate",
        "changed_by",
    ]
)
KEYS = frozenset({"organisation_changes.subject"})  # of the same name as a text
NAMED = re.compile(
    r"(<(?:\w+:)?(?:process|lane|participant|\w*[tT]ask|\w*Event|\w*Gateway|sequenceFlow|subProcess|callActivity)"
    r'\b[^>]*?\bname=)"[^"]*"'
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    built = build_world(tmp_path_factory.mktemp("files"), prepare=prepare, now=SATURDAY)
    with built.play.session() as session:
        for table in Base.metadata.sorted_tables:
            columns = [one for one in table.c if one.name in TEXTS and str(one) not in KEYS]
            if columns and not table.name.startswith("audit_"):  # append-only
                session.execute(update(table).values(dict.fromkeys(columns, HOSTILE)))
        session.execute(update(HistoryEntry).values(details={"text": HOSTILE, "values": {"field": HOSTILE}}))
        session.execute(update(Task).where(Task.id == built.objects["hand"]).values(locked=HOSTILE))
        for row in session.scalars(select(ProcessDefinition)):
            xml = row.xml.decode()
            row.xml = NAMED.sub(lambda match: match[1] + quoteattr(HOSTILE, {'"': "&quot;"}), xml).encode()
            assert row.xml.count(b"&lt;img src=x") > 3
    settings, clock = built.application.settings, built.play.clock
    built.application.database.dispose()
    built.application = kartabl.build(settings, now=clock)  # as after a restart: nothing is known from before
    built.app = webapp.create_app(built.application)
    yield built
    built.application.database.dispose()


def test_no_page_fails_or_takes_a_stored_text_for_markup(world: World) -> None:
    wrong, showing = [], 0
    for row in (*TABLE["pages"], *TABLE["api"]):
        method, _space, address = row.partition(" ")
        if method != "GET":
            continue
        path = (address + QUERY.get(row, "")).format(**world.objects)
        for subject in SUBJECTS:
            with world.undone():
                get = world.call if path.startswith("/api/") else world.ask
                answer = get(subject, "GET", path)
            if answer.status_code >= 500:
                wrong.append(f"{subject} {path}: {answer.status_code}")
            elif answer.mimetype == "text/html":
                wrong += [f"{subject} {path}: {found}" for found in re.findall(r".{60}<img src=x", answer.text)]
                showing += "&lt;img src=x" in answer.text
            answer.close()
    assert not wrong, "\n".join(wrong)
    assert showing > 100, f"only {showing} pages show any such text"


def test_a_refused_form_shows_them_as_they_are(world: World) -> None:
    wrong = []
    for row in TABLE["pages"]:
        method, _space, address = row.partition(" ")
        path = address.format(**world.objects)
        if method == "GET" or path.startswith(("/sign-out", "/language/")):
            continue
        for subject in ("contractor", "inspector", "supervisor", "admin"):
            with world.undone():
                answer = world.ask(subject, method, path, data={"reason": HOSTILE, "name": HOSTILE, "title": HOSTILE})
            if answer.status_code >= 500 or (answer.mimetype == "text/html" and "<img src=x" in answer.text):
                wrong.append(f"{subject} {path}: {answer.status_code}")
            answer.close()
    assert not wrong, "\n".join(wrong)
