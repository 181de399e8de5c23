"""The compose file agrees with the program, the sample site and itself. No container is started here."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from psycopg.conninfo import conninfo_to_dict

from tagledger.cli import app
from tagledger.config import load_site

DEPLOY = Path(__file__).parents[2] / "deploy"
TEXT = (DEPLOY / "compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}


def environment(service: dict[str, Any]) -> dict[str, str]:
    """What its process finds there, with every secret given."""
    return {name: re.sub(r"\$\{(\w+):\?\}", r"\1-secret", str(value)) for name, value in service["environment"].items()}


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_on_settings_that_the_program_takes(name: str) -> None:
    command, *options = OURS[name]["command"]
    assert command == name
    assert command in {known.name or known.callback.__name__ for known in app.registered_commands if known.callback}
    assert options == ["--site", "/etc/tagledger/site.toml"]
    assert "./site/site.toml:/etc/tagledger/site.toml:ro" in OURS[name]["volumes"]
    site = load_site(DEPLOY / "site" / "site.toml", environment(OURS[name]))
    where = {str(conninfo_to_dict(site.database.dsn)["host"]), site.uplink.host, site.kafka.bootstrap.split(":")[0]}
    assert where == {"database", "mosquitto", "kafka"} == set(OURS[name]["depends_on"])
    assert site.uplink.kind == "mqtt"
    assert f"listener {site.uplink.port}" in TEXT
    assert f"PLAINTEXT://:{site.kafka.bootstrap.split(':')[1]}," in SERVICES["kafka"]["environment"]["KAFKA_LISTENERS"]
    if name == "edge":
        assert site.uplink.username == site.edge.agent, "the access list rests on it"
    # A user the broker is made to know, with the password that this service gives.
    secret = site.uplink.password.removesuffix("-secret")
    assert re.search(rf'mosquitto_passwd -b (-c )?/mosquitto/passwd {site.uplink.username} "\$\${secret}"', TEXT)


def test_every_process_of_a_cluster_is_a_service() -> None:
    assert set(OURS) == {"edge", "bridge", "worker", "api"}


def test_volumes_are_declared_and_secrets_are_named_at_the_top() -> None:
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())}
    assert {name for name in used if not name.startswith(".")} == set(COMPOSE["volumes"])
    assert all((DEPLOY / name).exists() for name in used if name.startswith("."))
    told = TEXT[: TEXT.index("name:")]
    assert all(secret in told for secret in re.findall(r"\$\{(\w+):\?\}", TEXT))
