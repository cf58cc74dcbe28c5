"""Every error as a page: what happened, what to do, and for unknown ones a number that is in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Flask, g, redirect, render_template, request
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from engine.errors import (
    Conflict,
    DocumentRefused,
    EngineError,
    FileBeingChecked,
    FileInfected,
    FormMissing,
    InvalidSubmission,
    NotAllowed,
    NotFound,
    OperationFailed,
    ProcessNotOffered,
    Taken,
    TaskClaimed,
    TaskLocked,
    TaskNotOpen,
    TooMany,
)
from models.database_errors import in_a_line
from models.language import gettext as _
from models.language import stored
from webapp.problems import for_error as api_answer
from webapp.shell import access_log, current
from webapp.shell.filters import digits, moment
from webapp.shell.security import ForgedRequest
from webapp.shell.unavailable import is_unavailable

log = logging.getLogger(__name__)

Answer = tuple[str, int] | tuple[str, int, dict[str, str]] | AnyResponse


@dataclass(frozen=True)
class Trouble:
    """What an error page says. ``case`` is the number of the case that the way on leads to."""

    status: int
    title: str
    sentence: str
    advice: str = ""
    case: str | None = None
    reference: str = ""


def add_error_pages(app: Flask) -> None:
    app.register_error_handler(current.NotSignedIn, _sign_in_first)
    app.register_error_handler(EngineError, _engine_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(StaleDataError, lambda _error: page(_changed_meanwhile(None)))
    app.register_error_handler(Exception, _unknown)


def page(trouble: Trouble, headers: dict[str, str] | None = None) -> Answer:
    """The error page. It is marked as failed, so that the browser keeps what was typed."""
    to_case = f"{request.script_root}/cases/{trouble.case}" if trouble.case else ""
    text = render_template(
        "error.html",
        status=trouble.status,
        title=trouble.title,
        sentence=trouble.sentence,
        advice=trouble.advice,
        reference=trouble.reference or access_log.request_id(),
        back_url=to_case,
        back_label=_("رفتن به پرونده") if to_case else "",
        failed_page=True,
    )
    return text, trouble.status, headers or {}


def _sign_in_first(_error: Exception) -> Answer:
    return redirect(f"{request.script_root}/sign-in?{urlencode({'next': current.here()})}", 303)


def _engine_error(error: EngineError) -> Answer:
    if isinstance(error, NotAllowed):
        access_log.note_refusal(error.action)
    if _of_api():
        return api_answer(error)
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, TooMany) else None
    return page(_in_words(error), headers)


def _in_words(error: EngineError) -> Trouble:
    """The page of the error's class, or of the nearest class that it is a kind of."""
    for kind in type(error).__mro__:
        if kind in PAGES:
            return PAGES[kind](error)
    return _broken(_log(error))


def _not_offered(_error: ProcessNotOffered) -> Trouble:
    return Trouble(
        403,
        _("این فرایند فعال نیست"),
        _("این فرایند در این سامانه فعال نیست و پروندهٔ جدیدی شروع نشد. پرونده‌های در جریان آن ادامه دارند."),
        _("اگر باید فعال باشد، به مدیر سامانه اطلاع دهید."),
    )


def _not_allowed(_error: NotAllowed) -> Trouble:
    return Trouble(403, _("به این کار دسترسی ندارید"), _("نقش شما یا وضعیت پرونده این کار را مجاز نمی‌کند."))


def _invalid(error: InvalidSubmission) -> Trouble:
    lines = [message for messages in error.errors.values() for message in messages]
    return Trouble(422, _("این درخواست پذیرفته نشد"), " ".join(lines), _("چیزی ثبت نشد."))


def _claimed(error: TaskClaimed) -> Trouble:
    return Trouble(
        409,
        _("همکار شما این کار را به عهده گرفته است"),
        _("این کار را %(name)s به عهده گرفته است. چیزی ثبت نشد.", name=error.by),
        _("اگر باید آن را شما انجام دهید، از همکارتان بخواهید آن را به گروه برگرداند."),
    )


def _form_missing(error: FormMissing) -> Trouble:
    return Trouble(
        409,
        _("این کار فرم ندارد"),
        _("فرم این کار در این نسخهٔ سامانه نیست. چیزی ثبت نشد و کار همچنان باز است."),
        _("به مدیر سامانه اطلاع دهید."),
        error.case,
    )


def not_found() -> Trouble:
    return Trouble(
        404,
        _("صفحه پیدا نشد"),
        _("چنین صفحه‌ای نیست، یا برای دیدن آن دسترسی ندارید."),
        _("آدرس یا شماره را بررسی کنید."),
    )


def _not_open(error: TaskNotOpen) -> Trouble:
    advice = _("چیزی از آنچه ارسال کردید ثبت نشد. پرونده را ببینید تا بدانید اکنون در انتظار چیست.")
    if error.by and error.at:
        words = _("این کار را %(name)s در %(at)s انجام داد.", name=error.by, at=moment(error.at))
        return Trouble(409, _("این کار پیش از شما انجام شده است"), words, advice, error.case)
    if error.status == "suspended":
        words = _("سرپرست این پرونده را متوقف کرده است؛ تا از سرگیری آن نمی‌توان روی آن کار کرد.")
        return Trouble(409, _("پرونده متوقف است"), words, advice, error.case)
    words = _("این کار دیگر باز نیست، زیرا پرونده راه دیگری رفته است.")
    if error.at and error.because:
        words = _("این کار در %(at)s با «%(what)s» بسته شد.", at=moment(error.at), what=stored(error.because))
    elif error.at:
        words = _("این کار در %(at)s بسته شد، زیرا پرونده راه دیگری رفته است.", at=moment(error.at))
    return Trouble(409, _("این کار دیگر باز نیست"), words, advice, error.case)


def _changed_meanwhile(case: str | None) -> Trouble:
    return Trouble(
        409,
        _("پرونده هم‌زمان تغییر کرد"),
        _("در همین لحظه شخص دیگری این پرونده را تغییر داد. چیزی ثبت نشد."),
        _("به صفحهٔ قبل برگردید و دوباره ارسال کنید."),
        case,
    )


def _sent_twice() -> Trouble:
    return Trouble(
        409,
        _("همین اطلاعات هم‌زمان ثبت شد"),
        _("در همین لحظه همین اطلاعات ثبت شد، شاید چون فرم دو بار ارسال شد. این بار چیزی ثبت نشد."),
        _("صفحه را دوباره باز کنید تا ببینید چه ثبت شده است."),
    )


def _too_many(seconds: int) -> Trouble:
    wait = digits(seconds) if seconds < 120 else digits(-(-seconds // 60))
    words = _("%(count)s ثانیهٔ دیگر دوباره ارسال کنید.", count=wait)
    if seconds >= 120:
        words = _("%(count)s دقیقهٔ دیگر دوباره ارسال کنید.", count=wait)
    return Trouble(429, _("تعداد درخواست‌ها زیاد است"), words)


def _operation_failed(error: OperationFailed) -> Trouble:
    reference = _log(error)
    words = _("این گام انجام نشد و چیزی ثبت نشد. کار شما همچنان باز است.")
    advice = (
        _("به سرپرست اطلاع داده شد. کمی بعد دوباره ارسال کنید.")
        if error.incident_id
        else _("کمی بعد دوباره ارسال کنید.")
    )
    return Trouble(500, _("گام انجام نشد"), words, advice, reference=reference)


def _broken(reference: str) -> Trouble:
    return Trouble(
        500,
        _("خطایی رخ داد"),
        _("این خطا از سوی سامانه است و چیزی ثبت نشد."),
        _("دوباره تلاش کنید. اگر تکرار شد، کد خطا را به پشتیبانی بدهید."),
        reference=reference,
    )


# Engine error → its page. ``tests/web/test_error_words.py`` holds that none is forgotten.
PAGES: dict[type, Callable[[Any], Trouble]] = {
    NotFound: lambda _error: not_found(),
    TaskNotOpen: _not_open,
    TaskClaimed: _claimed,
    TaskLocked: lambda error: Trouble(409, _("این کار فعلاً قفل است"), error.reason, _("چیزی ثبت نشد.")),
    FormMissing: _form_missing,
    Conflict: lambda error: _changed_meanwhile(error.case),
    Taken: lambda _error: _sent_twice(),
    ProcessNotOffered: _not_offered,
    NotAllowed: _not_allowed,
    InvalidSubmission: _invalid,
    FileBeingChecked: lambda error: Trouble(
        409,
        _("این فایل هنوز در حال بررسی است"),
        _("فایل «%(name)s» را ویروس‌یاب هنوز بررسی نکرده است.", name=error.name),
        _("چند لحظه بعد این صفحه را دوباره باز کنید."),
    ),
    FileInfected: lambda error: Trouble(
        409,
        _("این فایل آلوده بود و حذف شد"),
        _("ویروس‌یاب در فایل «%(name)s» این را پیدا کرد: %(finding)s", name=error.name, finding=error.finding),
        _("اگر این فایل لازم است، نسخهٔ سالم آن را بارگذاری کنید."),
    ),
    DocumentRefused: lambda error: Trouble(422, _("این فایل پذیرفته نشد"), error.message),
    TooMany: lambda error: _too_many(error.retry_after),
    OperationFailed: _operation_failed,
}


def _http_error(error: HTTPException) -> Answer:
    if isinstance(error, ForgedRequest):
        access_log.note_refusal("not sent by a form of ours")
    if _of_api():
        return api_answer(error)
    status = error.code or 500
    if error.response is not None or status < 400:
        return error.get_response()
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    return page(_http_trouble(error, status), headers)


def _http_trouble(error: HTTPException, status: int) -> Trouble:
    if isinstance(error, ForgedRequest):
        return Trouble(400, _("فرم پذیرفته نشد"), error.description or "")
    if status == 404:
        return not_found()
    if status == 405:
        return Trouble(405, _("این آدرس چنین درخواستی را نمی‌پذیرد"), _("صفحه را دوباره باز کنید."))
    if status == 413:
        return Trouble(
            413,
            _("آنچه ارسال کردید بیش از اندازه بزرگ است"),
            _("چیزی ثبت نشد."),
            _("متن‌ها را کوتاه‌تر کنید، یا فایل‌های کوچک‌تر یا کمتری بارگذاری کنید."),
        )
    if status in (414, 431):
        return Trouble(status, _("این آدرس بیش از اندازه بلند است"), _("از یکی از صفحه‌های کارتابل شروع کنید."))
    return Trouble(status, _("این درخواست قابل خواندن نیست"), _("صفحه را دوباره باز و فرم را ارسال کنید."))


def _unknown(error: Exception) -> Answer:
    if _of_api():
        return api_answer(error)
    if is_unavailable(error):
        return _unavailable(error)
    reference = _log(error)
    try:
        return page(_broken(reference))
    except Exception:  # the shell itself is what fails: the last resort needs no template and no database
        log.exception("The error page of %s failed too", reference)
        text = _("خطایی رخ داد و چیزی ثبت نشد. شمارهٔ این درخواست: %(reference)s", reference=reference)
        return text, 500, {"Content-Type": "text/plain; charset=utf-8"}


def _unavailable(error: Exception) -> Answer:
    """Database or disk are away. The page itself must do without them."""
    g.setdefault("person", None)
    g.database_away = True
    reference = access_log.request_id()
    log.error("%s %s failed, reference %s: %s", request.method, request.path, reference, in_a_line(error))
    return page(
        Trouble(
            503,
            _("سامانه اکنون پاسخ نمی‌دهد"),
            _("چیزی ثبت نشد و آنچه نوشته‌اید در این صفحه می‌ماند."),
            _("کمی بعد دوباره ارسال کنید."),
            reference=reference,
        ),
        {"Retry-After": "5"},
    )


def _log(error: Any) -> str:
    reference = access_log.request_id()
    log.error("%s %s failed, reference %s", request.method, request.path, reference, exc_info=error)
    return reference


def _of_api() -> bool:
    return request.path.startswith("/api/v1")
