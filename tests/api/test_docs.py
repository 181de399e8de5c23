"""The documentation page works without the internet: nothing in it points outside, and a browser shows it offline."""

import asyncio
import re
import shutil
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import Running

CHROMIUM = shutil.which("chromium")


async def test_the_page_loads_nothing_from_elsewhere(shared: Running) -> None:
    async with httpx.AsyncClient(base_url=shared.url, trust_env=False) as stranger:
        page = (await stranger.get("/docs")).text
        assert re.findall(r"https?://[^\"' ]+", page) == []
        loaded = re.findall(r"(?:src|href)=\"([^\"]+)\"", page) + re.findall(r"url: '([^']+)'", page)
        assert "/openapi.json" in loaded
        assert len(loaded) >= 3
        for address in loaded:
            assert (await stranger.get(address)).status_code == 200, address


async def browser(*arguments: str, profile: Path) -> bytes:
    """Headless Chromium that can reach loopback only; what it prints."""
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
        "--virtual-time-budget=20000",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(60):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return output


@pytest.mark.chromium
@pytest.mark.skipif(CHROMIUM is None, reason="needs the Debian package chromium")
async def test_a_browser_without_the_internet_shows_every_operation(shared: Running, tmp_path: Path) -> None:
    page = (await browser("--dump-dom", f"{shared.url}/docs", profile=tmp_path / "a")).decode()
    document = (await shared.client.get("/openapi.json")).json()
    shown = set(re.findall(r'data-path="([^"]+)"', page))
    assert {path.replace("{", "{").replace("/", "/") for path in document["paths"]} == {
        re.sub("\u200b", "", path) for path in shown
    }


@pytest.mark.chromium
@pytest.mark.skipif(CHROMIUM is None, reason="needs the Debian package chromium")
async def test_its_picture(shared: Running, tmp_path: Path) -> None:
    picture = tmp_path / "docs.png"
    await browser(f"--screenshot={picture}", "--window-size=1200,2400", f"{shared.url}/docs", profile=tmp_path / "b")
    head = picture.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")) == (1200, 2400)
    assert picture.stat().st_size > 50_000  # an empty page of that size is a tenth of it
