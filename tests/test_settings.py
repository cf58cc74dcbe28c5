"""The settings of an installation: what is refused, with which words, and that all of it is told at once."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import kartabl
from engine.settings import Settings, SettingsInvalid, variable_of
from tests.secret import SECRET_KEY
from workflows.providers import registry
from workflows.providers.kavenegar import Kavenegar
from workflows.providers.on_screen import OnScreenOutbox
from workflows.providers.registry import SERVICES, Chosen, Wiring, sms_providers
from workflows.providers.zarinpal import Zarinpal

ROOT = Path(__file__).parent.parent
EXAMPLE = re.compile(r"^#?(KARTABL_\w+)=(.*)$", re.M)
MERCHANT = "11111111-2222-3333-4444-555555555555"
DEMO = {"secret_key": SECRET_KEY, "mode": "demo"}
OFFICE = {
    "secret_key": SECRET_KEY,
    "payment_gateway": "zarinpal",
    "zarinpal_merchant": MERCHANT,
    "sms_provider": "kavenegar",
    "kavenegar_key": "4B6973686B616E",
}


def read(**values: str) -> tuple[Settings, Chosen]:
    return kartabl.read_settings({variable_of(name): value for name, value in values.items()} | {"PATH": "/bin"})


def problems(**values: str) -> list[str]:
    with pytest.raises(SettingsInvalid) as refused:
        read(**values)
    return str(refused.value).splitlines()


def wired(chosen: Chosen) -> tuple[object, object]:
    wiring = Wiring(sessions=None, public_url="http://localhost", clock=kartabl.utc_now)  # type: ignore[arg-type]
    return chosen.payment_gateway.make(wiring), chosen.sms.make(wiring)


# ---------------------------------------------------------------- what is accepted


def test_an_office_is_described_by_its_environment() -> None:
    settings, chosen = read(
        **OFFICE,
        public_url="https://kartabl.example.ir",
        database_url="postgresql://kartabl:pw@localhost/kartabl",
        files_path="/srv/files",
        worker_tick="0.5",
        trusted_proxies="1",
        session_hours=" 8 ",
    )
    assert settings == Settings(
        secret_key=SECRET_KEY,
        public_url="https://kartabl.example.ir",
        database_url="postgresql://kartabl:pw@localhost/kartabl",
        files_path=Path("/srv/files"),
        worker_tick=0.5,
        trusted_proxies=1,
        session_hours=8,
        secure_cookies=True,
    )
    gateway, sms = wired(chosen)
    assert (type(gateway), type(sms)) == (Zarinpal, Kavenegar)


def test_an_empty_variable_counts_as_not_given() -> None:
    settings, _chosen = read(**DEMO, session_hours="", database_url=" ", kavenegar_sender="")
    assert (settings.session_hours, settings.database_url) == (12, "sqlite:///var/kartabl.db")


@pytest.mark.parametrize("text", ["yes", "1", "true", "YES"])
def test_yes_is_said_in_several_ways(text: str) -> None:
    assert read(**DEMO, secure_cookies=text)[0].secure_cookies is True


@pytest.mark.parametrize(("address", "secure"), [("https://a.ir", True), ("http://a.ir", False)])
def test_cookies_are_secure_where_the_public_address_is(address: str, secure: bool) -> None:
    assert read(**DEMO, public_url=address)[0].secure_cookies is secure


def test_the_environment_of_the_process_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KARTABL_MODE", "staging")
    assert Settings(secret_key=SECRET_KEY).mode == "production"


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("mode", "Demo", "is not allowed; allowed: production, staging, demo; given: 'Demo'"),
        ("database_url", "mysql://u:hidden@h/x", "begins with mysql:; allowed: a URL of sqlite, postgresql"),
        ("database_url", "kartabl.db", "is no SQLAlchemy URL; allowed: a URL of sqlite"),
        ("public_url", "kartabl.example.ir", "is no address of this kind; allowed: http://… or https://…; given:"),
        ("public_url", "https://", "is no address of this kind"),
        ("public_url", "ftp://a.ir", "is no address of this kind"),
        ("session_hours", "12h", "is not allowed; allowed: a whole number from 1 to 168; given: '12h'"),
        ("worker_tick", "often", "is not allowed; allowed: a number from 0.01 to 60; given: 'often'"),
        ("worker_tick", "0", "is not allowed; allowed: a number from 0.01 to 60; given: '0'"),
        ("worker_tick", "nan", "is not allowed; allowed: a number from 0.01 to 60; given: 'nan'"),
        ("trusted_proxies", "-1", "is not allowed; allowed: a whole number from 0 to 10; given: '-1'"),
        ("trusted_proxies", "1.5", "is not allowed; allowed: a whole number from 0 to 10; given: '1.5'"),
        ("secure_cookies", "maybe", "is not allowed; allowed: yes or no; given: 'maybe'"),
        ("session_hours", "0", "is not allowed; allowed: a whole number from 1 to 168; given: '0'"),
        ("openid_issuer", "http://login.example.ir", "must begin with https://; allowed: the issuer, letter by letter"),
        ("openid_issuer", "https://login.example.ir?a=1", "is no address of this kind; allowed: the issuer"),
        ("openid_issuer", "https://u:hidden@login.example.ir", "is no address of this kind; allowed: the issuer"),
        ("openid_client_id", "kartabl", "needs KARTABL_OPENID_ISSUER; allowed: a text"),
        ("openid_scopes", "profile,email", "lacks openid; allowed: with openid"),
        ("session_idle_minutes", "721", "is longer than the 12 hours of KARTABL_SESSION_HOURS; allowed:"),
        ("payment_gateway", "paypal", "is not allowed; allowed: test, zarinpal; given: 'paypal'"),
        ("sms_provider", "kavenegr", "is not allowed; allowed: kavenegar, screen; given: 'kavenegr'"),
        ("allow_stand_ins", "sms,payment_gateway", "is not allowed; allowed: payment_gateway, sms_provider; given:"),
    ],
)
def test_a_wrong_value_is_told_with_what_is_allowed_and_what_was_given(name: str, value: str, words: str) -> None:
    [problem] = problems(**{**DEMO, name: value})
    assert problem.startswith(f"{variable_of(name)} {words}")
    assert "hidden" not in problem


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("", "must be given"),
        ("7Kx9-Qm2v", "holds 9 characters only"),
        ("s" * 40, "follows a simple pattern and can be guessed"),
        ("kartabl-" * 5, "follows a simple pattern and can be guessed"),
        ("abcdefghijklmnopqrstuvwxyz0123456789", "follows a simple pattern and can be guessed"),
        ("0110100110010110100101100110100110010", "follows a simple pattern and can be guessed"),
        ("changeme-changeme-please-change-me-now1", "holds a word that is guessed first, and too little besides it"),
        ("my-Secret_password-of-the-gas-office-2026", "holds a word that is guessed first, and too little besides it"),
        ("correct-horse-1-correct-horse-2-correct-horse-3", "repeats a phrase and can be guessed"),
    ],
)
def test_a_secret_that_can_be_guessed_is_refused_and_never_shown(secret: str, words: str) -> None:
    [problem] = problems(mode="demo", secret_key=secret)
    assert problem.startswith(f"KARTABL_SECRET_KEY {words}; allowed: 32 random characters or more")
    assert not secret or secret not in problem


@pytest.mark.parametrize(
    "secret", ["kartabl-secret-" + "Hq7vZ2mX9kLd4RwBc8Tn3Jf6Ys1Gp5Va0", "0f3c9a7e51b8d2460f7e1c9b3a5d8462"]
)
def test_a_random_secret_is_accepted(secret: str) -> None:
    assert read(mode="demo", secret_key=secret)[0].secret_key == secret


@pytest.mark.parametrize(
    ("name", "value", "words", "given"),
    [
        ("public_url", "https://ali:hid@den@a.ir/x", "must not hold a user name or password", "https://***@a.ir/x"),
        ("public_url", "https://ali@a.ir", "must not hold a user name or password", "https://***@a.ir"),
        ("public_url", "ftp://ali:hid/den@a.ir", "is no address of this kind", "ftp://***@a.ir"),
        ("public_url", "ali:hidden@a.ir", "is no address of this kind", "***@a.ir"),
        ("zarinpal_url", "https://ali:hidden@a.ir", "must not hold a user name or password", "https://***@a.ir"),
    ],
)
def test_user_info_of_an_address_is_refused_and_never_shown(name: str, value: str, words: str, given: str) -> None:
    [problem] = problems(**{**OFFICE, name: value})
    assert problem.startswith(f"{variable_of(name)} {words}; allowed: ")
    assert problem.endswith(f"; given: {given!r}") and "hid" not in problem


@pytest.mark.parametrize(
    ("variable", "right"),
    [
        ("Kartabl_Mode", "KARTABL_MODE"),
        ("kartabl_mode", "KARTABL_MODE"),
        ("KARTABL_mod", "KARTABL_MODE"),
        ("KARTBL_MODE", "KARTABL_MODE"),
        ("KARTABLE_MODE", "KARTABL_MODE"),
        ("KARTABK_SESSION_HOURS", "KARTABL_SESSION_HOURS"),
        ("KRATABL_MODE", "KARTABL_MODE"),
        ("KARTABLMODE", "KARTABL_MODE"),
        ("kartbl_mode", "KARTABL_MODE"),
    ],
)
def test_a_name_that_is_nearly_ours_is_told_with_the_right_one(variable: str, right: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        kartabl.read_settings({"KARTABL_SECRET_KEY": SECRET_KEY, "KARTABL_MODE": "demo", variable: "demo"})
    assert str(refused.value) == f"{variable} is not a setting; {right} is"


@pytest.mark.parametrize("variable", ["PATH", "KART_MODE", "KARTABLES_MODE", "KARTBL_HOME", "MODE"])
def test_a_name_of_another_program_is_no_matter(variable: str) -> None:
    kartabl.read_settings({"KARTABL_SECRET_KEY": SECRET_KEY, "KARTABL_MODE": "demo", variable: "demo"})


def test_no_secret_is_shown_by_settings_that_are_printed() -> None:
    settings, chosen = read(**OFFICE, database_url="postgresql://kartabl:hidden@localhost/kartabl")
    printed = repr(settings) + repr(chosen)
    for secret in (SECRET_KEY, MERCHANT, OFFICE["kavenegar_key"], "hidden"):
        assert secret not in printed


def test_https_without_secure_cookies_is_refused() -> None:
    [problem] = problems(**DEMO, public_url="https://a.ir", secure_cookies="no")
    assert problem.startswith("KARTABL_SECURE_COOKIES must not be no: KARTABL_PUBLIC_URL begins with https")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("secret_kay", "; KARTABL_SECRET_KEY is"),
        ("kavenegar_keys", "; KARTABL_KAVENEGAR_KEY is"),
        ("trusted_proxy", "; KARTABL_TRUSTED_PROXIES is"),
        ("x", ""),
    ],
)
def test_a_misspelt_name_is_told_with_the_nearest_right_one(name: str, nearest: str) -> None:
    assert problems(**{**DEMO, name: "1"}) == [f"{variable_of(name)} is not a setting{nearest}"]


@pytest.mark.parametrize(
    ("name", "address", "page"),
    [
        ("weekend", "/calendar/settings", "هفته و ساعت اداری"),
        ("office_opens", "/calendar/settings", "هفته و ساعت اداری"),
        ("office_closes", "/calendar/settings", "هفته و ساعت اداری"),
        ("time_zone", "/calendar/settings", "هفته و ساعت اداری"),
        ("payment_minutes", "/office/rules", "قواعد سازمان"),
        ("upload_limit", "/office/rules", "قواعد سازمان"),
    ],
)
def test_a_setting_that_moved_to_a_page_is_told_with_the_page(name: str, address: str, page: str) -> None:
    [problem] = problems(**{**DEMO, name: "30"})
    assert problem.startswith(f"{variable_of(name)} is no setting any more; an admin changes it at {address}.")
    assert f"این تنظیم اکنون در صفحهٔ «{page}» است." in problem


def test_every_problem_is_told_at_once() -> None:
    told = problems(
        mode="Demo",
        secret_key="short",
        public_url="https://a.ir",
        secure_cookies="no",
        trusted_proxies="many",
        payment_gateway="zarinpal",
        zarinpal_url="http://evil.example",
        sms_provider="kavenegar",
        weekend="friday",
        secret="x",
    )
    assert [line.split()[0].removeprefix("KARTABL_") for line in told] == [
        "SECRET",
        "WEEKEND",
        "SECRET_KEY",
        "MODE",
        "SECURE_COOKIES",
        "TRUSTED_PROXIES",
        "ZARINPAL_MERCHANT",
        "ZARINPAL_URL",
        "KAVENEGAR_KEY",
    ]


# ---------------------------------------------------------------- providers


def test_a_provider_needs_its_own_settings_only_when_it_is_chosen() -> None:
    assert isinstance(wired(read(**DEMO)[1])[1], OnScreenOutbox)
    [problem] = problems(**DEMO, sms_provider="kavenegar")
    assert problem.startswith("KARTABL_KAVENEGAR_KEY must be given; allowed: letters and digits, as in its panel")
    read(**DEMO, kavenegar_key="not looked at while nobody sends by it")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kavenegar_key", "a b"),
        ("zarinpal_merchant", "1234"),
        ("zarinpal_merchant", "-" * 36),
        ("zarinpal_merchant", "x" + MERCHANT),
    ],
)
def test_a_wrong_key_of_a_provider_is_refused_and_not_shown(name: str, value: str) -> None:
    [problem] = problems(**OFFICE | {name: value})
    assert problem.startswith(f"{variable_of(name)} is not allowed; allowed: ")
    assert "given" not in problem


@pytest.mark.parametrize("address", ["http://payment.example", "payment.example", "https://", "ftp://a.ir"])
def test_a_provider_is_reached_by_a_safe_address_only(address: str) -> None:
    [problem] = problems(**OFFICE, zarinpal_url=address)
    assert problem.startswith("KARTABL_ZARINPAL_URL is no safe address; allowed: https://…")


def test_production_refuses_stand_ins_unless_they_are_allowed_by_name() -> None:
    assert problems(secret_key=SECRET_KEY) == [
        "KARTABL_PAYMENT_GATEWAY is test, which only stands in for a real provider and is refused in production; "
        "set it to zarinpal, or set KARTABL_ALLOW_STAND_INS=payment_gateway",
        "KARTABL_SMS_PROVIDER is screen, which only stands in for a real provider and is refused in production; "
        "set it to kavenegar, or set KARTABL_ALLOW_STAND_INS=sms_provider",
    ]
    [problem] = problems(**OFFICE | {"sms_provider": "screen"}, allow_stand_ins="payment_gateway")
    assert problem.startswith("KARTABL_SMS_PROVIDER is screen")
    read(**OFFICE | {"sms_provider": "screen"}, allow_stand_ins="sms_provider")
    read(secret_key=SECRET_KEY, allow_stand_ins="payment_gateway, sms_provider")


def others(**given: str) -> list[str]:
    """The gateways besides the chosen one."""
    return [one.provider.name for one in read(**given)[1].other_gateways]


def test_a_gateway_whose_settings_are_given_is_there_for_its_open_payments() -> None:
    assert others(**DEMO) == []
    assert others(**DEMO, zarinpal_merchant=MERCHANT) == ["zarinpal"]
    assert others(**OFFICE) == [], "production takes no stand-in"
    assert others(**OFFICE, allow_stand_ins="payment_gateway") == ["test"]
    [problem] = problems(**DEMO, zarinpal_merchant="1234")
    assert problem.startswith("KARTABL_ZARINPAL_MERCHANT is not allowed")


@pytest.mark.parametrize("mode", ["demo", "staging"])
def test_demo_and_staging_work_with_stand_ins(mode: str) -> None:
    read(secret_key=SECRET_KEY, mode=mode)


PIGEON = '''"""A provider as one more file of workflows/providers/."""

from engine.settings import Section, setting
from workflows.providers.registry import Wiring, sms_providers


class PigeonSettings(Section):
    """What pigeons need."""

    pigeon_loft: str = setting("where the pigeons live")


class Pigeons:
    name = "pigeon"

    def __init__(self, loft: str) -> None:
        self.loft = loft


@sms_providers.register("pigeon", "کبوتر", settings=PigeonSettings)
def configured(settings: PigeonSettings, _wiring: Wiring):
    return Pigeons(settings.pigeon_loft)
'''


@pytest.fixture
def pigeon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One more file, loaded as the package loads its own."""
    monkeypatch.setattr(sms_providers, "_providers", dict(sms_providers._providers))
    file = tmp_path / "pigeon.py"
    file.write_text(PIGEON, "utf-8")
    spec = importlib.util.spec_from_file_location("workflows.providers.pigeon", file)
    assert spec is not None and spec.loader is not None
    monkeypatch.setitem(sys.modules, spec.name, importlib.util.module_from_spec(spec))
    spec.loader.exec_module(sys.modules[spec.name])


def test_one_more_provider_is_a_choice_with_settings_of_its_own_and_nothing_else_changes(pigeon: None) -> None:
    assert wired(read(**DEMO, sms_provider="pigeon", pigeon_loft="the tower")[1])[1].loft == "the tower"
    assert sms_providers.labels()["pigeon"] == "کبوتر"
    [problem] = problems(**DEMO, sms_provider="owl")
    assert "allowed: kavenegar, pigeon, screen; given: 'owl'" in problem
    [problem] = problems(**DEMO, sms_provider="pigeon")
    assert problem == "KARTABL_PIGEON_LOFT must be given; allowed: a text"
    [problem] = problems(**DEMO, pigeon_lofts="x")
    assert problem == "KARTABL_PIGEON_LOFTS is not a setting; KARTABL_PIGEON_LOFT is"
    assert "set it to kavenegar or pigeon, or" in problems(secret_key=SECRET_KEY)[1]
    shown = CliRunner().invoke(kartabl.main, ["settings"]).output
    assert "KARTABL_PIGEON_LOFT must be given\n    where the pigeons live" in shown


def test_two_providers_of_one_name_are_refused(pigeon: None) -> None:
    with pytest.raises(ValueError, match="Two providers of sms_provider are called 'pigeon'"):
        sms_providers.register("pigeon", "کبوتر")(lambda _settings, _wiring: OnScreenOutbox())


def test_a_real_provider_is_named_in_its_own_file_only() -> None:
    names = "|".join(name for providers in SERVICES for name in providers.real())
    files = [path for package in ("engine", "workflows", "webapp", "models") for path in (ROOT / package).rglob("*.py")]
    naming = {path.stem for path in [*files, ROOT / "kartabl.py"] if re.search(names, path.read_text("utf-8"), re.I)}
    assert naming == {"kavenegar", "zarinpal"}


# ---------------------------------------------------------------- what is written about them


def test_the_command_prints_every_setting_with_its_meaning() -> None:
    shown = CliRunner().invoke(kartabl.main, ["settings"]).output
    for section in kartabl.sections():
        for name, field in section.model_fields.items():
            assert field.description
            assert f"{variable_of(name)} " in shown
    assert "KARTABL_SESSION_HOURS = 12\n" in shown
    assert "allowed: a whole number from 1 to 168" in shown


def test_the_example_names_known_settings_only_and_its_values_are_allowed() -> None:
    text = (ROOT / ".env.example").read_text("utf-8")
    given = {name: value.strip('"') for name, value in EXAMPLE.findall(text)}
    known = {one.variable for section in kartabl.sections() for one in section.documented()}
    assert given
    assert given.keys() <= known
    secrets = {variable_of(name): OFFICE[name] for name in ("secret_key", "zarinpal_merchant", "kavenegar_key")}
    kartabl.read_settings(given | secrets)


def test_a_shell_reads_the_example_as_it_is_written(tmp_path: Path) -> None:
    text = (ROOT / ".env.example").read_text("utf-8")
    written = {name: value.strip('"') for name, value in EXAMPLE.findall(text)}
    (tmp_path / ".env").write_text(re.sub(r"^#(KARTABL_\w+=)", r"\1", text, flags=re.M), "utf-8")
    command = ["sh", "-eac", ". ./.env; env -0"]  # as "make run" does
    read = subprocess.run(command, cwd=tmp_path, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)
    assert (read.returncode, read.stderr) == (0, "")
    found = dict(line.split("=", 1) for line in read.stdout.split("\0") if line)
    assert {name: found.get(name) for name in written} == written


def test_the_choice_of_a_section_is_a_registry() -> None:
    assert [providers.service for providers in SERVICES] == [
        name for name in registry.Choice.model_fields if name != "allow_stand_ins"
    ]


REFUSED = {
    "PAYMENT_GATEWAY": "",
    "SMS_PROVIDER": "",
    "ALLOW_STAND_INS": "payment_gateway",
    "TRUSTED_PROXIES": "-1",
    "SESSION_HOURS": "-5",
    "SESSION_IDLE_MINUTES": "0",
    "UPLOAD_LIMIT": "0",
    "PUBLIC_URL": "javascript:alert(1)",
    "SECRET_KEY": " " * 32,
    "DATABASE_URL": "mysql://a/b",
    "WORKER_TICK": "0",
    "MODE": "prod",
    "SECURE_COOKIES": "maybe",
}
CHOICES = [
    ("PAYMENT_GATEWAY", "nonsense"),
    ("PAYMENT_GATEWAY", "kavenegar"),
    ("SMS_PROVIDER", "kavenegar sms"),
    ("ALLOW_STAND_INS", "everything"),
    ("SECRET_KEY", "secret" * 6),
    ("SECRET_KEY", "change-me-change-me-change-me-change-me"),
    ("SECRET_KEY", "short"),
    ("TRUSTED_PROXIES", "11"),
    ("TRUSTED_PROXIES", "1.5"),
    ("SESSION_HOURS", "0"),
    ("SESSION_HOURS", "many"),
    ("PUBLIC_URL", "//a.ir"),
    ("PUBLIC_URL", "https://user:word@a.ir"),
    ("MODE", "Demo "),
    *(
        ("VIRUS_SCANNER", address)
        for address in (
            "clamd",
            "127.0.0.1:3310",
            "tcp://127.0.0.1",
            "tcp://:3310",
            "tcp://host:0",
            "tcp://host:99999",
            "tcp://host:3310/path",
            "tcp://user@host:3310",
            "unix://run/clamd.ctl",
            "unix:///",
            "unix:///run/clam d.ctl",
            "http://host:3310",
        )
    ),
]


@pytest.mark.parametrize(("name", "value"), [*REFUSED.items(), *CHOICES])
def test_the_start_of_production_refuses_each_of_them_by_name(name: str, value: str, tmp_path: Path) -> None:
    """``kartabl run`` as an operator starts it. Nothing is made, not even the database's file."""
    environment = {
        "KARTABL_MODE": "production",
        "KARTABL_SECRET_KEY": SECRET_KEY,
        "KARTABL_DATABASE_URL": f"sqlite:///{tmp_path}/office.db",
        "KARTABL_FILES_PATH": str(tmp_path / "files"),
        "KARTABL_PUBLIC_URL": "https://kartabl.example.ir",
        "KARTABL_ALLOW_STAND_INS": "payment_gateway,sms_provider",
    }
    if not value:  # a stand-in, since none was chosen, and it was not allowed
        environment |= {"KARTABL_ALLOW_STAND_INS": ""}
    result = CliRunner().invoke(kartabl.main, ["run"], env=environment | {f"KARTABL_{name}": value})
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    told = "SMS_PROVIDER" if name == "ALLOW_STAND_INS" and value == "payment_gateway" else name
    assert f"KARTABL_{told}" in result.output
    assert "Traceback" not in result.output and SECRET_KEY not in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["", "tcp://[::1]:3310", "tcp://clamd:3310", "unix:///run/clamav/clamd.ctl"])
def test_where_a_virus_scanner_may_listen(address: str) -> None:
    assert Settings(secret_key=SECRET_KEY, virus_scanner=address).virus_scanner == address


def test_https_with_insecure_cookies_does_not_start(tmp_path: Path) -> None:
    environment = {
        "KARTABL_SECRET_KEY": SECRET_KEY,
        "KARTABL_DATABASE_URL": f"sqlite:///{tmp_path}/office.db",
        "KARTABL_PUBLIC_URL": "https://kartabl.example.ir",
        "KARTABL_SECURE_COOKIES": "no",
        "KARTABL_ALLOW_STAND_INS": "payment_gateway,sms_provider",
    }
    result = CliRunner().invoke(kartabl.main, ["run"], env=environment)
    assert result.exit_code == 1 and "KARTABL_SECURE_COOKIES must not be no" in result.output


def test_a_provider_for_sign_in_needs_a_client_and_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = {"openid_issuer": "https://login.example.ir/realms/city"}
    assert any("OPENID_CLIENT_ID must be given with KARTABL_OPENID_ISSUER" in one for one in problems(**DEMO, **issuer))
    settings, _chosen = read(**DEMO, **issuer, openid_client_id="kartabl", openid_client_secret="hidden")
    assert settings.openid_issuer == issuer["openid_issuer"] and "hidden" not in repr(settings)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    [problem] = problems(**DEMO, **issuer, openid_client_id="kartabl")
    assert "needs the extra oidc, which is not installed: pip install 'kartabl[oidc]'" in problem
