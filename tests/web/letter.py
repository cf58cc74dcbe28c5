"""A process with one task, a letter with files and photos: for tests of files in pages, in the API and in browsers."""

from __future__ import annotations

from typing import Any

from engine.bpmn.diagram import read_diagrams
from engine.deployment import definitions
from forms.base import TaskForm, user_task
from forms.fields import DocumentField, DocumentsField, LongTextField, RowForm, RowsField
from forms.validators import FilesBetween, Required
from tests.engine.small import chain, end, process, properties, start

TASK = f'<bpmn:userTask id="write" name="نوشتن نامه">{properties(role="citizen")}</bpmn:userTask>'
LETTER = process(start() + TASK + end() + chain("begin", "write", "done"), key="letter")


class Meter(RowForm):
    photo = DocumentField("عکس کنتور")


@user_task("write")
class Letter(TaskForm):
    body = LongTextField("متن", [Required("متن را بنویسید.")])
    files = DocumentsField("پیوست‌ها")
    photos = DocumentsField("عکس‌ها", [FilesBetween(1, 3)], accept=["jpg", "jpeg", "png"])
    meters = RowsField(Meter, "کنتورها", min_rows=0)


def deploy(application: Any) -> None:
    read = {diagram.key: diagram for diagram in read_diagrams(LETTER)}
    with application.engine.transaction() as session:
        definitions.deploy(session, read, now=application.clock())
