"""Probes, metrics and the index."""

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.metrics import SiteCollector
from api.ports import DependencyState, Gauge
from tests.api.conftest import Running


async def test_alive_whatever_else_is_missing(api: Running) -> None:
    api.dependencies.states = [DependencyState("database", False, "connection refused")]
    assert (await api.client.get("/livez")).json() == {"status": "alive"}


async def test_ready_names_each_dependency(api: Running) -> None:
    response = await api.client.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (200, "ready")
    api.dependencies.states = [DependencyState("database", True), DependencyState("uplink", False, "broker refused")]
    response = await api.client.get("/readyz")
    assert (response.status_code, response.json()) == (
        503,
        {
            "status": "not ready",
            "dependencies": [
                {"name": "database", "ready": True, "detail": ""},
                {"name": "uplink", "ready": False, "detail": "broker refused"},
            ],
        },
    )


async def test_metrics_have_bounded_labels_only(api: Running) -> None:
    await api.client.get("/v1/passages?epc=3034257BF7194E4000001A85")
    await api.client.get("/v1/passages/0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11")
    await api.client.get("/v1/3034257BF7194E4000001A85")
    response = await api.client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    samples = [s for family in text_string_to_metric_families(response.text) for s in family.samples]
    assert {label for sample in samples for label in sample.labels} <= {
        "operation",
        "status",
        "reader",
        "antenna",
        "le",
    }
    assert "3034257BF7194E4000001A85" not in response.text
    values = {(s.name, *sorted(s.labels.values())): s.value for s in samples}
    assert values["tagledger_http_requests_total", "2xx", "passages_list"] == 1
    assert values["tagledger_http_requests_total", "4xx", "passages_get"] == 1
    assert values["tagledger_http_requests_total", "4xx", "other"] == 1
    assert values["tagledger_reader_up", "dock-1"] == 1
    assert values["tagledger_reader_up", "dock-2"] == 0
    assert values["tagledger_reads_total", "1", "dock-1"] == 120


def test_a_gauge_with_an_unbounded_label_is_a_bug() -> None:
    class Stream:
        def gauges(self) -> list[Gauge]:
            return [Gauge("seen", "Tags.", 1.0, {"epc": "E2"})]

    with pytest.raises(AssertionError, match="unbounded label"):
        list(SiteCollector(None, Stream()).collect())


async def test_the_index_links_to_what_exists(api: Running) -> None:
    landing = (await api.client.get("/")).json()
    assert landing["site"] == "test-site"
    for link in landing["links"]:
        if link["href"] == "/v1/feed":
            continue
        response = await api.client.get(link["href"])
        assert response.status_code == 200, link
    async with httpx.AsyncClient(base_url=api.url, trust_env=False) as stranger:
        assert (await stranger.get("/")).status_code == 200
