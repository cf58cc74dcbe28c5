"""Requests to the provider: no redirect, a JSON object as the answer, limited in size and in time altogether."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from engine.identity.openid.identity import Failure, ProviderFailed

# Its DEBUG lines hold whole headers, and with them the client's secret.
logging.getLogger("httpcore").setLevel(logging.INFO)

LARGEST_ANSWER = 512 * 1024  # bytes
LONGEST_WAIT = 8.0  # seconds for one request altogether: looking up the name, connecting, sending, reading
PHASE = 5.0  # seconds for connecting, and between two pieces of an answer
AT_ONCE = 4  # requests of one process: a slow provider must not keep every thread that serves pages
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


class Requests:
    """Sends requests from threads of its own: whoever waits goes on after ``LONGEST_WAIT``, whatever happens."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="openid")

    def get(self, url: str, *, what: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The JSON object at ``url``. Raises ``ProviderFailed``, also for every status but 200."""
        status, answer = self._send("GET", url, what=what, headers=headers)
        if status != 200:
            raise ProviderFailed(Failure.WRONG, f"{what}: HTTP {status}")
        return answer

    def post(self, url: str, body: str, *, what: str, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """Status below 500, and the JSON object. Raises ``ProviderFailed``."""
        return self._send("POST", url, what=what, headers=headers, body=body)

    def _send(
        self, method: str, url: str, *, what: str, headers: Mapping[str, str] | None, body: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        client = httpx.Client(timeout=PHASE, follow_redirects=False)
        future = self._threads.submit(_exchange, client, method, url, what, {**(headers or {}), **HEADERS}, body)
        try:
            return future.result(timeout=LONGEST_WAIT)
        except TimeoutError:
            future.cancel()
            raise ProviderFailed(Failure.SLOW, f"{what}: no whole answer in {LONGEST_WAIT:g} seconds") from None
        except httpx.TimeoutException as error:
            raise ProviderFailed(Failure.SLOW, f"{what}: {type(error).__name__}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProviderFailed(Failure.AWAY, f"{what}: {type(error).__name__}") from None
        finally:
            client.close()  # also under a request that is still being read: its thread is free then


def _exchange(
    client: httpx.Client, method: str, url: str, what: str, headers: Mapping[str, str], body: str | None
) -> tuple[int, dict[str, Any]]:
    with client.stream(method, url, headers=headers, content=body) as response:
        status, content = response.status_code, _read(response, what)
    if status >= 500:
        raise ProviderFailed(Failure.AWAY, f"{what}: HTTP {status}")
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        raise ProviderFailed(Failure.WRONG, f"{what}: HTTP {status} without JSON") from None
    if not isinstance(answer, dict):
        raise ProviderFailed(Failure.WRONG, f"{what}: HTTP {status} without a JSON object")
    return status, answer


def _read(response: httpx.Response, what: str) -> bytes:
    """The body as it came over the wire. Packed bodies are refused: 1 kB of them can unpack to a gigabyte."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise ProviderFailed(Failure.WRONG, f"{what}: a packed answer although the request forbids it")
    content = bytearray()
    for chunk in response.iter_raw():
        content += chunk
        if len(content) > LARGEST_ANSWER:
            raise ProviderFailed(Failure.WRONG, f"{what}: more than {LARGEST_ANSWER} bytes")
    return bytes(content)
