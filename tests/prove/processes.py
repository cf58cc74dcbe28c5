"""The processes of one application under proof, as the harness starts, kills and restarts them."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.secret import SECRET_KEY

ROOT = Path(__file__).parents[2]
START_WITHIN = 60  # seconds to the first page


class Site:
    """The processes of one application, in one process group, and the process that forks them."""

    def __init__(self, url: str, folder: Path, *, naive: bool) -> None:
        self.ports = [_free_port(), _free_port()]
        self._log = folder / "log"
        self._environment = {
            "KARTABL_DATABASE_URL": url,
            "KARTABL_SECRET_KEY": SECRET_KEY,
            "KARTABL_ALLOW_STAND_INS": "payment_gateway,sms_provider",
            "KARTABL_FILES_PATH": str(folder / "files"),
            "KARTABL_WORKER_TICK": "0.1",
            "KARTABL_PUBLIC_URL": f"http://127.0.0.1:{self.ports[0]}",
            "PROVE_FOLDER": str(folder),
            "PROVE_BEGAN": str(time.time()),
            "PROVE_NAIVE": "yes" if naive else "no",
        }
        web = ["run", "--threads", "4", "--port"]
        self._commands = [
            [*web, str(self.ports[0])],
            [*web, str(self.ports[1]), "--no-worker"],
            ["worker"],
        ]
        self._processes: list[int] = []
        self._group = 0
        self._forks = subprocess.Popen(
            [sys.executable, "-m", "tests.prove.site"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONWARNINGS": "default"},
        )

    def prepare(self, people: list[str]) -> None:
        answer = self._order(do="prepare", people=people)
        assert answer["status"] == 0, self._log.read_text()

    def start(self) -> None:
        """Start all processes."""
        self._group = 0
        self._processes = []
        for arguments in self._commands:
            self._processes.append(self._order(do="start", arguments=arguments)["process"])
            self._group = self._group or self._processes[0]

    def kill_all(self) -> None:
        self._order(do="kill", processes=self._processes)
        self._group, self._processes = 0, []

    def kill_one(self, which: int) -> None:
        """Kill one process and start it anew in the group of the others."""
        group, self._group = self._group, 0
        self._order(do="kill", processes=[self._processes[which]])
        self._group = group
        self._processes[which] = self._order(do="start", arguments=self._commands[which])["process"]

    def first_page(self) -> float:
        """Wait until the sign-in page can be read; returns the seconds it took."""
        began = time.monotonic()
        while time.monotonic() < began + START_WITHIN:
            connection = http.client.HTTPConnection("127.0.0.1", self.ports[0], timeout=10)
            try:
                connection.request("GET", "/sign-in")
                if connection.getresponse().status == 200:
                    return time.monotonic() - began
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)
            finally:
                connection.close()
        raise TimeoutError(f"no page within a minute: {self._log.read_text()[-2000:]}")

    def cold_start(self) -> float:
        """Seconds to the first page with a new interpreter that imports everything; all else is dead."""
        self.kill_all()
        environment = {**os.environ, **self._environment}
        began = time.monotonic()
        command = "from tests.prove import site; import sys; site.run(sys.argv[1:])"
        alone = subprocess.Popen(
            [sys.executable, "-c", command, *self._commands[0]],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self.first_page()
            return time.monotonic() - began
        finally:
            alone.kill()
            alone.wait()

    def close(self) -> None:
        """End everything: the process that forks kills whatever is left as soon as there are no more orders."""
        self._forks.communicate()

    def _order(self, **order: Any) -> dict[str, Any]:
        assert self._forks.stdin and self._forks.stdout
        sent = {"group": self._group, "environment": self._environment, "log": str(self._log), **order}
        self._forks.stdin.write(json.dumps(sent) + "\n")
        self._forks.stdin.flush()
        answer: dict[str, Any] = json.loads(self._forks.stdout.readline())
        return answer


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
