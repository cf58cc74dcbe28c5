"""All pages of accounts: importing this module adds them to their blueprint."""

from webapp.accounts import passwords, recovery, registration, sign_in
from webapp.accounts.blueprint import bp

__all__ = ["bp", "passwords", "recovery", "registration", "sign_in"]
