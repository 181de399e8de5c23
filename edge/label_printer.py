"""Label printers over raw TCP (port 9100 of most): bytes in, nothing back.

The printer has taken a job when it acknowledged every byte and closed its side after ours, or stayed silent after it:
there is no receipt in this protocol, which is why labels are read back.
"""

import asyncio
import contextlib

CONNECT_S = 5.0
SEND_S = 60.0
LINGER_S = 0.5


class PrinterError(OSError):
    """The printer did not take the job, with what went wrong."""


async def send(host: str, port: int, data: bytes) -> None:
    """All of `data`, within CONNECT_S and SEND_S. Raises PrinterError."""
    try:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as error:
        raise PrinterError(f"{host}:{port} cannot be reached: {error or 'no answer'}") from None
    try:
        async with asyncio.timeout(SEND_S):
            writer.write(data)
            await writer.drain()
            writer.write_eof()
            # A printer that refuses the job resets the connection: wait a moment for that.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LINGER_S):
                    await reader.read()
    except (OSError, TimeoutError) as error:
        raise PrinterError(f"{host}:{port} broke off: {error or 'no progress'}") from None
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
