"""A relay that makes a server far away: `python -m benchmarks.proxy TARGET MILLISECONDS`.

Prints the port it listens on, at all loopback addresses. Each octet comes half a round trip later, at any
bandwidth; the connect takes a whole one.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress


async def serve(target: int, seconds: float) -> None:
    """Relay connections to 127.0.0.1:`target` for ever."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        there, back = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(relay(reader, back, seconds / 2), relay(there, writer, seconds / 2))

    server = await asyncio.start_server(connected, "0.0.0.0", 0, backlog=1024)  # noqa: S104 - all of 127/8
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Pass on what is read, each piece `delay` seconds later, and the end of it too."""
    loop = asyncio.get_running_loop()
    on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def arrive() -> None:
        while (piece := await on_the_way.get())[1]:
            await asyncio.sleep(piece[0] - loop.time())
            writer.write(piece[1])
        writer.close()

    with suppress(ConnectionError):
        arriving = asyncio.create_task(arrive())
        octets = b"x"
        while octets:
            try:
                octets = await reader.read(1 << 18)
            except ConnectionError:
                octets = b""
            on_the_way.put_nowait((loop.time() + delay, octets))
        await arriving


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]) / 1000))
