"""The organisation's OpenID provider: the authorization code flow with PKCE, by its own discovery document."""

from __future__ import annotations

import hmac
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.jwk import Key

from engine.identity.openid.id_token import KeyUnknown, checked_claims, public_keys
from engine.identity.openid.identity import Begun, Failure, Identity, ProviderFailed, values_of
from engine.identity.openid.transport import Requests
from engine.settings import Settings
from models.digits import clean

log = logging.getLogger(__name__)

DISCOVERY = "/.well-known/openid-configuration"
NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
OPTIONAL = ("userinfo_endpoint", "end_session_endpoint")
FRESH = 3600.0  # seconds for which discovery and keys are kept
AFTER_FAILURE = 5.0  # seconds for which a failed discovery is not tried again: pages do not wait for it one by one
KEYS_AGAIN = 30.0  # seconds between two looks for an unknown key: a token with a made-up one costs nothing
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Provider:
    """Signs people in by the installation's provider. Safe to use from several threads.

    ``clock`` gives the true time, also where people may put the installation's clock ahead: tokens live by it.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._clock = clock
        self._requests = Requests()
        self._metadata: dict[str, Any] = {}
        self._keys: list[Key] = []
        self._metadata_until = self._keys_until = self._keys_again = self._failed_until = 0.0

    # The way to the provider and back

    def begin(self, *, return_to: str) -> Begun:
        """A sign-in whose browser comes back to ``return_to``. Raises ``ProviderFailed``."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _each in range(3))
        address = prepare_grant_uri(
            self._discovered()["authorization_endpoint"],
            client_id=self._settings.openid_client_id,
            response_type="code",
            redirect_uri=return_to,
            scope=" ".join(self._settings.openid_scopes),
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return Begun(address=address, state=state, nonce=nonce, verifier=verifier)

    def identity(self, answer: Mapping[str, str], *, nonce: str, verifier: str, return_to: str) -> Identity:
        """Who the answer that a browser brought back is about; its state has been compared. Raises ``ProviderFailed``.

        ``answer``: the parameters of the return address.
        """
        metadata = self._discovered()
        self._demand_own_answer(answer, metadata)
        tokens = self._tokens(metadata, answer["code"], verifier=verifier, return_to=return_to)
        access_token = tokens.get("access_token")
        access_token = access_token if isinstance(access_token, str) else None
        claims = self._claims(metadata, tokens.get("id_token"), nonce=nonce, access_token=access_token)
        return self._identity({**self._user_info(metadata, claims, access_token), **claims})

    def sign_out_address(self, *, return_to: str) -> str | None:
        """Where a browser signs out of the provider, too; ``None`` if it has no such page, or cannot be asked."""
        try:
            endpoint = self._discovered().get("end_session_endpoint")
        except ProviderFailed as problem:
            log.warning("OpenID provider: %s", problem)
            return None
        if not endpoint:
            return None
        parameters = {"client_id": self._settings.openid_client_id, "post_logout_redirect_uri": return_to}
        return _with_query(str(endpoint), parameters)

    # One step each

    def _demand_own_answer(self, answer: Mapping[str, str], metadata: Mapping[str, Any]) -> None:
        """Raise ``ProviderFailed`` for a refusal, and for an answer that is another provider's (RFC 9207)."""
        issuer = answer.get("iss")
        if issuer is None and metadata.get("authorization_response_iss_parameter_supported") is True:
            raise ProviderFailed(Failure.WRONG, "return: without the issuer that the provider promises to name")
        if issuer is not None and not hmac.compare_digest(issuer.encode(), self._settings.openid_issuer.encode()):
            raise ProviderFailed(Failure.WRONG, "return: another issuer's")
        error = answer.get("error")
        if error == "access_denied":
            raise ProviderFailed(Failure.REFUSED, "return: access_denied")
        if error is not None or not answer.get("code"):
            raise ProviderFailed(Failure.WRONG, f"return: {_printable(error or 'no code')}")

    def _tokens(self, metadata: Mapping[str, Any], code: str, *, verifier: str, return_to: str) -> dict[str, Any]:
        body = prepare_token_request(
            "authorization_code", "", redirect_uri=return_to, code=code, code_verifier=verifier
        )
        authentication = ClientAuth(
            self._settings.openid_client_id,
            self._settings.openid_client_secret,
            _client_authentication(metadata, secret=bool(self._settings.openid_client_secret)),
        )
        url, headers, body = authentication.prepare("POST", metadata["token_endpoint"], dict(FORM), body)
        status, tokens = self._requests.post(url, body, what="token", headers=headers)
        if status != 200 or "error" in tokens:
            raise ProviderFailed(Failure.WRONG, f"token: HTTP {status}, {_printable(tokens.get('error'))}")
        return tokens

    def _claims(
        self, metadata: Mapping[str, Any], token: object, *, nonce: str, access_token: str | None
    ) -> dict[str, Any]:
        """The claims of the ID token; an unknown key is looked for once more, since providers change theirs."""
        for keys in (self._known_keys, self._newer_keys):
            try:
                return checked_claims(
                    token,
                    keys(metadata),
                    issuer=self._settings.openid_issuer,
                    client_id=self._settings.openid_client_id,
                    nonce=nonce,
                    access_token=access_token,
                    now=self._clock(),
                )
            except KeyUnknown:
                continue
        raise ProviderFailed(Failure.WRONG, "ID token: signed by none of the provider's keys")

    def _user_info(
        self, metadata: Mapping[str, Any], claims: Mapping[str, Any], access_token: str | None
    ) -> dict[str, Any]:
        """What the provider says at its userinfo endpoint, if the ID token leaves names or roles out."""
        endpoint = metadata.get("userinfo_endpoint")
        whole = "family_name" in claims and values_of(claims, self._settings.openid_roles_claim)
        if whole or not endpoint or not access_token:
            return {}
        headers = {"Authorization": f"Bearer {access_token}"}
        answer = self._requests.get(endpoint, what="userinfo", headers=headers)
        if answer.get("sub") != claims["sub"]:
            raise ProviderFailed(Failure.WRONG, "userinfo: about somebody else")
        return answer

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        first, last, whole = (_text(claims, name) for name in ("given_name", "family_name", "name"))
        if not (first or last):
            first, _space, last = whole.partition(" ")
        methods = values_of(claims, "amr") | values_of(claims, "acr")
        return Identity(
            issuer=self._settings.openid_issuer,
            subject=claims["sub"],
            first_name=first,
            last_name=last,
            username=_text(claims, "preferred_username"),
            role_values=values_of(claims, self._settings.openid_roles_claim),
            second_factor=not methods.isdisjoint(self._settings.openid_second_factor),
        )

    # What the provider says of itself

    def _discovered(self) -> dict[str, Any]:
        """The discovery document, kept for an hour. Raises ``ProviderFailed``."""
        now = time.monotonic()
        if now < self._metadata_until:
            return self._metadata
        if now < self._failed_until:
            raise ProviderFailed(Failure.AWAY, "discovery: failed a moment ago")
        try:
            url = self._settings.openid_issuer.rstrip("/") + DISCOVERY
            self._metadata = self._checked_metadata(self._requests.get(url, what="discovery"))
        except ProviderFailed:
            self._failed_until = time.monotonic() + AFTER_FAILURE
            raise
        self._metadata_until = time.monotonic() + FRESH
        return self._metadata

    def _checked_metadata(self, answer: dict[str, Any]) -> dict[str, Any]:
        issuer = self._settings.openid_issuer
        if answer.get("issuer") != issuer:
            raise ProviderFailed(Failure.WRONG, "discovery: another issuer's")
        safe = ("https://", "http://") if issuer.startswith("http://") else ("https://",)
        for name in (*NEEDED, *OPTIONAL):
            address = answer.get(name)
            if name in OPTIONAL and address is None:
                continue
            if not isinstance(address, str) or not address.startswith(safe) or not address.isprintable():
                raise ProviderFailed(Failure.WRONG, f"discovery: no address as {name}")
        return answer

    def _known_keys(self, metadata: Mapping[str, Any]) -> list[Key]:
        if time.monotonic() >= self._keys_until:
            self._read_keys(metadata)
        return self._keys

    def _newer_keys(self, metadata: Mapping[str, Any]) -> list[Key]:
        if time.monotonic() >= self._keys_again:
            self._read_keys(metadata)
        return self._keys

    def _read_keys(self, metadata: Mapping[str, Any]) -> None:
        self._keys = public_keys(self._requests.get(metadata["jwks_uri"], what="JWKS"))
        now = time.monotonic()
        self._keys_until, self._keys_again = now + FRESH, now + KEYS_AGAIN


def _client_authentication(metadata: Mapping[str, Any], *, secret: bool) -> str:
    """How we prove who we are; ``client_secret_basic`` is what a provider takes that says nothing."""
    if not secret:
        return "none"
    offered = metadata.get("token_endpoint_auth_methods_supported")
    only_post = isinstance(offered, list) and "client_secret_post" in offered and "client_secret_basic" not in offered
    return "client_secret_post" if only_post else "client_secret_basic"


def _with_query(address: str, parameters: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(parameters)}"


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return " ".join(clean(value[:400]).split())[:100].strip() if isinstance(value, str) else ""


def _printable(value: object) -> str:
    """A provider's word for an error, short and in one line, for our log."""
    return "".join(sign if sign.isprintable() else " " for sign in str(value))[:60]
