"""Another ``KARTABL_SECRET_KEY``, as after its loss: everything that depended on the old one fails closed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

import kartabl
import webapp
from engine.identity.sealing import Seal
from engine.settings import Settings
from tests.play import PASSWORD
from tests.secret import SECRET_KEY
from workflows.certificates import signing_keys

OTHER_KEY = "Jw3pT8sVbN5yGc6E-mK4hZ9xQ2dL7tRf"


@pytest.fixture
def other(application: kartabl.Application, clock: Any) -> Iterator[Flask]:
    """The same installation after a restart with another key."""
    values = {
        name: getattr(application.settings, name) for name in ("database_url", "files_path", "mode", "public_url")
    }
    restarted = kartabl.build(Settings(secret_key=OTHER_KEY, **values), now=clock)
    yield webapp.create_app(restarted)
    restarted.database.dispose()


def test_everybody_signs_in_again_with_the_same_password(signed_in: Any, other: Flask) -> None:
    before = signed_in("sara", "citizen")
    assert before.get("/worklist").status_code == 200
    browser = other.test_client()
    cookie = before.get_cookie("kartabl")
    browser.set_cookie("kartabl", cookie.value)
    assert browser.get("/worklist").status_code == 303
    page = browser.get("/sign-in")
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found is not None
    answer = browser.post("/sign-in", data={"username": "sara", "password": PASSWORD, "csrf_token": found[1]})
    assert answer.status_code == 303
    assert browser.get("/worklist").status_code == 200


def test_what_was_encrypted_opens_for_no_other_key() -> None:
    sealed = Seal(SECRET_KEY, "second factors").sealed("a secret", "7")
    assert Seal(SECRET_KEY, "second factors").opened(sealed, "7") == "a secret"
    assert Seal(OTHER_KEY, "second factors").opened(sealed, "7") is None


def test_certificates_stay_provable_and_a_new_key_signs_after_a_rotation(application: kartabl.Application) -> None:
    now = application.clock()
    with application.engine.transaction() as session:
        old = signing_keys.signing_key(session, secret_key=SECRET_KEY, now=now)
        signature = signing_keys.sign(old, "a certificate", secret_key=SECRET_KEY)
        assert not signing_keys.readable(old, secret_key=OTHER_KEY)
        with pytest.raises(signing_keys.KeyUnreadable, match="kartabl keys rotate"):
            signing_keys.sign(old, "another one", secret_key=OTHER_KEY)
        new = signing_keys.rotate(session, secret_key=OTHER_KEY, now=now)
        day = signing_keys.public_key(old).created
        assert signing_keys.public_key(old).proves("a certificate", signature, signed_on=day)
        again = signing_keys.sign(new, "another one", secret_key=OTHER_KEY)
        assert signing_keys.public_key(new).proves("another one", again, signed_on=day)
