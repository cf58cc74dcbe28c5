"""A POST to a service with a JSON answer: no redirect, limited in time and size."""

import ipaddress
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from workflows.providers.errors import ProviderError

# Its DEBUG lines hold whole headers: the address of a redirect would repeat a secret of ours.
logging.getLogger("httpcore").setLevel(logging.INFO)

LARGEST_ANSWER = 1024 * 1024  # bytes
LONGEST_MESSAGE = 200  # characters of a provider's own words that go into our log

# Nothing of the request left this machine, or not all of it: the service cannot have acted on it.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


@dataclass(frozen=True)
class Answer:
    """A service's answer. ``body`` is whatever JSON value came; nothing about its shape is certain."""

    status: int
    body: Any

    def part(self, name: str) -> dict[str, Any]:
        """The object under ``name``; services write ``[]`` or ``null`` where they have nothing to say."""
        value = self.body.get(name) if isinstance(self.body, dict) else None
        return value if isinstance(value, dict) else {}


def checked_base(url: str) -> str:
    """``url`` without its last slash. Secrets go there, so it must be https, or on this very machine."""
    parsed = httpx.URL(url)
    safe = parsed.scheme == "https" or (parsed.scheme == "http" and _is_this_machine(parsed.host))
    if not safe or not parsed.host:
        raise ValueError(f"A provider's address must be https: {url!r}")
    return url.rstrip("/")


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def number(value: object) -> int | None:
    """A whole number of 64 bits that a service wrote as ``100`` or ``"100"``; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value)
    whole = int(text) if len(text) <= 20 and text.isascii() and text.removeprefix("-").isdigit() else None
    return whole if whole is not None and abs(whole) < 2**63 else None


def given_number(values: Mapping[str, Any], name: str, *, service: str) -> int | None:
    """The whole number under ``name``; None only where the service left it out or wrote ``null``.

    Raises ProviderError, uncertain: something else stands there, so that the answer cannot be understood.
    """
    value = values.get(name)
    whole = number(value)
    if whole is None and value is not None:
        raise ProviderError(f"{service} wrote a {name} that is no whole number", uncertain=True)
    return whole


def words(value: object, *, hide: str) -> str:
    """A service's own message as one line for a log, without the secret ``hide``."""
    text = value.replace(hide, "***") if isinstance(value, str) else ""
    return "".join(character if character.isprintable() else " " for character in text)[:LONGEST_MESSAGE]


HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


def post(
    client: httpx.Client,
    url: str,
    *,
    service: str,
    timeout: float,
    json_body: Mapping[str, Any] | None = None,
    form: Mapping[str, str] | None = None,
    target: str | None = None,
) -> Answer:
    """POST and read the JSON answer, whatever its HTTP status below 500.

    ``timeout`` in seconds, for each phase and for reading the whole answer. ``target`` is sent as the path in
    place of the one in ``url``: a secret that a service wants in the path then stands in no log and no error.

    Raises ProviderError: never permanent; ``uncertain`` if the request may have arrived without a readable answer.
    """
    extensions = {"target": target.encode("ascii")} if target else None
    try:
        with client.stream(
            "POST",
            url,
            json=json_body,
            data=form,
            headers=HEADERS,
            timeout=timeout,
            follow_redirects=False,
            extensions=extensions,
        ) as response:
            status = response.status_code
            content = _read(response, service=service, until=time.monotonic() + timeout)
    except NOT_SENT as error:
        raise ProviderError(f"{service} was not reached: {type(error).__name__}") from error
    except httpx.HTTPError as error:
        raise ProviderError(f"{service} gave no answer: {type(error).__name__}", uncertain=True) from error
    if status >= 500 or 300 <= status < 400:
        raise ProviderError(f"{service} answered HTTP {status}")  # the service reports its own failure
    try:
        return Answer(status, json.loads(content))
    except (ValueError, RecursionError) as error:
        raise ProviderError(f"{service} answered HTTP {status} without JSON", uncertain=True) from error


def _read(response: httpx.Response, *, service: str, until: float) -> bytes:
    """The body as it came over the wire. Packed bodies are refused: 1 kB of them can unpack to a gigabyte."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise ProviderError(f"{service} compressed its answer although the request forbids it", uncertain=True)
    content = bytearray()
    for chunk in response.iter_raw():
        content += chunk
        if len(content) > LARGEST_ANSWER:
            raise ProviderError(f"{service} answered more than {LARGEST_ANSWER} bytes", uncertain=True)
        if time.monotonic() > until:
            raise ProviderError(f"{service} was too slow with its answer", uncertain=True)
    return bytes(content)
