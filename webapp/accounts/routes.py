"""All pages of accounts: importing this module adds them to their blueprint."""

from webapp.accounts import (
    openid,
    openid_link,
    passwords,
    recovery,
    registration,
    second_factor,
    second_step,
    sessions,
    sign_in,
)
from webapp.accounts.blueprint import bp

__all__ = [
    "bp",
    "openid",
    "openid_link",
    "passwords",
    "recovery",
    "registration",
    "second_factor",
    "second_step",
    "sessions",
    "sign_in",
]
