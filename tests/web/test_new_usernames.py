"""Which user names a new account may have, and that network addresses keep their digits beside them."""

import re
from typing import Any

import pytest

from engine.errors import Refusal
from engine.identity.accounts import new_username
from tests.web.test_accounts import Browser
from webapp.shell.filters import digits


@pytest.mark.parametrize("typed", ["ali reza", "ali!", "علی", "a b!", "<b>", "ali\treza", "-ali", "ab", "a" * 61])
def test_a_new_username_of_other_signs_is_refused(typed: str) -> None:
    with pytest.raises(Refusal) as refused:
        new_username(typed)
    assert list(refused.value.errors) == ["username"]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        (" m.karimi ", "m.karimi"),
        ("۱۲-۳۰-۰۱۲۳۴", "12-30-01234"),
        ("0912 345 6789", "09123456789"),
        ("Unit_9", "unit_9"),
        ("sara@login.example.ir", "sara@login.example.ir"),
    ],
)
def test_usual_usernames_are_taken(typed: str, name: str) -> None:
    assert new_username(typed) == name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://127.0.0.1:8080/realms/2", "http://127.0.0.1:8080/realms/2"),
        ("نشانی شبکه: 192.168.1.20", "نشانی شبکه: \u2066192.168.1.20\u2069"),
        ("نشانی شبکه: 2001:db8::1", "نشانی شبکه: \u20662001:db8::1\u2069"),
        ("ساعت 12:30، نسخهٔ 1.2", "ساعت ۱۲:۳۰، نسخهٔ ۱.۲"),
    ],
)
def test_addresses_keep_their_digits(text: str, shown: str) -> None:
    assert digits(text) == shown


def test_the_page_of_new_people_refuses_it_and_keeps_what_was_typed(app: Any, people: Any) -> None:
    people.add("admin", "admin")
    admin = Browser(app.test_client())
    admin.sign_in("admin")
    answer = admin.post(
        "/people/new", username="ali reza!", first_name="علی", last_name="رضایی", kind="staff", role="finance"
    )
    assert answer.status_code == 422
    assert "بدون فاصله" in answer.text
    assert 'value="ali reza!"' in answer.text


def test_an_admin_is_told_who_has_no_second_factor_yet(app: Any, people: Any) -> None:
    for name, role in (("admin", "admin"), ("supervisor", "supervisor"), ("supervisor-2", "supervisor")):
        people.add(name, role)
    admin = Browser(app.test_client())
    admin.sign_in("admin")
    page = admin.get("/organisation/roles/supervisor").text
    names = dict(re.findall(r'name="(name_fa|name_en|seen)"[^>]*value="([^"]*)"', page))
    answer = admin.post("/organisation/roles/supervisor", **names, second_factor="y")
    assert answer.status_code == 303, answer.text
    words = "این نقش ۲ عضو دارد؛ ۲ نفر هنوز ورود دومرحله‌ای را فعال نکرده‌اند."
    assert words in admin.get(answer.location).text
