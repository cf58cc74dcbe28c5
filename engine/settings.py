"""The settings of one installation, read once from ``KARTABL_…`` variables.

Office rules that an admin changes (tariffs, limits of a process) live in tables and decision tables, not here.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from pathlib import Path

PREFIX = "KARTABL_"
MODES = ("production", "staging", "demo")


class SettingsInvalid(Exception):
    """Some settings are missing or wrong; every problem is a line of the message."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One field for each ``KARTABL_…`` variable. A field without default must be given.

    The comment beside each field is its documentation: ``kartabl settings`` prints it.
    """

    secret_key: str  # signs cookies and hashes codes; at least 32 characters
    database_url: str = "sqlite:///var/kartabl.db"  # SQLAlchemy URL; PostgreSQL for more than one machine
    files_path: Path = Path("var/files")  # where uploaded files are stored
    public_url: str = "http://127.0.0.1:8000"  # how browsers and the payment gateway reach this installation
    mode: str = "production"  # production | staging (a clock to put ahead) | demo (that, and people at sign-in)
    time_zone: str = "Asia/Tehran"  # the organisation's clock
    weekend: str = "thursday,friday"  # days without work (CAL-1)
    office_opens: time = time(7, 30)  # CAL-2
    office_closes: time = time(14, 30)  # CAL-2
    upload_limit: int = 6_000_000  # bytes of one file (DOC-1)
    sms_provider: str = "screen"  # screen | kavenegar
    kavenegar_key: str = ""  # API key of Kavenegar
    kavenegar_sender: str = ""  # sender line of Kavenegar
    payment_gateway: str = "test"  # test | zarinpal
    zarinpal_merchant: str = ""  # merchant id of Zarinpal, 36 characters
    zarinpal_url: str = "https://payment.zarinpal.com"  # or https://sandbox.zarinpal.com
    payment_minutes: int = 30  # how long an unverified payment is asked about (PAY-3)
    worker_tick: float = 1.0  # seconds between two looks at due jobs
    session_idle_minutes: int = 30  # a browser's session ends after so long without a request
    session_hours: int = 12  # and at the latest after so long
    secure_cookies: bool = False  # True behind HTTPS
    trusted_proxies: int = 0  # reverse proxies in front that set X-Forwarded-For

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read ``KARTABL_…`` variables. Raises ``SettingsInvalid`` with all problems at once."""
        fields = {field.name: field for field in dataclasses.fields(cls)}
        hints = typing.get_type_hints(cls)
        problems: list[str] = []
        values: dict[str, object] = {}
        for variable, text in sorted(environment.items()):
            if not variable.startswith(PREFIX):
                continue
            name = variable.removeprefix(PREFIX).lower()
            if name not in fields:
                problems.append(f"{variable} is not a setting")
                continue
            try:
                values[name] = _convert(text, hints[name])
            except ValueError as error:
                problems.append(f"{variable} {error}: {text!r}")
        if len(str(values.get("secret_key", ""))) < 32:
            problems.append(f"{PREFIX}SECRET_KEY must be given and hold 32 characters or more")
        if values.get("mode", "production") not in MODES:
            problems.append(f"{PREFIX}MODE is one of {', '.join(MODES)}: {values['mode']!r}")
        if problems:
            raise SettingsInvalid("\n".join(problems))
        return cls(**values)  # type: ignore[arg-type]

    @classmethod
    def documented(cls) -> list[tuple[str, object, str]]:
        """(name, default, the comment beside it) of every setting, for ``kartabl settings`` and the manual."""
        comments = {
            found[1]: found[2]
            for line in inspect.getsource(cls).splitlines()
            if (found := re.match(r"    (\w+): [^#]+# (.+)", line))
        }
        return [
            (field.name, None if field.default is dataclasses.MISSING else field.default, comments[field.name])
            for field in dataclasses.fields(cls)
        ]

    @property
    def demo(self) -> bool:
        return self.mode == "demo"

    @property
    def clock_moves(self) -> bool:
        """Whether people may put the clock ahead to see what becomes of deadlines; never in production."""
        return self.mode in ("staging", "demo")


def _convert(text: str, kind: type | types.UnionType) -> object:
    """``text`` as a value of ``kind``; raises ``ValueError`` with the words that follow the variable's name."""
    try:
        if kind is bool:
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]
        if kind is int:
            return int(text)
        if kind is float:
            return float(text)
        if kind is time:
            return time.fromisoformat(text)
        if kind is Path:
            return Path(text)
    except (KeyError, ValueError):
        words: dict[object, str] = {bool: "is not yes or no", int: "is not a whole number", float: "is not a number"}
        raise ValueError(words.get(kind, "is not a time like 07:30")) from None
    return text
