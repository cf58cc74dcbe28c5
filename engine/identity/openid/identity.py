"""Whom the provider vouches for, and how talking to it can fail. Knows no library: pages import it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class Failure(enum.StrEnum):
    """Why a sign-in by the provider failed."""

    AWAY = "away"  # it cannot be reached, or reports a failure of its own
    SLOW = "slow"  # it did not answer in time
    WRONG = "wrong"  # its answer cannot be understood, or does not prove what it says
    REFUSED = "refused"  # the person, or the provider, said no


class ProviderFailed(Exception):
    """The provider gave nobody. The message is English, for logs, and holds no secret, code or token."""

    def __init__(self, failure: Failure, message: str) -> None:
        super().__init__(message)
        self.failure = failure


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A sign-in that a browser takes to the provider; all but the address stays with this browser until it is back."""

    address: str
    state: str
    nonce: str
    verifier: str  # of PKCE


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A person at the provider: issuer and subject name them for ever; everything else may change or repeat."""

    issuer: str
    subject: str
    first_name: str = ""
    last_name: str = ""
    username: str = ""  # what the provider calls them; never used to find an account
    role_values: frozenset[str] = frozenset()  # of the claim that the mapping reads
    second_factor: bool = False  # the provider says that it asked for one

    @property
    def name(self) -> str:
        """A name for people: both names, else the user name, else the subject."""
        return f"{self.first_name} {self.last_name}".strip() or self.username or self.subject


def values_of(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    """The texts of a claim: one text, or a list of them. A name with dots also leads into objects.

    ``realm_access.roles`` is the list ``roles`` in the object ``realm_access``, unless a claim has the whole name.
    """
    found: Any = claims
    for step in (claim,) if claim in claims else tuple(claim.split(".")):
        found = found.get(step) if isinstance(found, Mapping) else None
    listed = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return frozenset(value for value in listed if isinstance(value, str) and value)
