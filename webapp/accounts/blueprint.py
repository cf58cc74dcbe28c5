"""The blueprint that the pages of accounts add themselves to."""

from flask import Blueprint

bp = Blueprint("accounts", __name__)
