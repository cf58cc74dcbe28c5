"""Forged addresses: each client counts as itself, whatever it says (F1)."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from engine.identity.accounts import SIGN_IN, SIGN_IN_ADDRESS
from models.account import Attempt
from tests.play import PASSWORD
from tests.prove.attack_site import Target
from tests.prove.attacks import attack

LIES = ("6.6.6.6", "127.0.0.1", "6.6.6.6, 7.7.7.7", "rubbish", '"[2001:db8::1]:99"', "6.6.6.6:80")


@attack("wrong tries from one address close sign-in for nobody elsewhere, and forged headers make no other address")
def one_stranger(target: Target) -> Iterator[str]:
    for direct in (False, True):
        guesser = f"127.0.2.{20 + direct}"
        with target.visitor(address=guesser, direct=direct) as stranger:
            answers = []
            for lie in (*LIES, *LIES):
                headers = {"X-Forwarded-For": lie, "Forwarded": f"for={lie}", "X-Real-IP": lie, "X_Forwarded_For": lie}
                said = {"username": "finance", "password": "wrong"}
                answers.append(stranger.post("/api/v1/token", json=said, headers=headers).status_code)
        if answers != [401] * SIGN_IN.most + [429] * (len(answers) - SIGN_IN.most):
            yield f"{'direct' if direct else 'through nginx'}: guesses were answered {answers}"
        with target.application.engine.transaction() as session:
            keys = set(session.scalars(select(Attempt.key).where(Attempt.kind == SIGN_IN_ADDRESS.kind)))
        if guesser not in keys or any("6.6" in key or key == "127.0.0.1" for key in keys):
            yield f"counted as {keys}"
    with target.visitor(address="127.0.2.30") as other:
        answer = other.post("/api/v1/token", json={"username": "finance", "password": PASSWORD})
        if answer.status_code != 200:
            yield f"the right password from another address: {answer.status_code}"
