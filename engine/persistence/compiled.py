"""SQL statements compiled once for each kind of database and sent to the driver as text.

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
    """SQL text of one database driver, and for each parameter the function that converts its value for the driver."""

    text: str
    parameters: list[tuple[str, Callable[[Any], Any] | None]]
    defaults: dict[str, Any]
    positional: bool

    def values(self, parameters: Values) -> Any:
        values = {**self.defaults, **parameters}
        converted = [(name, convert(values[name]) if convert else values[name]) for name, convert in self.parameters]
        return tuple(value for _name, value in converted) if self.positional else dict(converted)


class Prepared:
    """An INSERT, UPDATE or SELECT with named parameters. Each set of parameter names is compiled once.

    Constant defaults of the model's columns are filled in; the caller passes the values of computed defaults.
    """

    def __init__(self, statement: Insert | Update | Select[Any]) -> None:
        self._statement = statement
        self._compiled: dict[tuple[str, frozenset[str]], _Compiled] = {}

    def run(self, session: Session, values: Values | Sequence[Values]) -> CursorResult[Any]:
        """Execute the statement in the session's transaction.

        ``values``: parameter name → Python value, or a sequence of such rows for an executemany. Raises
        ``ValueError`` for rows with different columns.
        """
        connection = session.connection()
        if not isinstance(self._statement, Select):
            take_write_lock(connection)
        if not isinstance(values, Mapping) and len(values) == 1:
            values = values[0]  # psycopg sends a sequence in a pipeline, which waits for the server twice more
        if isinstance(values, Mapping):
            compiled = self._for(connection, values)
            return connection.exec_driver_sql(compiled.text, compiled.values(values))
        if any(row.keys() != values[0].keys() for row in values):
            raise ValueError(f"rows with different columns for {self._statement}")
        compiled = self._for(connection, values[0])
        return connection.exec_driver_sql(compiled.text, [compiled.values(row) for row in values])

    def _for(self, connection: Connection, values: Values) -> _Compiled:
        key = (connection.dialect.name, frozenset(values))
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = self._compiled[key] = _compile(self._statement, connection.dialect, sorted(values))
        return compiled


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
        raise ValueError(f"{column} needs a value: its default is computed by a function")
    return column.default.arg
