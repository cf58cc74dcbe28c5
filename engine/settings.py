"""The settings of one installation, read once from ``KARTABL_…`` variables.

Rules of the office (working time, limits of payments and files) are no settings: an admin changes them on a page, and
they live in tables. This is the only module that knows pydantic.
"""

from __future__ import annotations

import difflib
import importlib.util
import ipaddress
import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import AfterValidator as Checked
from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from models.language import gettext as _
from models.language import lazy

PREFIX = "KARTABL_"
DATABASES = ("sqlite", "postgresql", "postgresql+psycopg")
SHORTEST_SECRET = 32  # characters
_COMMON = re.compile("changeme|replaceme|secret|password|passwd|letmein|qwerty|default|example|insecure|kartabl")
FEWEST_SIGNS = 8  # different characters of a secret: 32 random hexadecimal digits have 14

_USER = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*:/+(?=.*@))?.*@", re.DOTALL)  # user info of an address, with its scheme

# Settings of earlier versions that an admin changes on a page now: variable → name and address of the page.
CALENDAR_PAGE = (lazy("هفته و ساعت اداری"), "/calendar/settings")
RULES_PAGE = (lazy("قواعد سازمان"), "/office/rules")
MOVED = {
    "KARTABL_WEEKEND": CALENDAR_PAGE,
    "KARTABL_OFFICE_OPENS": CALENDAR_PAGE,
    "KARTABL_OFFICE_CLOSES": CALENDAR_PAGE,
    "KARTABL_TIME_ZONE": CALENDAR_PAGE,
    "KARTABL_PAYMENT_MINUTES": RULES_PAGE,
    "KARTABL_UPLOAD_LIMIT": RULES_PAGE,
}


class SettingsInvalid(Exception):
    """Some settings are missing or wrong; every problem is a line of the message."""


# ---------------------------------------------------------------- how settings are declared

# In a field's type: ``Annotated[str, Checked(function)]``. The function returns the value, or raises ``ValueError``
# with the words that follow the variable's name.
__all__ = [
    "Checked",
    "OneOf",
    "Reading",
    "Section",
    "Settings",
    "SettingsInvalid",
    "Words",
    "setting",
    "variable_of",
    "words",
]


@dataclass(frozen=True)
class OneOf:
    """The values that a text, or each word of a list, may have; asked for when a value is checked."""

    names: Callable[[], Iterable[str]]

    def __str__(self) -> str:
        return ", ".join(self.names())

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        return Checked(self._check).__get_pydantic_core_schema__(source, handler)

    def _check(self, value: Any) -> Any:
        words = {value} if isinstance(value, str) else set(value)
        if not words <= set(self.names()):
            raise ValueError("is not allowed")
        return value


def setting(
    meaning: str,
    *,
    default: Any = ...,
    least: float | None = None,
    most: float | None = None,
    pattern: str | None = None,
    secret: bool = False,
    checked: bool = False,
    allowed: str = "",
) -> Any:
    """Declare a setting. Without a ``default`` it must be given.

    ``least`` and ``most`` are allowed values, too; the whole text fits ``pattern``. The value of a ``secret`` one is
    never shown. ``checked``: its validator also sees the default. ``allowed`` says what is allowed where the type
    does not.
    """
    return Field(
        default,
        description=meaning,
        ge=least,
        le=most,
        pattern=None if pattern is None else f"^(?:{pattern})$",
        repr=not secret,
        validate_default=checked,
        json_schema_extra={"secret": secret, "allowed": allowed},
    )


def words(text: str) -> tuple[str, ...]:
    """The words of a list as the environment has it: ``one,two``."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


Words = Annotated[
    tuple[str, ...], NoDecode, BeforeValidator(lambda value: words(value) if isinstance(value, str) else value)
]


@dataclass(frozen=True)
class Documented:
    """A setting as ``kartabl settings`` and the manual show it."""

    variable: str
    required: bool
    default: str | None  # None: it must be given
    meaning: str
    allowed: str


class Section(BaseSettings):
    """Settings that belong together: a field is the variable ``KARTABL_<FIELD>``.

    Made by ``Reading`` from an environment, or by hand from values; the process's own environment is never looked
    at. A value that is not allowed is pydantic's ``ValidationError``.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        str_strip_whitespace=True,
        hide_input_in_errors=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)

    @classmethod
    def documented(cls) -> list[Documented]:
        """Every setting of the section, in the order of its declaration."""
        return [
            Documented(
                variable_of(name),
                field.is_required(),
                None if field.is_required() else _shown(field.default),
                field.description or "",
                _allowed(field),
            )
            for name, field in cls.model_fields.items()
        ]


S = TypeVar("S", bound=Section)


def variable_of(name: str) -> str:
    """The environment variable of a field."""
    return PREFIX + name.upper()


# ---------------------------------------------------------------- the settings that every installation has


def _strong(text: str) -> str:
    if len(text) < SHORTEST_SECRET:
        raise ValueError(f"holds {len(text)} characters only")
    steps = [ord(after) - ord(before) for before, after in itertools.pairwise(text)]
    repeats = any(text[period:] == text[:-period] for period in range(1, len(text) // 2 + 1))
    counts = max(steps.count(step) for step in set(steps)) > len(steps) // 2  # abcdef…, 123456…
    if repeats or counts or len(set(text)) < FEWEST_SIGNS:
        raise ValueError("follows a simple pattern and can be guessed")
    letters = "".join(sign for sign in text.lower() if sign.isalnum())
    if len(_COMMON.sub("", letters)) < SHORTEST_SECRET and _COMMON.search(letters):
        raise ValueError("holds a word that is guessed first, and too little besides it")
    pieces = [text[at : at + 4].lower() for at in range(len(text) - 3)]
    if len(set(pieces)) < len(pieces) * 3 / 4:
        raise ValueError("repeats a phrase and can be guessed")
    return text


def _known_database(text: str) -> str:
    try:
        scheme = make_url(text).drivername
    except ArgumentError:
        raise ValueError("is no SQLAlchemy URL") from None
    if scheme not in DATABASES:
        raise ValueError(f"begins with {scheme}:")
    return text


def _web_address(text: str) -> str:
    scheme, _colon, rest = text.partition("://")
    if scheme not in ("http", "https") or not rest.strip("/") or any(sign.isspace() for sign in text):
        raise ValueError("is no address of this kind")
    if "@" in rest.partition("/")[0]:
        raise ValueError("must not hold a user name or password")
    return text


def _all_networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(text)) for text in texts)
    except ValueError as problem:
        raise ValueError(f"holds no network: {problem}") from None


def _openid_issuer(text: str) -> str:
    """An issuer is compared letter by letter, so it stays as it was given."""
    try:
        parts = urlsplit(_web_address(text))
        host = parts.hostname or ""
        port = parts.port
    except ValueError:
        raise ValueError("is no address of this kind") from None
    if parts.query or parts.fragment or "?" in text or "#" in text or port == 0:
        raise ValueError("is no address of this kind")
    if parts.scheme != "https" and not _is_this_machine(host):
        raise ValueError("must begin with https://")
    if importlib.util.find_spec("authlib") is None:
        raise ValueError("needs the extra oidc, which is not installed: pip install 'kartabl[oidc]'")
    return text


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _scanner_address(text: str) -> str:
    if not text:
        return text
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("is no address of this kind") from None
    tcp = parts.scheme == "tcp" and parts.hostname and port and not parts.path
    unix = parts.scheme == "unix" and not parts.netloc and parts.path.startswith("/") and parts.path.strip("/")
    if not (tcp or unix) or "@" in text or "?" in text or "#" in text or any(sign.isspace() for sign in text):
        raise ValueError("is no address of this kind")
    return text


SecretKey = Annotated[str, Checked(_strong)]
DatabaseUrl = Annotated[str, Checked(_known_database)]
WebAddress = Annotated[str, Checked(_web_address)]
Networks = Annotated[Words, Checked(_all_networks)]
OpenIdIssuer = Annotated[str, Checked(_openid_issuer)]
ScannerAddress = Annotated[str, Checked(_scanner_address)]
Mode = Literal["production", "staging", "demo"]


class Settings(Section):
    """What the operator of an installation decides."""

    secret_key: SecretKey = setting(
        "signs cookies and hashes codes",
        secret=True,
        allowed="32 random characters or more: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'",
    )
    database_url: DatabaseUrl = setting(
        "SQLAlchemy URL; PostgreSQL for more than one machine",
        default="sqlite:///var/kartabl.db",
        secret=True,
        allowed=f"a URL of {', '.join(DATABASES)}",
    )
    files_path: Path = setting("where uploaded files are stored", default=Path("var/files"), allowed="a folder")
    virus_scanner: ScannerAddress = setting(
        "where ClamAV's clamd listens, which looks at each uploaded file before anybody gets it; not given: no scanner",
        default="",
        allowed="tcp://HOST:PORT or unix:///PATH",
    )
    public_url: WebAddress = setting(
        "how browsers and the payment gateway reach this installation",
        default="http://127.0.0.1:8000",
        allowed="http://… or https://…",
    )
    mode: Mode = setting("staging: with a clock to put ahead; demo: that, and people at sign-in", default="production")
    worker_tick: float = setting("seconds between two looks at due jobs", default=1.0, least=0.01, most=60)
    session_hours: int = setting("a browser's session ends at the latest after so long", default=12, least=1, most=168)
    session_idle_minutes: int = setting(
        "and after so long without a request", default=30, least=1, most=10_080, checked=True
    )
    confirm_minutes: int = setting(
        "so long after the password was given, an admin's dangerous act asks for it again",
        default=15,
        least=1,
        most=120,
    )
    first_password_hours: int = setting(
        "a first password that an admin gave ends after so long", default=72, least=1, most=720
    )
    secure_cookies: bool = setting(
        "cookies over HTTPS only; not given: as KARTABL_PUBLIC_URL is", default=None, checked=True
    )
    trusted_proxies: int = setting(
        "reverse proxies in front, one behind the other, that append to X-Forwarded-For", default=0, least=0, most=10
    )
    proxy_networks: Networks = setting(
        "from where the nearest of them speaks to Kartabl; nobody else's X-Forwarded-For is believed",
        default=("127.0.0.0/8", "::1/128"),
        allowed="addresses or networks, separated by commas",
    )
    processes: int = setting(
        "processes that serve pages; more than one on PostgreSQL only", default=1, least=1, most=64, checked=True
    )

    openid_issuer: OpenIdIssuer = setting(
        "the organisation's OpenID provider, by which people sign in, too; not given: passwords only",
        default="",
        allowed="the issuer, letter by letter as it names itself: https://…",
    )
    openid_client_id: str = setting("as what the provider knows this installation", default="", checked=True)
    openid_client_secret: str = setting("and its secret there; not given: a public client", default="", secret=True)
    openid_name: str = setting("how people call the provider, on the button at sign-in", default="")
    openid_scopes: Words = setting(
        "what the provider is asked for, with commas between", default=("openid", "profile"), allowed="with openid"
    )
    openid_roles_claim: str = setting(
        "the claim with the values that an admin maps to roles; dots lead into objects", default="roles"
    )
    openid_second_factor: Words = setting(
        "values of amr or acr by which the provider says that it asked for a second factor", default=("mfa",)
    )

    # A cross-check is the validator of the later field: it runs also when a third one is wrong.

    @field_validator("openid_client_id")
    @classmethod
    def _with_issuer(cls, client_id: str, info: ValidationInfo) -> str:
        issuer = info.data.get("openid_issuer")
        if issuer and not client_id:
            raise ValueError(f"must be given with {PREFIX}OPENID_ISSUER")
        if client_id and issuer == "":
            raise ValueError(f"needs {PREFIX}OPENID_ISSUER")
        return client_id

    @field_validator("openid_scopes")
    @classmethod
    def _with_openid(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in scopes:
            raise ValueError("lacks openid")
        return scopes

    @field_validator("session_idle_minutes")
    @classmethod
    def _within_session(cls, minutes: int, info: ValidationInfo) -> int:
        hours = info.data.get("session_hours")
        if hours is not None and minutes > hours * 60:
            raise ValueError(f"is longer than the {hours} hours of {PREFIX}SESSION_HOURS")
        return minutes

    @field_validator("secure_cookies", mode="before")
    @classmethod
    def _as_address(cls, given: object, info: ValidationInfo) -> object:
        return str(info.data.get("public_url", "")).startswith("https://") if given is None else given

    @field_validator("secure_cookies")
    @classmethod
    def _with_https(cls, secure: bool, info: ValidationInfo) -> bool:
        if not secure and str(info.data.get("public_url", "")).startswith("https://"):
            raise ValueError(f"must not be no: {PREFIX}PUBLIC_URL begins with https")
        return secure

    @field_validator("processes")
    @classmethod
    def _one_on_sqlite(cls, processes: int, info: ValidationInfo) -> int:
        if processes > 1 and str(info.data.get("database_url", "")).startswith("sqlite"):
            raise ValueError("must be 1 on SQLite")
        return processes

    @property
    def demo(self) -> bool:
        return self.mode == "demo"

    @property
    def clock_moves(self) -> bool:
        """Whether people may put the clock ahead to see what becomes of deadlines; never in production."""
        return self.mode in ("staging", "demo")


# ---------------------------------------------------------------- reading an environment


class _Environment(EnvSettingsSource):
    """The source of pydantic-settings over a mapping instead of the process's environment."""

    def __init__(self, section: type[Section], environment: Mapping[str, str]) -> None:
        self._environment = {name.lower(): value for name, value in environment.items() if value.strip()}
        super().__init__(section)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._environment


class Reading:
    """Reads sections from one environment, collecting every problem; ``finish`` raises them together.

    ``known`` are all sections that this installation could have: a variable of none of them is a problem.
    """

    def __init__(self, environment: Mapping[str, str], known: Iterable[type[Section]]) -> None:
        self._environment = {name: value for name, value in environment.items() if name.startswith(PREFIX)}
        self._problems: list[str] = []
        variables = {variable_of(name) for section in known for name in section.model_fields}
        for variable in sorted(environment.keys() - variables):
            if meant := _meant(variable, variables):
                self._problems.append(_unknown(variable, meant, variables))

    def given(self, name: str, default: str) -> str:
        """The text of a field as the environment has it, unchecked."""
        return self._environment.get(variable_of(name), "").strip() or default

    def read(self, section: type[S]) -> S | None:
        """The section; ``None`` when something in it is wrong."""
        try:
            return section(**_Environment(section, self._environment)())
        except ValidationError as error:
            for one in error.errors():
                self.problem(*_problem_of(section, one))
            return None

    def problem(self, name: str, text: str) -> None:
        """Something is wrong with the field ``name``; ``text`` goes after the name of its variable."""
        self._problems.append(f"{variable_of(name)} {text}")

    def finish(self) -> None:
        """Raise ``SettingsInvalid`` when there was any problem."""
        if self._problems:
            raise SettingsInvalid("\n".join(self._problems))


def _meant(variable: str, known: Iterable[str]) -> str | None:
    """The name with our prefix that a variable stands for; ``None`` if it is another program's.

    Ours in any letter case, and those with one letter of the prefix wrong and the name of a setting after it.
    """
    upper = variable.upper()
    if upper.startswith(PREFIX):
        return upper
    names = {one.removeprefix(PREFIX) for one in known}
    rests = [upper[end:] for end in range(len(PREFIX) - 1, len(PREFIX) + 2) if _one_letter_off(upper[:end])]
    exact = [rest for rest in rests if rest in names]
    return next((PREFIX + rest for rest in exact), None)


def _one_letter_off(prefix: str) -> bool:
    """Whether one letter of our prefix is missing, added, replaced, or has changed places."""
    theirs, ours = _with_one_less(prefix), _with_one_less(PREFIX)
    return prefix in ours or PREFIX in theirs or (len(prefix) == len(PREFIX) and not theirs.isdisjoint(ours))


def _with_one_less(text: str) -> set[str]:
    return {text[:at] + text[at + 1 :] for at in range(len(text))}


def _unknown(variable: str, meant: str, known: Iterable[str]) -> str:
    """Says that a variable is no setting. ``meant``: what it stands for, with the prefix as it should be."""
    if meant in MOVED:
        page, address = MOVED[meant]
        words = _("این تنظیم اکنون در صفحهٔ «%(page)s» است.", page=page)
        return f"{variable} is no setting any more; an admin changes it at {address}. {words}"
    names = sorted(one.removeprefix(PREFIX) for one in known)
    nearest = difflib.get_close_matches(meant.removeprefix(PREFIX), names, n=1)
    return f"{variable} is not a setting" + (f"; {PREFIX}{nearest[0]} is" if nearest else "")


def _problem_of(section: type[Section], error: Mapping[str, Any]) -> tuple[str, str]:
    """The field, and its problem in words: what is wrong, what is allowed, and what was given unless it is secret."""
    name = str(error["loc"][0])
    field = section.model_fields[name]
    allowed = f"allowed: {_allowed(field)}"
    if error["type"] == "missing":
        return name, f"must be given; {allowed}"
    own = str(error["ctx"]["error"]) if error["type"] == "value_error" else "is not allowed"
    secret = isinstance(field.json_schema_extra, dict) and field.json_schema_extra["secret"]
    return name, f"{own}; {allowed}" + ("" if secret else f"; given: {_without_user(error['input'])!r}")


def _without_user(given: object) -> object:
    """A value as messages show it: what stands before ``@`` in an address may be a password."""
    return _USER.sub(r"\1***@", given) if isinstance(given, str) else given


def _shown(default: object) -> str:
    """A default as the environment would have it."""
    if isinstance(default, bool):
        return "yes" if default else "no"
    return "" if default is None else ",".join(default) if isinstance(default, tuple) else str(default)


def _allowed(field: FieldInfo) -> str:
    """What values a field may have, in words."""
    own = field.json_schema_extra["allowed"] if isinstance(field.json_schema_extra, dict) else ""
    if own:
        return str(own)
    if get_origin(field.annotation) is Literal:
        return ", ".join(get_args(field.annotation))
    choices = [one for one in field.metadata if isinstance(one, OneOf)]
    if choices:
        return str(choices[0])
    kinds: dict[Any, str] = {bool: "yes or no", int: "a whole number", float: "a number"}
    words = kinds.get(field.annotation, "a text")
    limits = {key: getattr(one, key) for one in field.metadata for key in ("ge", "le") if hasattr(one, key)}
    return f"{words} from {limits['ge']} to {limits['le']}" if len(limits) == 2 else words
