"""The checks of an ID token (OpenID Connect Core 1.0, 3.1.3.7): signature, issuer, audience, times, nonce."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey

from engine.identity.openid.identity import Failure, ProviderFailed

# Signatures by a key pair only. Never ``none``, and never HS…: a public key must not pass for a shared secret.
ALGORITHMS = {
    "RS256": RSAKey,
    "RS384": RSAKey,
    "RS512": RSAKey,
    "PS256": RSAKey,
    "PS384": RSAKey,
    "PS512": RSAKey,
    "ES256": ECKey,
    "ES384": ECKey,
    "ES512": ECKey,
    "EdDSA": OKPKey,
}
SHORTEST_RSA = 2048  # bits
LEEWAY = 60  # seconds by which two clocks may differ
OLDEST = timedelta(minutes=10)  # since it was issued: it is fetched a moment after


class KeyUnknown(Exception):
    """The token is signed by a key that is not among those known: they may have been changed."""


def public_keys(answer: Mapping[str, Any]) -> list[Key]:
    """The signature keys of a JWKS; of kinds that we do not know, and secrets, are left out.

    Raises ``ProviderFailed`` if the answer has no list of keys.
    """
    listed = answer.get("keys")
    if not isinstance(listed, list) or len(listed) > 100:
        raise ProviderFailed(Failure.WRONG, "JWKS: no list of keys")
    return [key for entry in listed if (key := _public_key(entry)) is not None]


def _public_key(entry: Any) -> Key | None:
    if not isinstance(entry, dict) or entry.get("kty") not in ("RSA", "EC", "OKP") or entry.get("use", "sig") != "sig":
        return None
    public = {name: entry[name] for name in ("kty", "kid", "alg", "n", "e", "crv", "x", "y") if name in entry}
    try:
        key: Key = JWKRegistry.import_key(public)
        weak = isinstance(key, RSAKey) and key.public_key.key_size < SHORTEST_RSA
    except (JoseError, ValueError, TypeError):
        return None
    return None if weak else key


def checked_claims(
    token: object,
    keys: Iterable[Key],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    access_token: str | None,
    now: datetime,
) -> dict[str, Any]:
    """The claims of a sound ID token. Raises ``KeyUnknown``, ``ProviderFailed``. ``now``: aware, the true time."""
    if not isinstance(token, str):
        raise ProviderFailed(Failure.WRONG, "ID token: none was given")
    try:
        header = jws.extract_compact(token.encode()).headers()
        decoded = jwt.decode(token, _key_for(header, keys), algorithms=list(ALGORITHMS))
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            options={"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}},
            params={"nonce": nonce, "client_id": client_id, "access_token": access_token},
        )
        claims.validate(now=int(now.timestamp()), leeway=LEEWAY)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise ProviderFailed(Failure.WRONG, f"ID token: {type(error).__name__}") from None
    _demand_more(claims, issuer=issuer, client_id=client_id, nonce=nonce, now=now)
    return dict(claims)


def _key_for(header: Mapping[str, Any], keys: Iterable[Key]) -> Key:
    """The one key that the header names. Raises ``KeyUnknown``; ``ValueError`` for an algorithm that is not allowed."""
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise ValueError("the algorithm is not allowed")
    kind: Any = ALGORITHMS[algorithm]
    fitting = [
        key
        for key in keys
        if isinstance(key, kind) and key.get("alg", algorithm) == algorithm and (kid is None or key.get("kid") == kid)
    ]
    if len(fitting) != 1:
        raise KeyUnknown
    return fitting[0]


def _demand_more(claims: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, now: datetime) -> None:
    """What the library leaves open, and what everything rests on, in our own words. Raises ``ProviderFailed``."""
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    subject, issued, expires = claims.get("sub"), claims.get("iat"), claims.get("exp")
    problems = {
        "issuer": claims.get("iss") != issuer,
        "audience": client_id not in audiences or (len(audiences) > 1 and claims.get("azp") != client_id),
        "authorized party": claims.get("azp", client_id) != client_id,
        "nonce": not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()),
        "subject": not isinstance(subject, str) or not 0 < len(subject) <= 255 or not subject.isprintable(),
        "time of issue": not _is_number(issued) or not -OLDEST.total_seconds() <= issued - now.timestamp() <= LEEWAY,  # type: ignore[operator]
        "expiry": not _is_number(expires) or expires <= now.timestamp() - LEEWAY,  # type: ignore[operator]
    }
    wrong = [name for name, is_wrong in problems.items() if is_wrong]
    if wrong:
        raise ProviderFailed(Failure.WRONG, f"ID token: wrong {', '.join(wrong)}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
