"""The blueprint that the API's calls add themselves to."""

from flask import Blueprint

from webapp import problems

bp = Blueprint("api", __name__, url_prefix="/api")
problems.answer_errors_of(bp)
