"""What the documented proxies do for Kartabl: addresses, compression, pages of their own. Caddy where there is one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select

from engine.identity.accounts import SIGN_IN_ADDRESS
from models.account import Attempt
from tests.prove.attack_site import DEPLOYMENT, NAME, Target, Visitor, free_port, wait_for_listener
from tests.prove.attacks import attack

ENCODINGS = {"Accept-Encoding": "gzip, br, zstd, deflate"}


@attack("no page with a secret is compressed (BREACH), by nginx and by Caddy; what is the same for all is, by nginx")
def compression(target: Target) -> Iterator[str]:
    with target.person("contractor") as person:
        for path in ("/sign-in", "/worklist", "/password"):
            if "content-encoding" in person.get(path, headers=ENCODINGS).headers:
                yield f"{path} is compressed"
        static = re.search(r'href="(/static/[^"]+\.css[^"]*)"', person.get("/worklist").text)
        if static is None or "content-encoding" not in person.get(static[1], headers=ENCODINGS).headers:
            yield f"{static and static[1]} is not compressed"


@attack("over HTTP/2, as browsers speak it, nginx answers a body too large with the page in Persian")
def large_body_over_http2(target: Target) -> Iterator[str]:
    body = target.folder / "too_large"
    with body.open("wb") as sparse:
        sparse.truncate(130_000_000)
    address = f"https://{NAME}:{target.through}/sign-in"
    command = ["curl", "--silent", "--insecure", "--http2", "--resolve", f"{NAME}:{target.through}:127.0.0.1"]
    told = ["--write-out", "\n%{http_version} %{http_code}", "--max-time", "60", "--data-binary", f"@{body}"]
    done = subprocess.run([*command, *told, "--header", "Expect:", address], stdout=subprocess.PIPE, text=True)
    body.unlink()
    if not done.stdout.endswith("\n2 413") or "بزرگ" not in done.stdout:
        yield f"130 MB over HTTP/2: {done.returncode} {done.stdout[-300:]!r}"


@attack("through Caddy each client counts as itself, pages are not compressed, and a body too large is a page")
def caddy(target: Target) -> Iterator[str]:
    if shutil.which("caddy") is None:
        target.numbers["Caddy"] = "not there"
        return
    address = "127.0.4.5"
    with _caddy(target) as port, Visitor(port, address, tls=False) as visitor:
        page = visitor.look("/sign-in")
        if page.status_code != 200 or "content-encoding" in visitor.get("/sign-in", headers=ENCODINGS).headers:
            yield f"the page through Caddy: {page.status_code} {page.headers}"
        lie = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https"}
        said = {"username": "finance", "password": "wrong"}
        status = visitor.post("/api/v1/token", json=said, headers=lie).status_code
        with target.application.engine.transaction() as session:
            keys = set(session.scalars(select(Attempt.key).where(Attempt.kind == SIGN_IN_ADDRESS.kind)))
        if status != 401 or address not in keys or "6.6.6.6" in keys:
            yield f"answered {status}, counted as {keys}"
        answer = visitor.post("/sign-in", content=bytes(2_000_000), headers={"Content-Type": "text/plain"})
        if answer.status_code != 413 or "بزرگ" not in answer.text:
            yield f"2 MB of a stranger through Caddy: {answer.status_code}"
        visitor.sign_in("contractor")
        files = {"file": ("plan.pdf", b"%PDF-1.4\n" + bytes(60_000_000), "application/pdf")}
        answer = visitor.post("/tasks/999999", data={"csrf_token": visitor.csrf}, files=files)
        if answer.status_code != 404:  # it was taken, and there is no such task
            yield f"60 MB through Caddy: {answer.status_code}"
        files = {"file": ("plan.pdf", bytes(125_000_000), "application/pdf")}
        answer = visitor.post("/tasks/999999", data={"csrf_token": visitor.csrf}, files=files)
        if answer.status_code != 413 or "بزرگ" not in answer.text:
            yield f"125 MB through Caddy: {answer.status_code}"


@contextmanager
def _caddy(target: Target) -> Iterator[int]:
    """The port of Caddy with the documented file, without TLS, as names that nobody has get no certificate."""
    folder = target.folder / "caddy"
    folder.mkdir()
    port = free_port()
    text = (DEPLOYMENT / "Caddyfile").read_text()
    for old, new in (
        ("kartabl.example.ir {", f"http://kartabl.example.ir:{port} {{"),
        ("\tservers {", "\tadmin off\n\tservers {"),
        ("127.0.0.1:8001 127.0.0.1:8002", f"127.0.0.1:{target.direct}"),
        ("/etc/caddy/kartabl", str(DEPLOYMENT)),
    ):
        assert old in text, old
        text = text.replace(old, new)
    (folder / "Caddyfile").write_text(text)
    own = {**os.environ, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
    with (target.folder / "caddy.log").open("ab") as log:
        command = ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
        process = subprocess.Popen(command, env=own, stdout=log, stderr=log)
    try:
        wait_for_listener(port, target.folder)
        yield port
    finally:
        process.terminate()
        process.wait(30)
