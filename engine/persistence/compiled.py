"""Statements compiled once for each kind of database: what every step runs is not worked out anew by every step.

SQLAlchemy finds a statement in its cache in about a fifth of the time it takes to build it, and a step runs seven.
Sent as the driver takes it, a statement costs a quarter of that again (docs/benchmarks.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, CursorResult, Dialect, Insert, Select, Update
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from models.database import take_write_lock

Values = Mapping[str, Any]


@dataclass(frozen=True)
class _Compiled:
    """The driver's text, and how the value of each of its parameters is made."""

    text: str
    parameters: list[tuple[str, Callable[[Any], Any] | None]]
    defaults: dict[str, Any]
    positional: bool

    def values(self, given: Values) -> Any:
        values = {**self.defaults, **given}
        made = [(name, convert(values[name]) if convert else values[name]) for name, convert in self.parameters]
        return tuple(value for _name, value in made) if self.positional else dict(made)


class Prepared:
    """An INSERT, UPDATE or SELECT with named parameters, run with the same names each time or with one of few sets.

    Fixed defaults of the model's columns are filled in; a value that a function makes is given.
    """

    def __init__(self, statement: Insert | Update | Select[Any]) -> None:
        self._statement = statement
        self._compiled: dict[tuple[str, frozenset[str]], _Compiled] = {}

    def run(self, session: Session, values: Values | Sequence[Values]) -> CursorResult[Any]:
        """Run it in the session's transaction, for each of several ``values`` when they are a sequence."""
        connection = session.connection()
        if not isinstance(self._statement, Select):
            take_write_lock(connection)
        if not isinstance(values, Mapping) and len(values) == 1:
            values = values[0]  # psycopg sends a sequence in a pipeline, which waits for the server twice more
        if isinstance(values, Mapping):
            compiled = self._for(connection, values)
            return connection.exec_driver_sql(compiled.text, compiled.values(values))
        if any(one.keys() != values[0].keys() for one in values):
            raise ValueError(f"rows with different columns for {self._statement}")
        compiled = self._for(connection, values[0])
        return connection.exec_driver_sql(compiled.text, [compiled.values(one) for one in values])

    def _for(self, connection: Connection, values: Values) -> _Compiled:
        key = (connection.dialect.name, frozenset(values))
        found = self._compiled.get(key)
        if found is None:
            found = self._compiled[key] = _compile(self._statement, connection.dialect, sorted(values))
        return found


def _compile(statement: Any, dialect: Dialect, names: list[str]) -> _Compiled:
    columns = None if isinstance(statement, Select) else [name for name in names if not name.startswith("this_")]
    compiled = statement.compile(dialect=dialect, column_keys=columns)
    if not isinstance(compiled, SQLCompiler):
        raise TypeError(f"{statement} has no parameters of its own")
    order = compiled.positiontup if compiled.positional else list(compiled.bind_names.values())
    types = {name: bind.type for name, bind in compiled.binds.items()}
    return _Compiled(
        compiled.string,
        [(name, types[name].dialect_impl(dialect).bind_processor(dialect)) for name in order or []],
        {column.key: _fixed(column) for column in compiled.insert_prefetch},
        bool(compiled.positional),
    )


def _fixed(column: Column[Any]) -> Any:
    if not isinstance(column.default, ScalarElementColumnDefault):
        raise ValueError(f"{column} is to be given: a function makes its default")
    return column.default.arg
