"""Which errors say that database or disk are away for a while: the same page for all, and one line in the log."""

from __future__ import annotations

import errno

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})


def is_unavailable(error: BaseException) -> bool:
    """Whether repeating the same request later may well succeed: nothing of it was saved."""
    if isinstance(error, OperationalError | NoConnectionLeft):
        return True
    if isinstance(error, DBAPIError):
        return error.connection_invalidated
    return isinstance(error, OSError) and error.errno in NO_ROOM
