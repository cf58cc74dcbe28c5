"""Lists as people of a role read them."""

from __future__ import annotations

from typing import Any

from engine.contributions.listings import ListingContext, ListPage, ListQuery
from tests.play import Play
from workflows.registry import listings


def read(play: Play, who: str, key: str, **query: Any) -> ListPage:
    """The list as ``who`` sees it."""
    with play.session() as session:
        actor = play.actor(who)
        services = play.engine.services
        context = ListingContext(session=session, actor=actor, now=play.clock.now, services=services)
        return listings.get(key, actor).read(context, ListQuery(**query))


def cells(page: ListPage, *columns: str) -> list[Any]:
    rows = [tuple(row.values[column] for column in columns) for row in page.rows]
    return [row[0] for row in rows] if len(columns) == 1 else rows
