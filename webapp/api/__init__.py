"""The JSON API: the pages' twin for other programs. Same engine door, same rights, same forms.

Signed in by bearer tokens only, never by the browser's cookie, so no page of another site can use it.
"""

from flask import Blueprint

bp = Blueprint("api", __name__, url_prefix="/api")

from webapp.api import cases, documents, openapi, problems, tasks, tokens  # noqa: E402 - they add their routes to bp

problems.answer_errors_of(bp)

__all__ = ["bp", "cases", "documents", "openapi", "problems", "tasks", "tokens"]
