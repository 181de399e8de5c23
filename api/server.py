"""Runs the application in the caller's event loop, and ends it in order.

The socket is bound before uvicorn starts, so that a taken port is an `OSError` here and port 0 gives a URL. uvicorn's
own signal handling is off: the process's composition root owns signals. Ending: live feeds are closed first (uvicorn
waits for open answers), then no new connections, then at most `GRACE_S` for requests in flight.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from fastapi import FastAPI

GRACE_S = 5
# An idle keep-alive connection is closed after this; the bound on open connections is BACKLOG plus CONNECTIONS_MAX.
KEEP_ALIVE_S = 30
CONNECTIONS_MAX = 2048
BACKLOG = 512
_FIX = "stop what listens there, or give another host or port."


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(app: FastAPI, host: str, port: int) -> AsyncIterator[str]:
    """Serve what `create_app` made while the block runs; yields the URL.

    Raises OSError when the address cannot be bound, RuntimeError when the application does not start.
    """
    listener = _listen(host, port)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        limit_concurrency=CONNECTIONS_MAX,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]), name="api-server")
    try:
        while not server.started:
            if running.done():
                await running
                raise RuntimeError("the API did not start; its log says why")
            await asyncio.sleep(0.005)
        yield _url(listener)
    finally:
        app.state.feeds.close()
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(running)
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted connections inherit it. uvicorn sends head and body apart: without it the body of a short answer
        # waits for the client's delayed acknowledgement, 40 ms on Linux.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"{host}:{port} cannot be listened at: {error.strerror}. Fix: {_FIX}") from None
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"
