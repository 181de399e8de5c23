"""A small MQTT 3.1.1 broker in pure Python for the demo, so that nothing has to be installed. Not for a site.

`amqtt` is a development dependency: `available` says whether it is here.
"""

import contextlib
import importlib.util
import logging
import socket
from collections.abc import AsyncIterator


def available() -> bool:
    """Whether the broker's package is installed."""
    return importlib.util.find_spec("amqtt") is not None


@contextlib.asynccontextmanager
async def embedded_broker() -> AsyncIterator[int]:
    """A broker on loopback while the block runs; its port. Nothing is kept when it ends."""
    from amqtt.broker import Broker  # type: ignore[import-untyped]

    for name in ("amqtt", "transitions"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = int(chosen.getsockname()[1])
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    await broker.start()
    try:
        yield port
    finally:
        with contextlib.suppress(Exception):  # it complains about clients that left first
            await broker.shutdown()
