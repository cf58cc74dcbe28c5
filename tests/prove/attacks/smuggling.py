"""Requests that two servers could read in two ways, directly and through nginx: none is answered twice."""

from __future__ import annotations

from collections.abc import Iterator

from tests.prove.attack_site import NAME, Target
from tests.prove.attacks import attack

HOST = f"Host: {NAME}\r\n".encode()
POST = b"POST /livez HTTP/1.1\r\n" + HOST
SMUGGLED = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
LENGTH = f"Content-Length: {len(SMUGGLED)}\r\n".encode()
CHUNKED = b"Transfer-Encoding: chunked\r\n"
NOTHING = b"0\r\n\r\n"
PROBES = {
    "CL.TE": POST + f"Content-Length: {len(NOTHING) + len(SMUGGLED)}\r\n".encode() + CHUNKED + b"\r\n" + NOTHING,
    "TE.CL": POST + b"Content-Length: 4\r\n" + CHUNKED + b"\r\n" + f"{len(SMUGGLED):x}\r\n".encode(),
    "TE.TE": POST + CHUNKED + b"Transfer-Encoding: identity\r\n\r\n" + NOTHING,
    "TE with a tab": POST + LENGTH + b"Transfer-Encoding:\tchunked\r\n\r\n" + NOTHING,
    "TE with a space before the colon": POST + LENGTH + b"Transfer-Encoding : chunked\r\n\r\n" + NOTHING,
    "TE folded": POST + LENGTH + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + NOTHING,
    "TE misspelt": POST + LENGTH + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + NOTHING,
    "TE with an underscore": POST + LENGTH + b"Transfer_Encoding: chunked\r\n\r\n",
    "TE in HTTP/1.0": b"POST /livez HTTP/1.0\r\n" + HOST + b"Connection: keep-alive\r\n" + CHUNKED + b"\r\n" + NOTHING,
    "two lengths": POST + b"Content-Length: 0\r\n" + LENGTH + b"\r\n",
    "two lengths in one": POST + f"Content-Length: 0, {len(SMUGGLED)}\r\n\r\n".encode(),
    "a signed length": POST + f"Content-Length: +{len(SMUGGLED)}\r\n\r\n".encode(),
    "a length with an underscore": POST + b"Content_Length: 0\r\n" + LENGTH + b"\r\n",
    "a bare line feed": POST + b"X-A: b\nContent-Length: 0\r\n\r\n",
    "a bare carriage return": POST + b"X-A: b\rContent-Length: 0\r\n\r\n",
    "a NUL": POST + b"X-A: b\x00\r\n" + LENGTH + b"\r\n",
    "a chunk extension": POST + CHUNKED + b"\r\n" + b"0;a=\nb\r\n\r\n",
    "a chunk size with a sign": POST + CHUNKED + b"\r\n" + b"+0\r\n\r\n",
    "HTTP/1.0 kept alive": b"GET /livez HTTP/1.0\r\n" + HOST + b"Connection: keep-alive\r\n" + LENGTH + b"\r\n",
    "an absolute address": b"GET http://evil.example/livez HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
    "two hosts": b"GET /livez HTTP/1.1\r\n" + HOST + b"Host: evil.example\r\n\r\n",
}


@attack("a request that could be read in two ways is refused, or answered once: nothing is smuggled behind it")
def smuggling(target: Target) -> Iterator[str]:
    refused = 0
    for direct in (True, False):
        for name, probe in PROBES.items():
            answer = target.ask(probe + SMUGGLED, direct=direct, within=1.0)
            statuses = [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] + [
                part[:3] for part in answer.split(b"HTTP/1.0 ")[1:]
            ]
            refused += bool(statuses) and statuses[0].startswith((b"4", b"5"))
            # a second answer is right only where the first request was answered, and ended, without doubt
            if len(statuses) > 1 and (direct or statuses[1] != b"404"):
                yield f"{name}, {'direct' if direct else 'through nginx'}: answered {statuses}"
            if any(status.startswith(b"5") and status != b"501" for status in statuses):
                yield f"{name}, {'direct' if direct else 'through nginx'}: answered {statuses}"
    target.numbers["smuggling probes"], target.numbers["refused"] = 2 * len(PROBES), refused


@attack("an unknown Host gets no answer from nginx, and Kartabl makes no address of one")
def unknown_host(target: Target) -> Iterator[str]:
    evil = b"Host: evil.example\r\nConnection: close\r\n\r\n"
    answer = target.ask(b"GET /sign-in HTTP/1.1\r\n" + evil, direct=False, within=2.0)
    if answer:
        yield f"nginx answered an unknown Host: {answer[:100]!r}"
    for path in (b"/cases//x", b"/sign-in?next=//evil.example", b"/worklist", b"//evil.example/"):
        answer = target.ask(b"GET " + path + b" HTTP/1.1\r\n" + evil, within=5.0)
        head = answer.partition(b"\r\n\r\n")[0]
        if b"evil.example" in head.replace(b"next=%2F%2Fevil.example", b""):
            yield f"an address was made of the Host: {head[:300]!r}"
