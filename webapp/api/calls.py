"""One call of the API: who calls, its transaction, its JSON, and repeated calls answered as the first was."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.errors import EngineError, InvalidSubmission
from engine.identity.accounts import Accounts
from engine.persistence import idempotency
from engine.persistence.idempotency import Answer
from models import language
from models.digits import clean, storable
from models.language import gettext as _
from webapp.problems import Problem, for_error
from webapp.shell import current, limits
from webapp.shell.request import whole

Json = Any
View = Callable[..., Response]

MAX_ITEMS = 100
DEFAULT_ITEMS = 30
REPEATED = frozenset({"invalid", "task_not_open", "task_claimed", "task_locked", "not_allowed", "not_found"})
_KEY = re.compile(r"[\x21-\x7e]{1,100}")


def answer(body: Json, status: int = 200) -> Response:
    text = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    return Response(text, status, {"Cache-Control": "no-store"}, content_type="application/json")


def api_call(view: View) -> View:
    """Decorator: the view gets ``session`` and ``actor``; its transaction commits when it returns."""

    @functools.wraps(view)
    def called(**arguments: Any) -> Response:
        key = _idempotency_key()
        if key is not None:
            return _once(view, key, arguments)
        response: Response = current.engine().in_transaction(
            lambda session: view(session, caller(session), **arguments)
        )
        _nudge()
        return response

    return called


def caller(session: Session) -> Actor:
    """Who calls, by the bearer token. Raises ``Problem``."""
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    signed_in = None
    if scheme.lower() == "bearer" and token.strip():
        signed_in = accounts().person_of_session(session, token.strip(), now=current.now(), kind="api")
    read_in(signed_in.actor.language if signed_in else language.SOURCE)
    if signed_in is None:
        raise Problem("not_signed_in", _("توکن ورود (Bearer) داده نشده، منقضی شده یا نادرست است."))
    if signed_in.must_change_password:
        raise Problem("must_change_password")
    if signed_in.must_enrol:
        raise Problem("must_enrol_second_factor")
    request.signed_in = True  # type: ignore[attr-defined]
    return current.from_here(signed_in.actor)


def accounts() -> Accounts:
    return current.application().accounts


def read_in(own: str) -> None:
    """Answer in the language that the call asks for, else in the person's own."""
    preferred = request.accept_languages.best_match(language.LANGUAGES) if request.accept_languages else None
    language.switch(preferred or own)


def _once(view: View, key: str, arguments: dict[str, Any]) -> Response:
    """Do the call unless it was done before. What was refused for good is refused again in the same words."""
    request_hash, actor = "", None
    try:
        with current.transaction() as session:
            actor = caller(session)
            request_hash = _request_hash()
            known = idempotency.claim(session, _id(actor), key, request_hash=request_hash, now=current.now())
            if known is not None:
                return _again(known)
            response = view(session, actor, **arguments)
            idempotency.keep(session, _id(actor), key, Answer(response.status_code, _text(response)))
        _nudge()
        return response
    except EngineError as error:
        if actor is None or error.code not in REPEATED:
            raise
        response = for_error(error)
        with current.transaction() as session:
            refused = Answer(response.status_code, _text(response))
            idempotency.keep_refusal(session, _id(actor), key, refused, request_hash=request_hash, now=current.now())
        return response


def _nudge() -> None:
    """What a step left for the worker is done now, and not only at its next tick."""
    if request.method == "POST":
        current.application().worker.nudge()


def _again(known: Answer) -> Response:
    kind = "application/json" if known.status < 400 else "application/problem+json"
    headers = {"Cache-Control": "no-store", "Idempotent-Replay": "true"}
    return Response(known.body, known.status, headers, content_type=kind)


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if request.method != "POST" or key is None:
        return None
    if not _KEY.fullmatch(key):
        raise Problem("malformed", _("سرآیند Idempotency-Key باید از ۱ تا ۱۰۰ کاراکتر لاتین بدون فاصله باشد."))
    return key


def _request_hash() -> str:
    """What makes two calls the same: method, address and body; of a form its parts, whatever stands between."""
    digest = hashlib.sha256(f"{request.method} {request.path}\n".encode())
    if request.mimetype == "multipart/form-data":
        for name, text in sorted(request.form.items(multi=True)):
            digest.update(repr((name, text)).encode("utf-8", "replace"))
        for name, file in request.files.items(multi=True):
            digest.update(repr((name, file.filename)).encode("utf-8", "replace"))
            digest.update(hashlib.file_digest(file.stream, "sha256").digest())  # type: ignore[arg-type]
            file.stream.seek(0)
    else:
        digest.update(request.get_data())
    return digest.hexdigest()


def _id(actor: Actor) -> int:
    assert actor.person_id is not None  # noqa: S101 - a caller is always a person
    return actor.person_id


def _text(response: Response) -> str:
    return response.get_data(as_text=True)


# What came with the call


def body() -> dict[str, Json]:
    """The JSON object sent; an empty body is an empty one. Raises ``Problem``."""
    raw = whole(request.get_data(), request.content_length)
    if not raw:
        return {}
    if request.mimetype not in ("application/json", "") and not request.mimetype.endswith("+json"):
        raise Problem("unsupported_media_type", _("بدنهٔ درخواست باید JSON باشد."))
    if raw.count(b"[") + raw.count(b"{") > limits.MAX_VALUES:  # half a million empty lists take seconds to make
        raise Problem("too_large", _("بدنهٔ درخواست بیش از حد مقدار یا لایهٔ تو در تو دارد."))
    try:
        sent = _readable(json.loads(raw, parse_constant=_no_constant, parse_float=_finite))
    except (ValueError, RecursionError):
        raise Problem("malformed", _("بدنهٔ درخواست JSON درستی نیست.")) from None
    if not isinstance(sent, dict):
        raise Problem("malformed", _("بدنهٔ درخواست باید یک شیء JSON باشد."))
    return sent


def _readable(sent: Json) -> Json:
    """The value with texts that can be stored. Raises ``Problem`` if it has too many values, or nests too deep."""
    left = limits.MAX_VALUES

    def read(value: Json, depth: int) -> Json:
        nonlocal left
        left -= 1
        if left < 0 or depth > limits.MAX_DEPTH:
            raise Problem("too_large", _("بدنهٔ درخواست بیش از حد مقدار یا لایهٔ تو در تو دارد."))
        if isinstance(value, str):
            return storable(value)
        if isinstance(value, list):
            return [read(one, depth + 1) for one in value]
        if isinstance(value, dict):
            return {storable(name): read(one, depth + 1) for name, one in value.items()}
        return value

    return read(sent, 0)


def values_of(sent: dict[str, Json]) -> dict[str, Json]:
    """The ``values`` of a body. Raises ``InvalidSubmission`` when they are no object."""
    values = sent.get("values")
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise InvalidSubmission({"values": [_("%(field)s باید یک شیء باشد: نام فیلد و مقدار آن.", field="values")]})
    return values


def text_of(sent: dict[str, Json], name: str) -> str:
    """A text of a body; empty when missing. Raises ``InvalidSubmission`` for anything but a text."""
    value = sent.get(name, "")
    if not isinstance(value, str):
        raise InvalidSubmission({name: [_("%(field)s باید متن باشد.", field=name)]})
    return value[:1000]


def argument(name: str) -> str:
    """An argument of the address, in the form that texts are stored in."""
    return clean(request.args.get(name, "")[:500])


def flag(name: str) -> bool | None:
    """A yes or no of the address; ``None`` when it is not given."""
    text = argument(name).lower()
    if text in ("", "1", "true", "yes"):
        return True if text else None
    if text in ("0", "false", "no"):
        return False
    raise InvalidSubmission({name: [_("%(field)s باید true یا false باشد.", field=name)]})


def limit() -> int:
    """How many items the caller wants in a page, 1 to ``MAX_ITEMS``."""
    text = argument("limit")
    if not text:
        return DEFAULT_ITEMS
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MAX_ITEMS:
        raise InvalidSubmission({"limit": [_("عددی از ۱ تا ۱۰۰ وارد کنید.")]})
    return int(text)


def cursor() -> str | None:
    return request.args.get("cursor") or None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is too large")
    return number
