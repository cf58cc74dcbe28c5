"""An OpenID provider that tells the truth until a test lets it lie: each claim, key and answer can be spoilt."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey

from tests.providers.service import Fault, Service

CLIENT, SECRET = "kartabl", "s3cret/of the:client"
DISCOVERY = "/.well-known/openid-configuration"


class OpenIdServer(Service):
    """``with OpenIdServer() as provider``; ``provider.come_back(address)`` is what its sign-in page would do.

    ``people``: subject → claims. ``lies``: claims of the ID token laid over the true ones (``None`` leaves one out).
    ``faults``: path → how each answer there is spoilt. ``tokens_issued`` are the ID tokens that were given out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.people: dict[str, dict[str, Any]] = {}
        self.key: Key = another_key("first", of="the provider")
        self.published: list[Key] | None = None  # other keys than the one that signs
        self.lies: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.faults: dict[str, Fault] = {}
        self.answers: dict[str, tuple[int, Any]] = {}
        self.header: dict[str, Any] = {}
        self.sign: Any = None  # (header, claims) → token
        self.tokens_issued: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    @property
    def issuer(self) -> str:
        return self.url

    def rotate(self, kid: str = "second") -> None:
        """Sign by another key from now on, and publish it."""
        self.key = another_key(kid, of="the provider")

    def come_back(self, address: str, subject: str = "ali-1", **answer: str) -> str:
        """Sign in as ``subject`` at the page ``address``; where the browser is sent then, with its query."""
        sent = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert sent["response_type"] == "code" and sent["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self._codes[code] = {**sent, "sub": subject}
        back = {"code": code, "state": sent["state"], **answer}
        query = "&".join(f"{name}={value}" for name, value in back.items() if value)
        return f"{urlsplit(sent['redirect_uri']).path}?{query}"

    def read(self, raw: bytes, content_type: str) -> dict[str, Any]:
        return {name: values[0] for name, values in parse_qs(raw.decode()).items()}

    def handle(self, path: str, values: dict[str, Any]) -> tuple[Fault | None, int, bytes]:
        self.next_fault = self.faults.get(path)
        return super().handle(path, values)

    def answer(self, path: str, values: dict[str, Any]) -> tuple[int, Any]:
        if path in self.answers:
            return self.answers[path]
        if path == DISCOVERY:
            return 200, self._metadata()
        if path == "/keys":
            keys = [self.key] if self.published is None else self.published
            return 200, {"keys": [key.as_dict(private=False) for key in keys]}
        if path == "/token":
            return self._token(values)
        if path == "/userinfo":
            return 200, self._claims_of_last
        return 404, {}

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "end_session_endpoint": f"{self.url}/leave",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            **self.metadata,
        }

    def _token(self, values: dict[str, Any]) -> tuple[int, Any]:
        begun = self._codes.pop(values.get("code", ""), None)  # a code counts once
        challenge = base64.urlsafe_b64encode(hashlib.sha256(values.get("code_verifier", "").encode()).digest())
        if begun is None or begun["code_challenge"] != challenge.decode().rstrip("="):
            return 400, {"error": "invalid_grant"}
        if not hmac.compare_digest(values.get("client_secret", ""), SECRET) or values["client_id"] != CLIENT:
            return 401, {"error": "invalid_client"}
        now = int(time.time())
        self._claims_of_last = {"sub": begun["sub"], **self.people.get(begun["sub"], {})}
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": begun["nonce"],
            **self._claims_of_last,
            **self.lies,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": "RS256", "kid": self.key.as_dict().get("kid"), **self.header}
        header = {name: value for name, value in header.items() if value is not None}
        token = self.sign(header, claims) if self.sign else jwt.encode(header, claims, self.key)
        self.tokens_issued.append(token)
        return 200, {"access_token": "an-access-token", "token_type": "Bearer", "id_token": token}


def unsigned(_header: dict[str, Any], claims: dict[str, Any]) -> str:
    """A token whose header says that there is no signature."""
    return ".".join([_part({"alg": "none"}), _part(claims), ""])


def by_public_key(key: Key) -> Any:
    """Signs with the public key as if it were a shared secret: what a naive library takes for a signature."""

    def sign(_header: dict[str, Any], claims: dict[str, Any]) -> str:
        head = _part({"alg": "HS256", "kid": key.as_dict().get("kid")}) + "." + _part(claims)
        mark = hmac.digest(key.as_pem(private=False), head.encode(), "sha256")
        return f"{head}.{base64.urlsafe_b64encode(mark).decode().rstrip('=')}"

    return sign


@cache
def another_key(kid: str, of: str = "somebody else") -> Key:
    """A key of this name; it takes a second to make one, and a test makes none that another has."""
    return RSAKey.generate_key(2048, {"kid": kid})


def curve_key(kid: str) -> Key:
    return ECKey.generate_key("P-256", {"kid": kid})


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
