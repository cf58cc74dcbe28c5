"""What is attacked: ``kartabl run`` behind the nginx of docs/deployment, as in an office, and those who visit it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from pathlib import Path

import httpx

import kartabl
from engine.settings import Settings
from tests.databases import SQLITE, drop_database, fresh_database, postgres_url
from tests.play import PASSWORD, People
from tests.secret import SECRET_KEY
from webapp.serving.server import listen

ROOT = Path(__file__).parents[2]
DEPLOYMENT = ROOT / "docs" / "deployment"
NAME = "kartabl.example.ir"
START_WITHIN = 60  # seconds
PATIENCE = 20.0  # seconds for one answer
STRANGER = "127.0.0.66"  # an address of this machine from which no proxy of ours speaks
PEOPLE = {
    "contractor": "contractor",
    "contractor-2": "contractor",
    "citizen": "citizen",
    "12-30-01234": "inspector",
    "finance": "finance",
    "supervisor": "supervisor",
    "admin": "admin",
}


class NoNginx(Exception):
    """There is no nginx, and none could be fetched."""


class Target:
    """A running installation under attack.

    ``direct``: the port of the first process, ``through``: the port of nginx with TLS. ``application`` is one more
    application over the same database, to look what became of it. Attacks put what they reached into ``numbers``.
    """

    def __init__(self, url: str, folder: Path, *, processes: int, short: bool) -> None:
        self.url, self.folder, self.short = url, folder, short
        self.numbers: dict[str, int | float | str] = {}
        self._ports = [free_port() for _one in range(processes)]
        self.direct, self.through = self._ports[0], free_port()
        self._held = listen("127.0.0.1", self.direct) if processes == 1 else None  # as kartabl@.socket does
        self.application = self._prepared()
        self._running = [self._start(port) for port in self._ports]
        self._nginx = self._start_nginx()
        for port in self._ports:
            wait_for(port, folder)
        wait_for_listener(self.through, folder)

    # Who visits

    def visitor(self, *, address: str = STRANGER, direct: bool = False) -> Visitor:
        """Somebody who is not signed in, at an address of this machine (127.x.y.z)."""
        return Visitor(self.direct if direct else self.through, address, tls=not direct)

    def person(self, username: str, *, address: str = STRANGER, direct: bool = False) -> Visitor:
        """One of ``PEOPLE`` in a browser of their own."""
        visitor = self.visitor(address=address, direct=direct)
        visitor.sign_in(username)
        return visitor

    def program(self, username: str, *, address: str = STRANGER) -> Visitor:
        """One of ``PEOPLE`` with a token of the API."""
        visitor = self.visitor(address=address)
        answer = visitor.post("/api/v1/token", json={"username": username, "password": PASSWORD})
        visitor.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return visitor

    def connect(self, sent: bytes = b"", *, direct: bool = True, address: str = STRANGER) -> socket.socket:
        """A bare connection to the process, or with TLS to nginx."""
        port = self.direct if direct else self.through
        connection = socket.create_connection(("127.0.0.1", port), PATIENCE, source_address=(address, 0))
        if not direct:
            connection = untrusting().wrap_socket(connection, server_hostname=NAME)
        connection.sendall(sent)
        return connection

    def ask(self, sent: bytes, *, direct: bool = True, within: float = PATIENCE) -> bytes:
        """Send bytes; returns all that comes back until the other side ends or ``within`` seconds have passed."""
        with self.connect(sent, direct=direct) as connection:
            connection.settimeout(within)
            answer = b""
            with contextlib.suppress(TimeoutError, ConnectionError, ssl.SSLError):
                while more := connection.recv(65_536):
                    answer += more
        return answer

    def page_takes(self, *, direct: bool = False) -> float:
        """Seconds for the sign-in page on a new connection; infinite if it does not come within ``PATIENCE``."""
        began = time.monotonic()
        try:
            with self.visitor(address="127.0.0.67", direct=direct) as visitor:
                answer = visitor.get("/sign-in")
        except httpx.HTTPError:
            return float("inf")
        return time.monotonic() - began if answer.status_code == 200 else float("inf")

    # The processes

    def memory(self) -> int:
        """Bytes of memory that the first of them has at the moment, with its children."""
        return sum(int(_status_of(process, "VmRSS")) * 1000 for process in (self._running[0].pid, *self.children()))

    def children(self) -> list[int]:
        """The processes that the first one has forked: on PostgreSQL it has KARTABL_PROCESSES=2."""
        parent = self._running[0].pid
        return [int(text) for text in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]

    def restart(self, which: int) -> int:
        """Stop a process as systemd does and start it anew; returns the exit code of the old one."""
        old = self._running[which]
        old.send_signal(signal.SIGTERM)
        code = old.wait(60)
        self._running[which] = self._start(self._ports[which])
        wait_for(self._ports[which], self.folder)
        return code

    @property
    def processes(self) -> int:
        return len(self._running)

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def close(self) -> None:
        for process in (self._nginx, *self._running):
            process.terminate()
        for process in (self._nginx, *self._running):
            process.wait(60)
        if self._held is not None:
            self._held.close()
        self.application.database.dispose()

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "KARTABL_DATABASE_URL": self.url,
            "KARTABL_SECRET_KEY": SECRET_KEY,
            "KARTABL_ALLOW_STAND_INS": "payment_gateway,sms_provider",
            "KARTABL_FILES_PATH": str(self.folder / "files"),
            "KARTABL_PUBLIC_URL": f"https://{NAME}",
            "KARTABL_TRUSTED_PROXIES": "1",
            "KARTABL_PROXY_NETWORKS": "127.0.0.1",
        }

    def _prepared(self) -> kartabl.Application:
        given = self._environment()
        settings, chosen = kartabl.read_settings({name: given[name] for name in given if name.startswith("KARTABL_")})
        application = kartabl.prepare(kartabl.build(settings, chosen))
        with application.engine.transaction() as session:
            application.engine.offers.offer_all(
                session, application.engine.definitions, by=kartabl.SYSTEM, now=application.clock()
            )
        people = People(application)
        for username, role in PEOPLE.items():
            people.add(username, role)
        return application

    def _start(self, port: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", "import kartabl; kartabl.main()", "run", "--port", str(port)]
        several = port == self.direct and not self.url.startswith("sqlite")
        environment = self._environment() | {"KARTABL_PROCESSES": "2" if several else "1"}
        held: tuple[int, ...] = ()
        if self._held is not None:
            held = (self._held.fileno(),)
            environment["LISTEN_FDS"] = "1"
            command = [
                "bash",
                "-c",
                f'exec 3<&{held[0]}; LISTEN_PID=$$ exec "$@"',
                "bash",
                *command,
            ]  # others: fds to 9
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, pass_fds=held)

    def _start_nginx(self) -> subprocess.Popen[bytes]:
        folder = self.folder / "nginx"
        folder.mkdir()
        _write_certificate(folder)
        _write_configuration(folder, self._ports, self.through)
        with (self.folder / "log").open("ab") as log:
            command = [nginx(), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
            return subprocess.Popen(command, stdout=log, stderr=log)


class Visitor(httpx.Client):
    """A browser or program at an address; keeps cookies although they are for HTTPS only, knows the forms' token."""

    def __init__(self, port: int, address: str, *, tls: bool) -> None:
        super().__init__(
            base_url=f"{'https' if tls else 'http'}://127.0.0.1:{port}",
            transport=_ToOurName(local_address=address, verify=untrusting(), trust_env=False),
            timeout=PATIENCE,
            headers={"Host": NAME},
            event_hooks={"response": [self._keep_cookies]},
        )
        self.csrf = ""
        self._kept: dict[str, str] = {}

    def __enter__(self) -> Visitor:  # also once it has been used
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def sign_in(self, username: str) -> None:
        """Sign in as one of ``PEOPLE``. Raises AssertionError if that is refused."""
        self.look("/sign-in")
        answer = self.send_form("/sign-in", username=username, password=PASSWORD)
        assert answer.status_code == 303, (username, answer.status_code, answer.text[:500])
        self.look("/password")

    def look(self, path: str) -> httpx.Response:
        """Get a page, and remember the token of its forms."""
        answer = self.get(path)
        if match := re.search(r'name="csrf_token" value="([^"]+)"', answer.text):
            self.csrf = match[1]
        return answer

    def send_form(self, path: str, **values: str) -> httpx.Response:
        """Send a form with the token of the page that was looked at last."""
        return self.post(path, data={"csrf_token": self.csrf, **values})

    def _keep_cookies(self, response: httpx.Response) -> None:
        for line in response.headers.get_list("set-cookie"):
            self._kept |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        self.headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._kept.items() if value)


class _ToOurName(httpx.HTTPTransport):
    """Asks TLS for our name, although it goes to an address."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["sni_hostname"] = NAME
        return super().handle_request(request)


@contextmanager
def attacked(database: str, folder: Path, *, processes: int = 1, short: bool = True) -> Iterator[Target]:
    """A fresh installation on one of ``DATABASES``. On SQLite there is one process, whatever is asked for."""
    url = fresh_database(SQLITE if database == "sqlite" else postgres_url(), prepare=_with_schema)
    target = Target(url, folder, processes=1 if database == "sqlite" else processes, short=short)
    try:
        yield target
    finally:
        target.close()
        drop_database(url)


def _with_schema(url: str) -> None:
    application = kartabl.build(Settings(secret_key=SECRET_KEY, database_url=url))
    kartabl.prepare(application)
    application.database.dispose()


def _status_of(process: int, what: str) -> str:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"{what}:"))


def untrusting() -> ssl.SSLContext:
    """TLS to a certificate that nobody has signed."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def nginx() -> str:
    """The path of nginx. Raises NoNginx."""
    found = subprocess.run([ROOT / "tests/tools/ensure_nginx.sh"], stdout=subprocess.PIPE, text=True)
    if found.returncode:
        raise NoNginx("tests/tools/ensure_nginx.sh says why")
    return found.stdout.strip()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int, folder: Path) -> None:
    """Wait until Kartabl answers there. Raises TimeoutError with the end of the log."""
    wait_for_listener(port, folder)
    with Visitor(port, STRANGER, tls=False) as visitor:
        assert visitor.get("/livez", timeout=START_WITHIN).status_code == 200


def wait_for_listener(port: int, folder: Path) -> None:
    """Wait until somebody listens there. Raises TimeoutError with the end of the log."""
    give_up = time.monotonic() + START_WITHIN
    while time.monotonic() < give_up:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError((folder / "log").read_text()[-3000:])


def _write_certificate(folder: Path) -> None:
    asked = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN={NAME}".split()
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(["openssl", *asked, *files], check=True, capture_output=True)


def _write_configuration(folder: Path, ports: list[int], tls: int) -> None:
    """The documented configuration with ports, paths and files of this machine, and nothing else changed."""
    proxy = (DEPLOYMENT / "kartabl_proxy.conf").read_text()
    (folder / "kartabl_proxy.conf").write_text(proxy)
    text = (DEPLOYMENT / "nginx.conf").read_text()
    upstream = "".join(f"server 127.0.0.1:{port} max_fails=0;" for port in ports)
    plain = free_port()
    for old, new in (
        (re.compile(r"server 127\.0\.0\.1:8001[^}]*?;\s*server 127\.0\.0\.1:8002[^}]*?;"), upstream),
        (re.compile(r"listen 80( default_server)?;"), rf"listen 127.0.0.1:{plain}\1;"),
        (re.compile(r"listen 443"), f"listen 127.0.0.1:{tls}"),
        (re.compile(r"/etc/ssl/certs/kartabl\.pem"), str(folder / "cert.pem")),
        (re.compile(r"/etc/ssl/private/kartabl\.key"), str(folder / "key.pem")),
        (re.compile(r"/etc/nginx/kartabl/"), f"{DEPLOYMENT}/"),
    ):
        text, count = old.subn(new, text)
        assert count, f"nginx.conf has no {old.pattern}"
    mime = "types { text/html html; text/css css; text/javascript js; }"
    temporary = " ".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    root = "user root;" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; worker_processes 1; {root}\nevents {{ worker_connections 2048; }}\n"
        f"http {{ {mime} {temporary} access_log {folder}/access.log;\n{text}\n}}\n"
    )
