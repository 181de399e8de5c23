"""Pages of another origin reach the API from a browser when the site file names their origin, and only then."""

from dataclasses import replace

from tests.api.conftest import SITE, Running, running
from warehouse.site_settings import ApiSettings

PAGES = "https://dashboards.example"


def preflight(origin: str) -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,idempotency-key,content-type",
    }


async def test_a_page_that_is_named_may_ask_and_read_refusals(database: str) -> None:
    async with running(database, site=replace(SITE, api=ApiSettings(allow_origins=(PAGES,)))) as api:
        asked = await api.client.options("/v1/moves", headers=preflight(PAGES) | {"X-API-Key": ""})
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == PAGES
        answer = await api.client.get("/v1/stock", headers={"Origin": PAGES})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, PAGES)
        refused = await api.client.get("/v1/stock", headers={"Origin": PAGES, "X-API-Key": "wrong"})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, PAGES)
        stranger = await api.client.options("/v1/moves", headers=preflight("https://elsewhere.example"))
        assert stranger.status_code == 400
        assert "access-control-allow-origin" not in stranger.headers


async def test_no_page_of_elsewhere_is_allowed_without_being_named(shared: Running) -> None:
    answer = await shared.client.get("/v1/stock", headers={"Origin": PAGES})
    assert answer.status_code == 200
    assert [name for name in answer.headers if name.startswith("access-control")] == []
    assert (await shared.client.options("/v1/moves", headers=preflight(PAGES))).status_code >= 400
