"""The documentation page works without the internet: nothing in it points outside, and a browser shows it offline."""

import json
import re
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import Running
from tests.chromium import CHROMIUM, page


async def test_the_page_loads_nothing_from_elsewhere(shared: Running) -> None:
    async with httpx.AsyncClient(base_url=shared.url, trust_env=False, timeout=60) as stranger:
        document = (await stranger.get("/docs")).text
        assert re.findall(r"https?://[^\"' ]+", document) == []
        loaded = re.findall(r"(?:src|href)=\"([^\"]+)\"", document) + re.findall(r"url: '([^']+)'", document)
        assert "/openapi.json" in loaded
        assert len(loaded) >= 3
        for address in loaded:
            assert (await stranger.get(address)).status_code == 200, address


@pytest.mark.chromium
@pytest.mark.skipif(CHROMIUM is None, reason="needs the Debian package chromium")
async def test_a_browser_without_the_internet_shows_every_operation(shared: Running, tmp_path: Path) -> None:
    paths = set((await shared.client.get("/openapi.json")).json()["paths"])
    async with page(f"{shared.url}/docs", tmp_path / "profile") as tab:
        shown = "[...document.querySelectorAll('[data-path]')].map(e => e.dataset.path)"
        await tab.wait(f"new Set({shown}).size >= {len(paths)}")
        # Swagger puts a zero-width space where a long path may break.
        assert {path.replace("\u200b", "") for path in await tab.value(shown)} == paths
        picture = await tab.picture()
        asked = await tab.value("JSON.stringify(performance.getEntriesByType('resource').map(e => e.name))")
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(picture) > 50_000  # an empty page of that size is a tenth of it
    assert all(address.startswith((shared.url, "data:")) for address in json.loads(asked))
