"""The parts of the OpenAPI document that calls share: schemas, parameters and error answers."""

from __future__ import annotations

from typing import Any

from engine.contributions.listings import COLUMN_KINDS
from models.case import CaseStatus, TaskKind, TaskStatus
from models.document import FileState
from webapp.problems import CODES

Json = dict[str, Any]

MOMENT: Json = {"type": "string", "format": "date-time", "description": "ISO 8601, UTC"}
TEXT: Json = {"type": "string"}
NUMBER_EXAMPLE = "1405-000457-3"


def nullable(schema: Json) -> Json:
    return {**schema, "type": [schema["type"], "null"]}


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def obj(properties: Json, *, optional: tuple[str, ...] = (), **more: Any) -> Json:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, **({"required": required} if required else {}), **more}


def array(items: Json) -> Json:
    return {"type": "array", "items": items}


WAIT = obj(
    {
        "task": {**TEXT, "description": "the element's id in the diagram"},
        "name": TEXT,
        "role": nullable({**TEXT, "description": "who is waited for; null where it is no person"}),
        "role_name": nullable(TEXT),
        "assignee": nullable({**TEXT, "description": "name of the person, when it is one person's"}),
        "since": MOMENT,
        "due": nullable(MOMENT),
        "locked": nullable({**TEXT, "description": "why nobody can do it now"}),
        "kind": {"enum": ["task", "timer", "operation", "message", "signal"]},
    }
)
TASK_PROPERTIES: Json = {
    "id": {"type": "integer"},
    "key": {**TEXT, "description": "the element's id in the diagram", "examples": ["record_report"]},
    "kind": {
        "enum": [kind.value for kind in TaskKind],
        "description": "user_task and event stand in the worklist; an action is something else one may do with a case",
    },
    "name": TEXT,
    "process": {**TEXT, "description": "the diagram that the element is in, which a case's own may call"},
    "case": {**TEXT, "examples": [NUMBER_EXAMPLE]},
    "summary": {**TEXT, "description": "one line that the case is known by"},
    "role": {**TEXT, "description": "key of the role, which the organisation's table or the process names"},
    "scope": nullable({**TEXT, "description": "key of the division (unit, district or region) of a divided role"}),
    "assignee": nullable({**TEXT, "description": "name of the person it waits for; null: for the whole group"}),
    "mine": {"type": "boolean", "description": "whether the assignee is the caller"},
    "claimed": {"type": "boolean", "description": "taken from the group, so that it may be released"},
    "status": {"enum": [status.value for status in TaskStatus]},
    "since": MOMENT,
    "due": nullable(MOMENT),
    "priority": {"type": "integer", "description": "0 is the most urgent"},
    "locked": nullable({**TEXT, "description": "why nobody can complete it now"}),
}

SCHEMAS: Json = {
    "Credentials": obj(
        {
            "username": {**TEXT, "description": "in any digits; a mobile number in any usual form"},
            "password": {**TEXT, "format": "password"},
            "otp": {
                **TEXT,
                "description": "of an account with two-step sign-in: six digits of the app or SMS, or a recovery code",
            },
        },
        optional=("otp",),
        examples=[{"username": "12-30-01234", "password": "…"}],
    ),
    "Token": obj(
        {
            "access_token": TEXT,
            "token_type": {"const": "bearer"},
            "expires_in": {"type": "integer", "description": "seconds"},
        },
        examples=[{"access_token": "k3v…", "token_type": "bearer", "expires_in": 43200}],
    ),
    "Process": obj(
        {
            "key": {**TEXT, "examples": ["project_registration"]},
            "name": TEXT,
            "version": {"type": "integer"},
            "offered": {"type": "boolean", "description": "whether new cases start; running ones go on all the same"},
            "may_start": {"type": "boolean", "description": "whether the caller may start a case"},
            "form": nullable({"type": "object", "description": "JSON Schema of the values that a start takes"}),
        }
    ),
    "Wait": WAIT,
    "Case": obj(
        {
            "number": {**TEXT, "examples": [NUMBER_EXAMPLE]},
            "process": TEXT,
            "process_name": TEXT,
            "version": {"type": "integer"},
            "status": {
                "enum": [*(status.value for status in CaseStatus), None],
                "description": "null for whoever left the case: they read what was theirs until `left_at`",
            },
            "outcome": nullable({**TEXT, "description": "id of the end event that was reached"}),
            "started_at": MOMENT,
            "started_by": nullable({**TEXT, "description": "name; null: the system"}),
            "ended_at": nullable(MOMENT),
            "summary": TEXT,
            "waits_for": array(ref("Wait")),
            "actions": {**array(ref("Task")), "description": "what else the caller may do with the case now"},
            "left_at": nullable({**MOMENT, "description": "when the caller's part in the case ended"}),
        }
    ),
    "Task": obj(TASK_PROPERTIES),
    "TaskWithForm": obj(
        {
            **TASK_PROPERTIES,
            "form": {
                "type": "object",
                "description": "JSON Schema 2020-12 of `values`. x-widget: how a page draws a field; x-labels: names "
                "of the options; x-shown-when: the field and its values for which this one counts.",
            },
            "values": {**ref("Values"), "description": "the draft, else what was saved before"},
            "draft": {"type": "boolean", "description": "whether there is a draft"},
            "notices": {**array(obj({"kind": TEXT, "text": TEXT})), "description": "what the task's page says first"},
            "links": {
                **array(obj({"label": TEXT, "url": TEXT})),
                "description": "where the task leads to: the payment gateway's page, for one",
            },
        }
    ),
    "Values": {
        "type": "object",
        "additionalProperties": True,
        "description": "Field names and values. Money: whole Rials (integer). Dates: Jalali (`1399/02/07`, any digits) "
        "or ISO. Moments: ISO 8601 with offset, or Jalali with time in Tehran. Rows: a list. "
        "Files: the id of a document, where there may be several a list of ids. Every upload makes a document, also of "
        "the same file; only a call repeated with its Idempotency-Key gives the first one again.",
        "examples": [{"source": "new"}, {"meters": [{"units": 1, "consumption": 4.5}], "all_registered": True}],
    },
    "Submission": obj({"values": ref("Values")}, optional=("values",)),
    "Start": obj(
        {
            "process": {**TEXT, "examples": ["project_registration"]},
            "values": {**ref("Values"), "description": "of the start event's form, for a process that has one"},
        },
        optional=("values",),
    ),
    "Step": obj(
        {
            "case": ref("Case"),
            "tasks": {**array(ref("Task")), "description": "the open ones that the caller may do"},
            "messages": {**array(TEXT), "description": "what the step says to the caller"},
        }
    ),
    "HistoryEntry": obj(
        {
            "at": MOMENT,
            "who": TEXT,
            "what": {**TEXT, "examples": ["case_started", "task_completed"]},
            "task": nullable({**TEXT, "description": "the element's id in the diagram"}),
            "details": {"type": ["object", "null"]},
            "role": nullable(TEXT),
            "words": {**TEXT, "description": "what happened, in the reader's language"},
            "text": nullable({**TEXT, "description": "the remark that was written with it"}),
        }
    ),
    "Document": obj(
        {
            "id": {"type": "integer"},
            "name": TEXT,
            "size": {"type": "integer", "description": "bytes"},
            "type": {**TEXT, "description": "media type, detected from the content", "examples": ["application/pdf"]},
            "state": {
                "enum": [state.value for state in FileState],
                "description": "checking: held for the virus scanner. Only its uploader knows of it, and no task is"
                " completed with it, until it is ready; an infected one is deleted",
            },
        }
    ),
    "List": obj(
        {
            "key": TEXT,
            "label": TEXT,
            "columns": array(obj({"key": TEXT, "label": TEXT, "kind": {"enum": sorted(COLUMN_KINDS)}})),
            "filters": {"type": "object", "description": "JSON Schema of the list's own query arguments"},
        }
    ),
    "ListPage": obj(
        {
            "items": array(
                obj(
                    {
                        "values": {"type": "object", "description": "by column; money: Rials; a link: text and url"},
                        "url": nullable({**TEXT, "description": "the page of what the row is about"}),
                        "mark": nullable({**TEXT, "examples": ["danger"]}),
                    }
                )
            ),
            "next": nullable({**TEXT, "description": "`cursor` of the next page"}),
            "totals": {"type": ["object", "null"], "description": "by column, of all rows"},
        }
    ),
    "Problem": obj(
        {
            "type": {**TEXT, "format": "uri"},
            "title": TEXT,
            "status": {"type": "integer"},
            "code": {"enum": sorted(CODES), "description": "stable; what programs go by"},
            "detail": TEXT,
            "errors": {
                "type": "object",
                "additionalProperties": array(TEXT),
                "description": "messages by field; rows: `meters.0.consumption`; an empty name: the form as a whole",
            },
            "retry_after": {"type": "integer", "description": "seconds, with `too_many`"},
            "reference": {**TEXT, "description": "number of the error in the log"},
            "incident": {"type": ["integer", "null"], "description": "with `operation_failed`"},
        },
        optional=("errors", "retry_after", "reference", "incident"),
        description="RFC 9457",
    ),
}


def page_of(name: str) -> Json:
    return obj(
        {
            "items": array(ref(name)),
            "next": nullable({**TEXT, "description": "`cursor` of the next page"}),
        }
    )


def query(name: str, schema: Json, description: str) -> Json:
    return {"name": name, "in": "query", "schema": schema, "description": description}


PARAMETERS: Json = {
    "number": {
        "name": "number",
        "in": "path",
        "required": True,
        "schema": TEXT,
        "example": NUMBER_EXAMPLE,
        "description": "the case's number, in any digits, with or without dashes",
    },
    "task_id": {"name": "task_id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}},
    "document_id": {"name": "document_id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}},
    "process": query("process", TEXT, "key of a process"),
    "q": query("q", {**TEXT, "maxLength": 500}, "words or a number; digits and letters of any keyboard"),
    "cursor": query("cursor", TEXT, "`next` of the page before"),
    "limit": query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 30}, "items of a page"),
    "idempotency_key": {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {**TEXT, "minLength": 1, "maxLength": 100},
        "description": "chosen by the caller; the same call with the same key is done once and answered alike "
        "for 7 days. With another body: `idempotency_key_reused`.",
    },
    "language": {
        "name": "Accept-Language",
        "in": "header",
        "schema": {"enum": ["fa", "en"]},
        "description": "language of names and messages; else the person's own",
    },
}


def problem_answer(*codes: str) -> Json:
    """The error answer for some codes of one status, with an example of each."""
    examples = {
        code: {
            "value": {
                "type": f"urn:kartabl:problem:{code}",
                "title": str(CODES[code][1]),
                "status": CODES[code][0],
                "code": code,
                "detail": str(CODES[code][1]),
                **_more(code),
            }
        }
        for code in codes
    }
    content = {"application/problem+json": {"schema": ref("Problem"), "examples": examples}}
    answer: Json = {"description": " · ".join(f"`{code}`" for code in codes), "content": content}
    if "too_many" in codes:
        answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}
    if "not_signed_in" in codes:
        answer["headers"] = {"WWW-Authenticate": {"schema": TEXT}}
    return answer


def _more(code: str) -> Json:
    more: dict[str, Json] = {
        "invalid": {"errors": {"meters.0.consumption": ["…"]}},
        "too_many": {"retry_after": 60},
        "operation_failed": {"incident": 12},
        "internal": {"reference": "9f3a11c0"},
    }
    return more.get(code, {})
