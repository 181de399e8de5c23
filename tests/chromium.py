"""A real headless browser that can reach loopback only, driven over the Chrome DevTools Protocol.

The command line's own way (`--dump-dom --virtual-time-budget`) hangs now and then on a loaded machine: virtual time
stops when a request is answered at the wrong moment. Here a test waits for what it wants to see.
"""

import asyncio
import base64
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium")
WAIT_S = 100
POLL_S = 0.1
# A picture of a long page is some megabytes of base64.
MESSAGE_BYTES_MAX = 64 << 20


class Page:
    """One tab. Answers come in the order of the calls: nothing is subscribed to but what is called."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._calls = 0

    async def call(self, method: str, **params: object) -> dict[str, Any]:
        """The result of a protocol method. RuntimeError when the browser refuses it."""
        self._calls += 1
        await self._socket.send(json.dumps({"id": self._calls, "method": method, "params": params}))
        async for message in self._socket:
            answer = json.loads(message)
            if answer.get("id") == self._calls:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
        raise RuntimeError(f"{method}: the browser is gone")

    async def value(self, expression: str) -> Any:
        """What a JavaScript expression gives, as JSON."""
        result = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")

    async def wait(self, expression: str) -> None:
        """Until the expression is true; TimeoutError after `WAIT_S`."""
        async with asyncio.timeout(WAIT_S):
            while True:
                if await self.value(f"Boolean({expression})"):
                    return
                await asyncio.sleep(POLL_S)

    async def picture(self) -> bytes:
        """The window as PNG."""
        return base64.b64decode((await self.call("Page.captureScreenshot", format="png"))["data"])


@asynccontextmanager
async def page(url: str, profile: Path, width: int = 1200, height: int = 2400) -> AsyncIterator[Page]:
    """A tab on its way to `url`, in a browser of its own."""
    process = await asyncio.create_subprocess_exec(
        CHROMIUM or "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        f"--user-data-dir={profile}",
        f"--window-size={width},{height}",
        "--remote-debugging-port=0",
        url,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        address = await _debugger(profile)
        async with connect(address, max_size=MESSAGE_BYTES_MAX, proxy=None) as socket:
            yield Page(socket)
    finally:
        process.kill()
        await process.wait()


async def _debugger(profile: Path) -> str:
    """The tab's WebSocket address; the browser writes the port it chose into its profile."""
    async with asyncio.timeout(WAIT_S), httpx.AsyncClient(trust_env=False) as client:
        while True:
            await asyncio.sleep(POLL_S)
            if (port := _chosen_port(profile)) is None:
                continue
            for target in (await client.get(f"http://127.0.0.1:{port}/json/list")).json():
                if target["type"] == "page":
                    return str(target["webSocketDebuggerUrl"])


def _chosen_port(profile: Path) -> int | None:
    written = profile / "DevToolsActivePort"
    lines = written.read_text().split("\n") if written.exists() else []
    return int(lines[0]) if len(lines) > 1 else None
