"""All calls of the API: importing this module adds them to its blueprint."""

from webapp.api import cases, documents, listings, openapi, tasks, tokens
from webapp.api.blueprint import bp

__all__ = ["bp", "cases", "documents", "listings", "openapi", "tasks", "tokens"]
