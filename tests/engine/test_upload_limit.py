"""How large a file may be is the office's word, and a process may have its own (DOC-1)."""

from __future__ import annotations

import pytest

from models.case import Case
from tests.databases import SQLITE
from tests.engine.small import Small, chain, end, process, properties, start, user_task

BODY = start() + user_task("ask") + end() + chain("begin", "ask", "done")


@pytest.mark.rule("DOC-1")
@pytest.mark.parametrize(("own", "limit"), [("", 6_000_000), (properties(upload_limit="1000"), 1000)])
def test_a_process_may_set_its_own_limit(own: str, limit: int) -> None:
    small = Small(SQLITE, process(own + BODY))
    number = small.start().case.id
    assert small.look(lambda session: small.engine.upload_limit(session, session.get_one(Case, number))) == limit
    small.close()


@pytest.mark.parametrize("nonsense", ["six", "0", "-1", "۶", "99999999999"])
def test_a_limit_that_is_none_is_found_at_deployment(nonsense: str) -> None:
    with pytest.raises(AssertionError, match="upload_limit"):
        Small(SQLITE, process(properties(upload_limit=nonsense) + BODY))
