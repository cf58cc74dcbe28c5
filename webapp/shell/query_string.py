"""The query string of a page: the arguments that it was opened with, and addresses with some of them changed."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import request

LONGEST = 300  # characters of one argument; the rest is cut off


def read(*names: str) -> dict[str, str]:
    """The arguments of these names that are in the address and not empty, each at most ``LONGEST`` characters."""
    return {name: request.args[name][:LONGEST] for name in names if request.args.get(name)}


def address_with(path: str, **arguments: str) -> str:
    """The address of one of our pages with ``arguments``; an empty value drops its argument."""
    query = urlencode({name: value for name, value in arguments.items() if value})
    return f"{request.script_root}{path}" + (f"?{query}" if query else "")


def link_with(arguments: dict[str, str], **changed: str) -> str:
    """The address of this page with ``arguments``, some of them ``changed``; an empty value drops its argument.

    The cursor of a paged list is dropped: a list with other arguments begins at its first page.
    """
    merged = {**arguments, **changed}
    query = urlencode({name: value for name, value in merged.items() if value and name != "cursor"})
    return f"{request.script_root}{request.path}" + (f"?{query}" if query else "")
