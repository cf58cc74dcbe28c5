"""Where a request came from, by what our own reverse proxies say of it (``X-Forwarded-For``, ``-Proto``).

Each proxy appends to the list who spoke to it, so only the last entries are of proxies of ours; what stands before
them was written by the browser, and may say anything. ``X-Forwarded-Host`` and ``Forwarded`` are not read at all:
no address of ours is made of them.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NEVER_READ_BY_PAGES = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_X_FORWARDED_BY",
    "HTTP_FORWARDED",
)

log = logging.getLogger(__name__)


class Forwarded:
    """The pages behind ``hops`` reverse proxies, of which the nearest speaks from one of the networks ``nearest``."""

    def __init__(self, pages: WSGIApplication, *, hops: int, nearest: Iterable[str]) -> None:
        self._pages, self._hops = pages, hops
        self._nearest = [ipaddress.ip_network(one) for one in nearest]
        self._told = False

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Put the client's address and scheme in place of the proxy's, and take the proxy's headers away."""
        given = {name: environ.pop(name) for name in NEVER_READ_BY_PAGES if name in environ}
        peer = address_of(environ.get("REMOTE_ADDR", ""))
        if peer is not None:
            environ["REMOTE_ADDR"] = str(peer)
        if given and self._hops and self._is_ours(peer):
            client = client_of(given.get("HTTP_X_FORWARDED_FOR", ""), self._hops)
            if client is not None:
                environ["REMOTE_ADDR"] = str(client)
            scheme = _at_hop(given.get("HTTP_X_FORWARDED_PROTO", ""), self._hops).lower()
            if scheme in ("http", "https"):
                environ["wsgi.url_scheme"] = scheme
        elif "HTTP_X_FORWARDED_FOR" in given and not self._told:
            self._told = True
            log.warning(
                "X-Forwarded-For from %s is not believed, so all its clients count as one: "
                "KARTABL_TRUSTED_PROXIES and KARTABL_PROXY_NETWORKS say which proxies are yours",
                environ.get("REMOTE_ADDR"),
            )
        return self._pages(environ, start_response)

    def _is_ours(self, peer: Address | None) -> bool:
        return peer is not None and any(peer in network for network in self._nearest)


def client_of(forwarded_for: str, hops: int) -> Address | None:
    """The client's address in a list to which ``hops`` proxies have appended; ``None`` if the last entry is none.

    An entry that is no address ends the look: the nearest one that a proxy of ours did give is the client then.
    """
    found = None
    for entry in reversed(forwarded_for.split(",")[-hops:]):
        address = address_of(entry)
        if address is None:
            break
        found = address
    return found


def address_of(text: str) -> Address | None:
    """An address as proxies write it: with a port, in brackets or quotes, as IPv4 within IPv6; ``None``: none."""
    text = text.strip().strip('"').strip()
    if text.startswith("["):
        inside, closed, port = text[1:].partition("]")
        text = inside if closed and (not port or (port[:1] == ":" and port[1:].isdecimal())) else ""
    elif text.count(":") == 1:
        before, _colon, port = text.partition(":")
        text = before if port.isdecimal() else ""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    within = address.ipv4_mapped if address.version == 6 else None
    return within or address


def _at_hop(values: str, hops: int) -> str:
    return values.split(",")[-hops:][0].strip()
