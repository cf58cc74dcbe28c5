"""The API's description (OpenAPI 3.1) at ``/api/openapi.json``, and a page to try it at ``/api/``.

Written by hand beside the calls: the forms validate, so a framework that derives a description from schemas of its
own would be a second validation. A test holds that every call is described, and answers as described.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from flask import Response, render_template, url_for

from engine.queries import worklist
from models.case import CaseStatus
from webapp.api.blueprint import bp
from webapp.api.calls import answer
from webapp.api.openapi_schemas import (
    PARAMETERS,
    SCHEMAS,
    TEXT,
    array,
    obj,
    page_of,
    problem_answer,
    query,
    ref,
)
from webapp.problems import CODES
from webapp.shell import current

Json = dict[str, Any]

INTRODUCTION = """The JSON twin of Kartabl's pages: the same rights, the same validation, the same messages.

Sign in with `POST /token` and send the token as `Authorization: Bearer …`. Whatever the caller may not see is answered
like what does not exist. Errors are `application/problem+json` with a stable `code`. Every `POST` but `/token` takes an
`Idempotency-Key`; repeating a call that got no answer is then safe.

An account with two-step sign-in is answered `second_factor_required` until `POST /token` has its code, or a recovery
code, as `otp`; a code by SMS is sent by the call without one. An account whose role demands two-step sign-in enrols on
the pages first: until then it gets no token, and one that it had does nothing (`must_enrol_second_factor`). Enrolling
ends all tokens that were given without a second factor."""

FLAG = {"type": "boolean"}
NO_TOKEN, REFUSED, GONE = ("not_signed_in",), ("must_change_password", "must_enrol_second_factor"), ("not_found",)
BUSY = ("task_not_open", "task_claimed", "task_locked", "form_missing", "conflict")


@bp.get("/openapi.json", endpoint="openapi")
def description() -> Response:
    """The description, for everybody."""
    return answer(document(url_for("api.openapi").removesuffix("/openapi.json")))


@bp.get("/")
def docs() -> str:
    """A page to read the description and to try the calls."""
    current.choose_language()
    return render_template("api/docs.html")


def document(root: str = "/api") -> Json:
    """The OpenAPI document of an installation whose API is at ``root``."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Kartabl", "version": _version(), "description": INTRODUCTION},
        "servers": [{"url": f"{root}/v1"}],
        "security": [{"token": []}],
        "tags": [
            {"name": "sign-in"},
            {"name": "cases"},
            {"name": "tasks"},
            {"name": "documents"},
            {"name": "lists"},
        ],
        "paths": paths(),
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": SCHEMAS,
            "parameters": PARAMETERS,
        },
    }


def paths() -> Json:
    """Every call by its address, as ``app.url_map`` has them."""
    return {**_sign_in_paths(), **_case_paths(), **_task_paths(), **_document_paths(), **_list_paths()}


def _sign_in_paths() -> Json:
    return {
        "/token": {
            "post": call(
                "sign-in",
                "Sign in",
                200,
                ref("Token"),
                body=ref("Credentials"),
                open_to_all=True,
                errors=[("malformed",), (*NO_TOKEN, "second_factor_required"), REFUSED, ("invalid",), ("too_many",)],
            ),
            "delete": call("sign-in", "End the token of this call", 204, errors=[]),
        },
    }


def _case_paths() -> Json:
    return {
        "/processes": {"get": call("cases", "Which processes there are", 200, array(ref("Process")), errors=[])},
        "/cases": {
            "post": call(
                "cases",
                "Start a case",
                201,
                ref("Step"),
                body=ref("Start"),
                repeatable=True,
                errors=[GONE, (*REFUSED, "process_not_offered")],
            ),
            "get": call(
                "cases",
                "The cases that the caller may see, newest first",
                200,
                page_of("Case"),
                parameters=["process", _status(), "q", "cursor", "limit"],
                errors=[("invalid",)],
            ),
        },
        "/cases/{number}": {"get": call("cases", "One case", 200, ref("Case"), parameters=["number"], errors=[GONE])},
        "/cases/{number}/history": {
            "get": call(
                "cases",
                "All that happened in a case, oldest first",
                200,
                array(ref("HistoryEntry")),
                parameters=["number"],
                errors=[GONE],
            )
        },
    }


def _task_paths() -> Json:
    return {
        "/tasks": {
            "get": call(
                "tasks",
                "The caller's worklist",
                200,
                page_of("Task"),
                errors=[("invalid",)],
                parameters=[
                    query("mine", FLAG, "what waits for the caller in person; alone: nothing else"),
                    query("group", FLAG, "what waits for the caller's groups; alone: nothing else"),
                    "process",
                    "q",
                    query("sort", {"enum": [*worklist.SORTS], "default": worklist.DEFAULT_SORT}, "order"),
                    "cursor",
                    "limit",
                ],
            )
        },
        "/actions": {
            "get": call(
                "tasks",
                "What the caller may do with cases besides the tasks that wait",
                200,
                page_of("Task"),
                errors=[("invalid",)],
                parameters=["process", query("action", TEXT, "its key"), "q", "cursor", "limit"],
            )
        },
        "/tasks/{task_id}": {
            "get": call(
                "tasks",
                "An open task with its form and values",
                200,
                ref("TaskWithForm"),
                parameters=["task_id"],
                errors=[GONE, ("task_not_open", "form_missing")],
            )
        },
        "/tasks/{task_id}/draft": {
            "put": call(
                "tasks",
                "Keep values unchecked, for later",
                204,
                body=ref("Submission"),
                parameters=["task_id"],
                errors=[("malformed",), GONE, ("task_not_open", "form_missing"), ("invalid",)],
            )
        },
        "/tasks/{task_id}/claim": {"post": _change("Take a task of the group for oneself")},
        "/tasks/{task_id}/release": {"post": _change("Give a claimed task back to the group")},
        "/tasks/{task_id}/complete": {
            "post": call(
                "tasks",
                "Complete a task: the case goes on to its next wait",
                200,
                ref("Step"),
                body=ref("Submission"),
                parameters=["task_id"],
                repeatable=True,
                errors=[GONE, BUSY],
            )
        },
    }


def _document_paths() -> Json:
    return {
        "/documents": {"post": _upload()},
        "/documents/{document_id}": {"get": _download()},
    }


def _list_paths() -> Json:
    return {
        "/lists": {"get": call("lists", "The lists of the caller's roles", 200, array(ref("List")), errors=[])},
        "/lists/{key}": {
            "get": call(
                "lists",
                "The rows of a list",
                200,
                ref("ListPage"),
                errors=[GONE, ("invalid",)],
                parameters=[
                    {"name": "key", "in": "path", "required": True, "schema": TEXT, "description": "key of a list"},
                    {
                        "name": "filters",
                        "in": "query",
                        "style": "form",
                        "explode": True,
                        "schema": {"type": "object", "additionalProperties": TEXT},
                        "description": "the list's own filters, each by its name; days in Jalali or ISO",
                    },
                    "cursor",
                    "limit",
                ],
            )
        },
    }


def _status() -> Json:
    return query("status", {"enum": [status.value for status in CaseStatus]}, "state of the case")


def call(
    tag: str,
    summary: str,
    status: int,
    schema: Json | None = None,
    *,
    errors: list[tuple[str, ...]],
    body: Json | None = None,
    parameters: list[str | Json] | None = None,
    repeatable: bool = False,
    open_to_all: bool = False,
) -> Json:
    """The description of one call. ``errors``: codes, grouped by status; those of every call are added."""
    names = [*(parameters or []), "language", *(["idempotency_key"] if repeatable else [])]
    groups = list(errors) if open_to_all else [NO_TOKEN, REFUSED, *errors]
    if repeatable:
        groups += [("malformed",), ("invalid", "idempotency_key_reused")]
    groups += [("too_large",), ("unsupported_media_type",)] if body is not None else []
    groups += [("internal", "operation_failed") if repeatable else ("internal",), ("unavailable",)]
    answers: Json = {str(status): _answered(schema)}
    answers |= {str(_status_of(codes)): problem_answer(*codes) for codes in groups}
    described: Json = {
        "tags": [tag],
        "summary": summary,
        "operationId": _operation_id(summary),
        "parameters": [_parameter(name) for name in names],
        "responses": dict(sorted(answers.items())),
    }
    if body is not None:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    if open_to_all:
        described["security"] = []
    return described


def _answered(schema: Json | None) -> Json:
    if schema is None:
        return {"description": "done"}
    return {"description": "done", "content": {"application/json": {"schema": schema}}}


def _parameter(name: str | Json) -> Json:
    return {"$ref": f"#/components/parameters/{name}"} if isinstance(name, str) else name


def _status_of(codes: tuple[str, ...]) -> int:
    return int(CODES[codes[0]][0])


def _operation_id(summary: str) -> str:
    return "_".join("".join(sign for sign in summary.lower() if sign.isalnum() or sign == " ").split())


def _change(summary: str) -> Json:
    return call(
        "tasks",
        summary,
        200,
        ref("Task"),
        parameters=["task_id"],
        repeatable=True,
        errors=[(*REFUSED, "not_allowed"), GONE, ("task_not_open", "task_claimed")],
    )


def _upload() -> Json:
    described = call(
        "documents",
        "Upload a file to a case",
        201,
        ref("Document"),
        repeatable=True,
        errors=[(*REFUSED, "not_allowed"), GONE, ("too_large",)],
    )
    file = {"type": "string", "format": "binary", "description": "PDF, JPEG, PNG, WebP, TIFF, DOCX or XLSX"}
    form = obj({"file": file, "case": {**TEXT, "description": "the case's number"}})
    described["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": form}}}
    return described


def _download() -> Json:
    described = call(
        "documents", "The file", 200, parameters=["document_id"], errors=[GONE, ("file_being_checked", "file_infected")]
    )
    described["responses"]["200"] = {
        "description": "the file, as it was uploaded",
        "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
    }
    return described


def _version() -> str:
    try:
        return version("kartabl")
    except PackageNotFoundError:
        return "0"
