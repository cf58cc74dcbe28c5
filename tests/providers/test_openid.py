"""The OpenID provider as we talk to it: one that lies in every way, fails in every way, or changes its keys."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt

from engine.identity.openid import provider, transport
from engine.identity.openid.identity import Failure, Identity, ProviderFailed
from engine.identity.openid.provider import Provider
from engine.settings import Settings
from tests.providers import openid_server
from tests.providers.openid_server import CLIENT, DISCOVERY, SECRET, OpenIdServer
from tests.providers.service import Fault
from tests.secret import SECRET_KEY

PATIENCE = 1.5  # seconds that we wait for a provider in these tests
RETURN = "http://localhost/sign-in/openid/return"


@pytest.fixture
def there() -> Iterator[OpenIdServer]:
    with OpenIdServer() as server:
        server.people["ali-1"] = {"given_name": "علی", "family_name": "رضایی", "roles": ["staff"]}
        yield server


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LONGEST_WAIT", PATIENCE)


def known(there: OpenIdServer, **settings: Any) -> Provider:
    """The provider as an installation knows it that has just started."""
    values = {"openid_issuer": there.issuer, "openid_client_id": CLIENT, "openid_client_secret": SECRET} | settings
    return Provider(Settings(secret_key=SECRET_KEY, **values), clock=lambda: datetime.now(UTC))


def signed_in(there: OpenIdServer, here: Provider, subject: str = "ali-1") -> Identity:
    """Who comes of a sign-in from the first page to the last."""
    begun = here.begin(return_to=RETURN)
    query = parse_qs(urlsplit(there.come_back(begun.address, subject)).query)
    answer = {name: values[0] for name, values in query.items()}
    assert answer["state"] == begun.state
    return here.identity(answer, nonce=begun.nonce, verifier=begun.verifier, return_to=RETURN)


def failure(there: OpenIdServer, here: Provider) -> Failure:
    with pytest.raises(ProviderFailed) as problem:
        signed_in(there, here)
    return problem.value.failure


def test_the_truth_is_believed(there: OpenIdServer) -> None:
    there.people["ali-1"] |= {"amr": ["pwd", "mfa"]}
    who = signed_in(there, known(there))
    assert (who.issuer, who.subject, who.name) == (there.issuer, "ali-1", "علی رضایی")
    assert who.role_values == {"staff"} and who.second_factor


@pytest.mark.parametrize("said", [{}, {"amr": ["pwd"]}, {"acr": "1"}, {"amr": [["mfa"]]}])
def test_no_second_factor_that_the_provider_does_not_state(there: OpenIdServer, said: dict[str, Any]) -> None:
    there.people["ali-1"] |= said
    assert not signed_in(there, known(there)).second_factor


def test_a_public_client_has_no_secret_to_send(there: OpenIdServer) -> None:
    here = known(there, openid_client_secret="")
    assert failure(there, here) is Failure.WRONG  # this provider wants one
    sent = next(values for path, values in there.requests if path == "/token")
    assert "client_secret" not in sent and sent["client_id"] == CLIENT


# Claims


def _ago(seconds: int) -> int:
    return int(time.time()) - seconds


LIES: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "other"},
    "no audience": {"aud": None},
    "an audience that begins like ours": {"aud": f"{CLIENT}-2"},
    "several audiences and nobody authorised": {"aud": [CLIENT, "other"]},
    "several audiences and another authorised": {"aud": [CLIENT, "other"], "azp": "other"},
    "another authorised party": {"azp": "other"},
    "expired": {"exp": _ago(120)},
    "never expires": {"exp": None},
    "expiry that is no number": {"exp": "tomorrow"},
    "expiry that is true": {"exp": True},
    "issued long ago": {"iat": _ago(3600)},
    "issued in the future": {"iat": _ago(-3600)},
    "not valid yet": {"nbf": _ago(-3600)},
    "another nonce": {"nonce": "n" * 43},
    "no nonce": {"nonce": None},
    "nonce as a list": {"nonce": ["n"]},
    "no subject": {"sub": None},
    "empty subject": {"sub": ""},
    "subject that is a number": {"sub": 7},
    "subject that is too long": {"sub": "s" * 256},
    "subject with a NUL": {"sub": "ali-1\x00"},
    "hash of another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_token_with_a_wrong_claim_is_nobody(there: OpenIdServer, lie: str) -> None:
    there.lies = LIES[lie]
    assert failure(there, known(there)) is Failure.WRONG


def test_an_issuer_is_compared_letter_by_letter(there: OpenIdServer) -> None:
    there.lies = {"iss": f"{there.issuer}/"}
    assert failure(there, known(there)) is Failure.WRONG


def test_several_audiences_are_ours_if_we_are_the_authorised_party(there: OpenIdServer) -> None:
    there.lies = {"aud": ["other", CLIENT], "azp": CLIENT}
    assert signed_in(there, known(there)).subject == "ali-1"


# Signatures


def _honest(there: OpenIdServer, header: dict[str, Any], claims: dict[str, Any]) -> str:
    return jwt.encode(header, claims, there.key)


def _claims_of_another_token(there: OpenIdServer, header: dict[str, Any], claims: dict[str, Any]) -> str:
    one, other = (_honest(there, header, claims | more).split(".") for more in ({"sub": "x"}, {}))
    return ".".join([one[0], other[1], one[2]])


SIGNATURES: dict[str, Callable[[OpenIdServer, dict[str, Any], dict[str, Any]], Any]] = {
    "none": lambda _there, header, claims: openid_server.unsigned(header, claims),
    "the public key as a shared secret": lambda there, header, claims: openid_server.by_public_key(there.key)(
        header, claims
    ),
    "another key of the same name": lambda _there, header, claims: jwt.encode(
        header, claims, openid_server.another_key(header["kid"])
    ),
    "a key that nobody published": lambda _there, header, claims: jwt.encode(
        header | {"kid": "nobody"}, claims, openid_server.another_key("nobody")
    ),
    "of other claims": _claims_of_another_token,
    "cut off": lambda there, header, claims: _honest(there, header, claims)[:-20],
    "no token but an object": lambda _there, _header, _claims: {"a": 1},
    "no token but garbage": lambda _there, _header, _claims: "a.b.c",
    "two parts": lambda _there, _header, _claims: "e30.e30",
    "five parts": lambda _there, _header, _claims: "e30.e30.e30.e30.e30",
    "no token": lambda _there, _header, _claims: None,
}


@pytest.mark.parametrize("how", SIGNATURES)
def test_a_token_that_the_provider_did_not_sign_is_nobody(there: OpenIdServer, how: str) -> None:
    there.sign = lambda header, claims: SIGNATURES[how](there, header, claims)
    assert failure(there, known(there)) is Failure.WRONG


def test_a_signature_by_a_curve_is_understood(there: OpenIdServer) -> None:
    there.key, there.header = openid_server.curve_key("curve"), {"alg": "ES256"}
    assert signed_in(there, known(there)).subject == "ali-1"


def test_a_token_without_the_name_of_its_key_is_understood_if_there_is_one_key(there: OpenIdServer) -> None:
    there.header = {"kid": None}
    assert signed_in(there, known(there)).subject == "ali-1"
    there.published = [there.key, openid_server.another_key("other")]
    assert failure(there, known(there)) is Failure.WRONG


def test_keys_may_change(there: OpenIdServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "KEYS_AGAIN", 0.0)
    here = known(there)
    signed_in(there, here)
    there.rotate()
    assert signed_in(there, here).subject == "ali-1"


def test_a_made_up_key_does_not_make_us_ask_again_and_again(there: OpenIdServer) -> None:
    here = known(there)
    there.sign = lambda header, claims: SIGNATURES["a key that nobody published"](there, header, claims)
    for _each in range(5):
        assert failure(there, here) is Failure.WRONG
    assert [path for path, _values in there.requests].count("/keys") == 1


@pytest.mark.parametrize(
    "keys",
    [
        {"keys": [{"kty": "oct", "kid": "first", "k": "c2VjcmV0"}, {"kty": "RSA"}, 7, None]},
        {"keys": []},
        {"keys": None},
        {"keys": [{"kty": "RSA", "kid": "first", "n": "AQAB", "e": "AQAB"}]},
        {"keys": [{}] * 101},
    ],
)
def test_weak_secret_and_broken_keys_prove_nothing(there: OpenIdServer, keys: dict[str, Any]) -> None:
    there.answers["/keys"] = (200, keys)
    assert failure(there, known(there)) is Failure.WRONG


# Failures


FAULTS: dict[Fault, Failure] = {
    "500": Failure.AWAY,
    "500_after_work": Failure.AWAY,
    "cut": Failure.AWAY,
    "garbage": Failure.WRONG,
    "not_utf8": Failure.WRONG,
    "array": Failure.WRONG,
    "empty": Failure.WRONG,
    "too_big": Failure.WRONG,
    "packed": Failure.WRONG,
    "deep": Failure.WRONG,
    "redirect": Failure.WRONG,
    "timeout_before": Failure.SLOW,
    "drip": Failure.SLOW,
}


@pytest.mark.parametrize("path", [DISCOVERY, "/keys", "/token", "/userinfo"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_provider_that_fails_is_nobody_and_in_time(there: OpenIdServer, path: str, fault: Fault) -> None:
    there.metadata["userinfo_endpoint"] = f"{there.url}/userinfo"
    del there.people["ali-1"]["family_name"]
    there.people["ali-1"]["about"] = "x" * 200  # long enough to be given letter by letter
    there.faults[path] = fault
    began = time.monotonic()
    assert failure(there, known(there)) is FAULTS[fault]
    assert time.monotonic() - began < 2 * PATIENCE


def test_nobody_listens(there: OpenIdServer) -> None:
    assert failure(there, known(there, openid_issuer="http://127.0.0.1:9")) is Failure.AWAY


def test_a_failed_discovery_is_not_tried_for_every_page(there: OpenIdServer) -> None:
    there.faults[DISCOVERY] = "500"
    here = known(there)
    for _each in range(5):
        assert failure(there, here) is Failure.AWAY
    assert len(there.requests) == 1


def test_userinfo_about_somebody_else_is_nobody(there: OpenIdServer) -> None:
    there.metadata["userinfo_endpoint"] = f"{there.url}/userinfo"
    there.lies["roles"] = None
    assert signed_in(there, known(there)).role_values == {"staff"}
    there.answers["/userinfo"] = (200, {"sub": "somebody-else", "roles": ["admin"]})
    assert failure(there, known(there)) is Failure.WRONG


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": None},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": ["https://x"]},
        {"userinfo_endpoint": 7},
        {"end_session_endpoint": "https://x\n"},
    ],
)
def test_a_discovery_document_of_somebody_else_leads_nowhere(there: OpenIdServer, metadata: dict[str, Any]) -> None:
    there.metadata = metadata
    with pytest.raises(ProviderFailed):
        known(there).begin(return_to=RETURN)


def test_where_to_sign_out_is_the_providers_to_say(there: OpenIdServer) -> None:
    there.metadata["end_session_endpoint"] = f"{there.url}/leave?x=1"
    address = known(there).sign_out_address(return_to="http://localhost/sign-in")
    assert (
        address == f"{there.url}/leave?x=1&client_id={CLIENT}&post_logout_redirect_uri=http%3A%2F%2Flocalhost%2Fsign-in"
    )
    there.metadata["end_session_endpoint"] = None
    assert known(there).sign_out_address(return_to="http://localhost/sign-in") is None
