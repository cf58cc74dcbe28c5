"""A way to a PostgreSQL socket that is a little longer: what the client sends arrives later, nothing else changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

CHUNK = 1 << 16


def serve_proxy(listen_at: str, target: str, delay: float) -> None:
    """Serve for ever. Each message from the client is handed on ``delay`` seconds after it came, in order."""
    asyncio.run(_serve(listen_at, target, delay))


async def _serve(listen_at: str, target: str, delay: float) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_unix_connection(target)
        await asyncio.gather(
            _late(reader, there_writer, delay), _hand_on(there_reader, writer.write, writer.drain, writer)
        )

    server = await asyncio.start_unix_server(connected, listen_at)
    async with server:
        await server.serve_forever()


async def _late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Two messages sent one after the other wait at the same time, as on a long wire."""
    loop = asyncio.get_running_loop()
    while chunk := await reader.read(CHUNK):
        loop.call_later(delay, writer.write, chunk)
    loop.call_later(delay, writer.close)


async def _hand_on(
    reader: asyncio.StreamReader,
    write: Callable[[bytes], None],
    drain: Callable[[], Awaitable[None]],
    writer: asyncio.StreamWriter,
) -> None:
    while chunk := await reader.read(CHUNK):
        write(chunk)
        await drain()
    writer.close()
