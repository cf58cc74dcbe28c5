"""The request as every view gets it: within the limits, and with texts and ids that a database can hold.

One place for what is wrong before any view looks: too long or too many, NUL and halves of surrogate pairs, numbers
that no row can have.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import IO, Any
from urllib.parse import urlsplit

import flask
from flask import Flask, current_app
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import NotFound, RequestEntityTooLarge, RequestHeaderFieldsTooLarge, RequestURITooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.routing import IntegerConverter
from werkzeug.utils import cached_property

from models.digits import storable
from webapp.shell import limits

LARGEST_ID = 2**63 - 1
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


class Id(IntegerConverter):
    """``<int:…>`` of an address: the id of a row. No other number is an address."""

    regex = r"[0-9]{1,19}"

    def __init__(self, url_map: Any, **settings: Any) -> None:
        super().__init__(url_map, **({"min": 1, "max": LARGEST_ID} | settings))


class Forms(FormDataParser):
    """Reads the body of a form: at most so many fields, each in the form that texts are stored in."""

    def parse(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str] | None = None
    ) -> tuple[IO[bytes], MultiDict[str, str], MultiDict[str, FileStorage]]:
        if mimetype == FORM_TYPES[0]:
            body = whole(stream.read(), content_length)
            if body.count(b"&") >= limits.MAX_FIELDS:
                raise RequestEntityTooLarge
            stream, content_length = io.BytesIO(body), len(body)
        stream, form, files = super().parse(stream, mimetype, content_length, options)
        return stream, self.cls(_stored(form)), files


def whole(body: bytes, announced: int | None) -> bytes:
    """The body that was read, unless it was cut: of unknown length, it ends where the limit is. Raises with 413."""
    if announced is None and len(body) >= flask.request.max_content_length:  # type: ignore[operator]
        raise RequestEntityTooLarge
    return body


class Request(flask.Request):
    """A request that reads no more than its sender may send. ``signed_in`` is set by whoever finds out who that is."""

    form_data_parser_class = Forms
    signed_in = False

    @property
    def max_content_length(self) -> int:
        """Bytes of the body that are read; a longer one is refused with 413."""
        if self.mimetype not in FORM_TYPES:
            return limits.MAX_JSON if self.signed_in else limits.MAX_ANONYMOUS_JSON
        if not self.signed_in:
            return limits.MAX_ANONYMOUS_FORM
        view = current_app.view_functions.get(self.endpoint or "")
        return limits.MAX_UPLOAD if getattr(view, "takes_files", False) else limits.MAX_FORM

    @max_content_length.setter
    def max_content_length(self, _value: int | None) -> None:
        raise AttributeError("Limits are declared in webapp/shell/limits.py")

    @cached_property
    def args(self) -> MultiDict[str, str]:
        """The arguments of the address."""
        given: MultiDict[str, str] = super().args
        return self.parameter_storage_class(_stored(given))


def row_id(text: str) -> int:
    """The id that a field of a form names; 0, which no row has, for anything else."""
    return int(text) if re.fullmatch(r"[0-9]{1,19}", text) and int(text) <= LARGEST_ID else 0


def _stored(values: MultiDict[str, str]) -> Iterator[tuple[str, str]]:
    return ((storable(name), storable(text)) for name, text in values.items(multi=True))


def refuse_oversized() -> None:
    """Before every view. Raises an ``HTTPException`` for an address or headers that no page of ours has."""
    request, environ = flask.request, flask.request.environ
    if "\0" in request.path:
        raise NotFound
    if len(request.path) > limits.MAX_PATH or len(request.query_string) > limits.MAX_QUERY:
        raise RequestURITooLarge
    if request.query_string.count(b"&") >= limits.MAX_ARGUMENTS:
        raise RequestURITooLarge
    if sum(len(text) for name, text in environ.items() if name.startswith("HTTP_")) > limits.MAX_HEADERS:
        raise RequestHeaderFieldsTooLarge


def read_within_limits(app: Flask, public_url: str) -> None:
    """Make an application read its requests like this. Called before the first address is added."""
    app.request_class = Request
    app.config.update(MAX_FORM_MEMORY_SIZE=limits.MAX_FORM, MAX_FORM_PARTS=limits.MAX_FIELDS)
    app.url_map.converters["int"] = Id
    app.config["SERVER_NAME"] = urlsplit(public_url).netloc  # no address of ours has the Host that a browser sent
    app.url_map.merge_slashes = app.url_map.strict_slashes = False  # an address has one spelling: no redirects
    app.before_request(refuse_oversized)
