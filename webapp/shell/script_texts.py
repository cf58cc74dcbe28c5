"""The texts of scripts: one file for each language, named by its content, so that browsers keep it for good."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

from flask import Blueprint, Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from models import language
from models.language import lazy
from webapp.shell import current

bp = Blueprint("script_texts", __name__)

YEAR = 31_536_000  # seconds

# What text("…") in frontend/src/*.js asks for; {name} is filled in there.
TEXTS: dict[str, Any] = {
    "back": lazy("بازگشت"),
    "sending": lazy("در حال ثبت…"),
    "close": lazy("بستن"),
    "discard": lazy("کنار گذاشتن نوشته‌ها"),
    "restored": lazy("آنچه قبلاً در این صفحه نوشته بودید و ثبت نشده بود، برگردانده شد."),
    "file_too_big": lazy("حجم فایل «{name}» بیش از حد مجاز ({limit}) است. فایل کوچک‌تری انتخاب کنید."),
    "choose_file": lazy("انتخاب فایل"),
    "drop_file": lazy("یا فایل را اینجا رها کنید"),
    "choose_files": lazy("انتخاب فایل‌ها"),
    "drop_files": lazy("یا فایل‌ها را اینجا رها کنید"),
    "remove_file": lazy("حذف «{name}»"),
    "dismiss_file": lazy("بستن پیام «{name}»"),
    "stop_file": lazy("لغو ارسال «{name}»"),
    "sending_file": lazy("در حال ارسال «{name}»"),
    "file_arrived": lazy("«{name}» رسید."),
    "file_not_sent": lazy("فایل «{name}» ارسال نشد."),
    "try_again": lazy("ارسال دوباره"),
    "files_first": lazy("پس از رسیدن فایل‌ها، فرم هم ارسال می‌شود."),
    "too_many_files": lazy(
        "اینجا حداکثر {most} فایل جا می‌گیرد و با آنچه انتخاب کردید {number} تا می‌شد. هیچ‌یک از فایل‌های جدید ارسال نشد."
    ),
    "megabytes": lazy("{number} مگابایت"),
    "kilobytes": lazy("{number} کیلوبایت"),
    "choose_date": lazy("انتخاب تاریخ"),
    "previous_month": lazy("ماه پیش"),
    "next_month": lazy("ماه بعد"),
    "previous_year": lazy("سال پیش"),
    "next_year": lazy("سال بعد"),
    "today": lazy("امروز"),
    "date_keys": lazy("با کلیدهای جهت‌دار روز را عوض کنید و با کلید Enter انتخاب کنید."),
    "seconds_left": lazy("{number} ثانیه تا درخواست دوبارهٔ کد"),
    "diagram_failed": lazy("نمودار نمایش داده نشد. شرح نوشتاری بالا همچنان درست است."),
    "finished": lazy("انجام‌شده"),
    "waiting": lazy("در انتظار"),
}


def add_script_texts(app: Flask) -> None:
    """Give templates ``script_texts_path()``."""
    app.jinja_env.globals["script_texts_path"] = path_of_texts


def path_of_texts() -> str:
    """The path, below the product's root, of the texts in the reader's language."""
    reader = language.current()
    return f"/script-texts/{reader}-{_digest(reader)}.js"


@bp.get("/script-texts/<any(fa,en):reader>-<digest>.js")
@current.public
def script_texts(reader: str, digest: str) -> AnyResponse:
    """The texts as a classic script, which runs before the modules; an outdated name leads to the present one."""
    if digest != _digest(reader):
        return redirect(f"{request.script_root}/script-texts/{reader}-{_digest(reader)}.js", 302)
    response = Response(_script(reader), mimetype="text/javascript")
    response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    return response


@cache
def _script(reader: str) -> str:
    with language.reading(reader):
        texts = {key: str(text) for key, text in TEXTS.items()}
    return f"globalThis.kartablTexts = {json.dumps(texts, ensure_ascii=False, separators=(',', ':'))};\n"


def _digest(reader: str) -> str:
    return hashlib.sha256(_script(reader).encode()).hexdigest()[:12]
