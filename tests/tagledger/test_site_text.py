"""A site written as a file reads back the same."""

from pathlib import Path

from simulators.plant import Plant
from tagledger.config import load_site, parse_site
from tagledger.site_text import site_text
from warehouse.site import Site
from warehouse.site_settings import DatabaseSettings, UplinkSettings


def test_the_sample_and_the_plant_read_back_the_same() -> None:
    for site in (load_site(Path(__file__).parents[2] / "deploy" / "site" / "site.toml", {}), Plant(3, 60.0).site):
        assert parse_site(site_text(site), "x", {}) == site


def test_secrets_stay_out() -> None:
    site = Site("x", uplink=UplinkSettings(password="hush"), database=DatabaseSettings(dsn="postgresql://u:hush@h/d"))
    assert "hush" not in site_text(site)
