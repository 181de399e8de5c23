"""The sample of roads, vehicles and controllers fits the sample site."""

from pathlib import Path

from tagledger.config import parse_site
from warehouse.routes import Routes, problems

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_the_sample_site_with_vehicles_is_a_site() -> None:
    text = (DEPLOY / "site" / "site.toml").read_text() + (DEPLOY / "tasks" / "roads.toml").read_text()
    site = parse_site(text, "sample", {})
    assert problems(site.roads) == []
    assert [vehicle.home for vehicle in site.fleet.vehicles] == ["park-1"]
    assert site.task_exchange.clients == ("acme",)
    way = Routes(site.roads).way("at-door-1", "at-rack-1-b")
    assert way is not None
    assert way.nodes == ("at-door-1", "road-1", "road-2", "at-rack-1-b")
