"""Errors of the API as ``application/problem+json`` (RFC 9457), each with a stable ``code``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, current_app
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from engine.errors import (
    Conflict,
    DocumentRefused,
    EngineError,
    FileBeingChecked,
    FileInfected,
    InvalidSubmission,
    OperationFailed,
    TaskClaimed,
    TaskLocked,
    TaskNotOpen,
    TooMany,
)
from engine.identity.accounts import SignInRefused
from models.database_errors import in_a_line
from models.jalali import format_moment
from models.language import gettext as _
from models.language import lazy, stored
from webapp.shell import access_log
from webapp.shell.unavailable import is_unavailable

MEDIA_TYPE = "application/problem+json"

# code → HTTP status, title. The code is what programs go by; it never changes its meaning.
CODES: dict[str, tuple[int, Any]] = {
    "malformed": (400, lazy("این درخواست قابل خواندن نیست. آن را بررسی و دوباره ارسال کنید.")),
    "not_signed_in": (401, lazy("وارد نشده‌اید.")),
    "process_not_offered": (403, lazy("این فرایند در این سامانه فعال نیست. پروندهٔ جدیدی شروع نشد.")),
    "must_change_password": (403, lazy("ابتدا رمز عبور موقت خود را در صفحهٔ ورود تغییر دهید.")),
    "second_factor_required": (401, lazy("رمز عبور درست است. کد ورود دومرحله‌ای را نیز در otp ارسال کنید.")),
    "must_enrol_second_factor": (
        403,
        lazy("نقش شما ورود دومرحله‌ای را الزامی می‌کند. ابتدا آن را در صفحهٔ حساب خود فعال کنید."),
    ),
    "not_allowed": (403, lazy("این کار برای شما مجاز نیست.")),
    "not_found": (404, lazy("چیزی با این مشخصات پیدا نشد. آدرس و شماره را بررسی کنید.")),
    "method_not_allowed": (405, lazy("این آدرس چنین درخواستی را نمی‌پذیرد.")),
    "task_not_open": (409, lazy("این کار دیگر باز نیست.")),
    "task_claimed": (409, lazy("همکار دیگری این کار را به عهده گرفته است.")),
    "task_locked": (409, lazy("این کار فعلاً قفل است.")),
    "form_missing": (409, lazy("فرم این کار در این نسخهٔ سامانه نیست. به مدیر سامانه اطلاع دهید.")),
    "file_being_checked": (409, lazy("این فایل هنوز در حال بررسی است. چند لحظه بعد دوباره درخواست کنید.")),
    "file_infected": (409, lazy("این فایل آلوده بود و حذف شد.")),
    "conflict": (409, lazy("هم‌زمان شخص دیگری این پرونده را تغییر داد و چیزی ثبت نشد. دوباره ارسال کنید.")),
    "too_large": (413, lazy("آنچه ارسال شد بزرگ‌تر از حد مجاز است.")),
    "unsupported_media_type": (415, lazy("این نوع محتوا پذیرفته نمی‌شود.")),
    "invalid": (422, lazy("مقدارها پذیرفته نشد و چیزی ثبت نشد.")),
    "idempotency_key_reused": (422, lazy("این Idempotency-Key قبلاً برای درخواست دیگری به کار رفته است.")),
    "too_many": (429, lazy("تعداد درخواست‌ها زیاد است. کمی بعد دوباره ارسال کنید.")),
    "operation_failed": (500, lazy("این گام انجام نشد و چیزی ثبت نشد. به سرپرست اطلاع داده شد.")),
    "internal": (500, lazy("خطایی رخ داد و چیزی ثبت نشد.")),
    "unavailable": (503, lazy("سامانه اکنون پاسخ نمی‌دهد و چیزی ثبت نشد. کمی بعد دوباره ارسال کنید.")),
}
BY_STATUS = {
    400: "malformed",
    401: "not_signed_in",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    414: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "too_many",
    431: "too_large",
    503: "unavailable",
}


class Problem(Exception):
    """An error that only the API knows, such as a body that is no JSON."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


def problem(
    code: str,
    *,
    detail: str = "",
    errors: Mapping[str, list[str]] | None = None,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """The answer for a code. ``errors`` by field name, ``""`` for what belongs to no field."""
    status, title = CODES[code]
    body: dict[str, Any] = {
        "type": f"urn:kartabl:problem:{code}",
        "title": str(title),
        "status": status,
        "code": code,
        "detail": detail or str(title),
        **more,
    }
    if errors is not None:
        body["errors"] = {name: [str(message) for message in messages] for name, messages in errors.items()}
    text = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    return Response(text, status, {"Cache-Control": "no-store", **(headers or {})}, content_type=MEDIA_TYPE)


def for_error(error: Exception) -> Response:
    """The answer for any error that a call ended with."""
    if isinstance(error, Problem):
        return problem(error.code, detail=error.detail, headers=_challenge(error.code))
    if isinstance(error, EngineError):
        return _for_engine_error(error)
    if isinstance(error, HTTPException):
        return _for_http_error(error)
    if isinstance(error, StaleDataError):
        return problem("conflict")
    reference = access_log.request_id()
    if is_unavailable(error):
        current_app.logger.error("API call failed, reference %s: %s", reference, in_a_line(error))
        return problem("unavailable", reference=reference, headers={"Retry-After": "5"})
    current_app.logger.error("API call failed, reference %s", reference, exc_info=error)
    return problem("internal", reference=reference)


def _for_engine_error(error: EngineError) -> Response:
    if isinstance(error, InvalidSubmission):
        return problem("invalid", errors=error.errors)
    if isinstance(error, DocumentRefused):
        return problem("invalid", detail=error.message, errors={"file": [error.message]})
    if isinstance(error, TooMany):
        return problem("too_many", headers={"Retry-After": str(error.retry_after)}, retry_after=error.retry_after)
    if isinstance(error, OperationFailed):
        return problem("operation_failed", incident=error.incident_id)
    code = error.code if error.code in CODES else "internal"
    return problem(code, detail=_detail(error), headers=_challenge(code))


def _detail(error: EngineError) -> str:
    if isinstance(error, SignInRefused):
        return _("نام کاربری یا رمز عبور درست نیست.")
    if isinstance(error, TaskLocked):
        return error.reason
    if isinstance(error, FileBeingChecked):
        return _("فایل «%(name)s» هنوز در حال بررسی است.", name=error.name)
    if isinstance(error, FileInfected):
        return _("فایل «%(name)s» آلوده بود (%(finding)s) و حذف شد.", name=error.name, finding=error.finding)
    if isinstance(error, TaskClaimed):
        return _("این کار را %(name)s به عهده گرفته است.", name=error.by) if error.by else ""
    if isinstance(error, TaskNotOpen) and error.by and error.at:
        return _("این کار را %(name)s در %(moment)s انجام داد.", name=error.by, moment=format_moment(error.at))
    if isinstance(error, TaskNotOpen) and error.because and error.at:
        what = stored(error.because)
        return _("این کار در %(at)s با «%(what)s» بسته شد.", at=format_moment(error.at), what=what)
    if isinstance(error, Conflict) and error.case:
        return _("پروندهٔ %(number)s هم‌زمان تغییر کرد و چیزی ثبت نشد. دوباره ارسال کنید.", number=error.case)
    return ""


def _for_http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400 and error.response is None:
        return Response(error.get_body(), status, dict(error.get_headers()))
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    return problem(BY_STATUS.get(status, "malformed" if status < 500 else "internal"), headers=headers)


def _challenge(code: str) -> dict[str, str]:
    return {"WWW-Authenticate": 'Bearer realm="kartabl"'} if code == "not_signed_in" else {}


def answer_errors_of(blueprint: Blueprint) -> None:
    """Answer every error of the blueprint's calls. Unknown addresses belong to no blueprint:
    the application's own handler passes those under ``/api/v1`` to ``for_error``."""
    blueprint.register_error_handler(Exception, for_error)
