"""For those who run the system: does the process live, and is everything it needs well?"""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Response, jsonify
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from engine.persistence.storage import State
from engine.queries.monitor import late_file
from models import migrate
from models.job import WorkerBeat
from webapp.shell import current

bp = Blueprint("health", __name__)

BEAT_WITHIN = timedelta(seconds=60)


@bp.get("/livez")
@current.public
def live() -> Response:
    return Response("ok\n", mimetype="text/plain")


@bp.get("/readyz")
@current.public
def ready() -> tuple[Response, int]:
    """200 when database, migrations, worker, disks and running cases are well, else 503; the body says which is not.

    ``refusing``: whose disk takes nothing more (database, files); ``almost_full``: where room is getting short, which
    is no reason yet to send nobody here. ``scanner``: none, well, silent, or late where an
    uploaded file waits for long; files are held meanwhile, and all else goes on.

    Running cases are not when they rely on something that this version of the code does not have, unless it was
    started with --force all the same.
    """
    checks = {"database": False, "migrations": False, "worker": False, "storage": False, "definitions": False}
    storage = State()
    incompatible = None
    late = False
    try:
        storage = current.application().storage.look()
        checks["storage"] = not storage.refusing
        checks["migrations"] = migrate.is_current(current.application().database)
        checks["database"] = True
        with current.transaction() as session:
            now = current.now()  # a beat from later than that was left by a clock that has jumped back
            beat = session.scalar(select(func.max(WorkerBeat.at)).where(WorkerBeat.at < now + BEAT_WITHIN))
            if checks["migrations"]:
                incompatible = len(current.application().compatibility.errors(session))
                late = late_file(session, now=now) is not None
        checks["definitions"] = incompatible == 0 or current.application().forced
        checks["worker"] = beat is not None and now - beat < BEAT_WITHIN
    except SQLAlchemyError:
        pass  # the answer says that the database is away
    well = all(checks.values())
    answer = jsonify(
        status="ready" if well else "not ready",
        checks=checks,
        incompatible_definitions=incompatible,
        refusing=storage.refusing,
        almost_full=storage.almost_full,
        scanner=_scanner(late=late),
    )
    return answer, 200 if well else 503


def _scanner(*, late: bool) -> str:
    clamd = current.application().scanner
    if clamd is not None and not clamd.answers():
        return "silent"
    return "late" if late else "none" if clamd is None else "well"
