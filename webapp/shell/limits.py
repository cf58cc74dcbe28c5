"""How much one request may bring. All limits are here, also those that the server applies before it takes a body.

They stand before any work: what is longer is refused unread, whatever its encoding and whether or not its length was
announced. ``webapp/shell/request.py`` applies them.
"""

from __future__ import annotations

from typing import Any, TypeVar

V = TypeVar("V", bound=Any)

MAX_PATH = 1_000  # characters of the address before its "?"
MAX_QUERY = 16_000  # bytes after it
MAX_ARGUMENTS = 200  # arguments of an address
MAX_HEADERS = 32_000  # bytes of all headers together, cookies among them

MAX_ANONYMOUS_BODY = 1_000_000  # bytes that the server takes at all of somebody who shows no sign of a session
MAX_UPLOAD = 122_000_000  # bytes where files are taken: without scripts a page sends all files of a form at once
MAX_FORM = 2_000_000  # bytes of the texts of a form
MAX_FIELDS = 2_000  # fields of a form, files among them
MAX_ANONYMOUS_FORM = 100_000  # bytes of a form of somebody who is not signed in

MAX_JSON = 1_000_000  # bytes
MAX_ANONYMOUS_JSON = 10_000  # bytes, before signing in
MAX_DEPTH = 20  # lists and objects in one another
MAX_VALUES = 10_000  # values and names of one body


def takes_files(view: V) -> V:
    """Decorator: the form of this view may bring files, so that its body may be long."""
    view.takes_files = True
    return view
