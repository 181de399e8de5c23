"""The site file: what is accepted, and that every problem names file, key and fix."""

from pathlib import Path

import pytest

from tagledger.config import ConfigError, load_site, parse_site
from warehouse.site import AntennaRef, Effect, Side

SAMPLE = Path(__file__).parents[2] / "deploy" / "site" / "site.toml"

DOOR = """
name = "x"
[[zones]]
name = "in"
[[zones]]
name = "out"
[[portals]]
name = "door"
inside = "in"
outside = "out"
[[readers]]
name = "r"
host = "h"
antennas = [{ port = 1, place = "door" }]
"""


def problems(text: str, environ: dict[str, str] | None = None) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        parse_site(text, "site.toml", environ or {})
    for problem in caught.value.problems:
        assert problem.where in ("site.toml", "environment")
        assert problem.fix
        assert str(problem).startswith(f"{problem.where}: {problem.key}: ")
    return {problem.key: problem.what for problem in caught.value.problems}


def test_the_sample_site_is_valid() -> None:
    site = load_site(SAMPLE, {})
    assert site.portal("door-1").effect is Effect.OBSERVE
    assert site.antennas_of("door-1") == tuple(AntennaRef("dock-1", port) for port in (1, 2, 3, 4))
    antenna = site.antenna_at(AntennaRef("dock-1", 3))
    assert antenna is not None
    assert antenna.side is Side.INSIDE


def test_environment_replaces_single_values() -> None:
    site = parse_site(DOOR, "site.toml", {"TAGLEDGER_API__PORT": "9000", "TAGLEDGER_STATE_DIR": "/s", "HOME": "/"})
    assert (site.api.port, site.state_dir) == (9000, "/s")


def test_the_program_s_own_variables_are_no_keys_of_the_site() -> None:
    own = {"TAGLEDGER_SITE": "site.toml", "TAGLEDGER_LOG": "debug", "TAGLEDGER_NO_SKIP": "1", "TAGLEDGER_TEST_DSN": "x"}
    assert parse_site(DOOR, "site.toml", own) == parse_site(DOOR, "site.toml", {})


def test_environment_problems_name_the_environment() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_site(DOOR, "site.toml", {"TAGLEDGER_API__PORT": "http"})
    assert [(problem.where, problem.key) for problem in caught.value.problems] == [("environment", "api.port")]


def test_all_problems_are_reported_at_once() -> None:
    found = problems(
        DOOR.replace('inside = "in"', 'inside = "hall"').replace('name = "x"', 'name = "x"\ntimezone = "Mars"')
    )
    assert set(found) == {"portals[0].inside", "timezone"}


@pytest.mark.parametrize(
    ("change", "key", "what"),
    [
        (("port = 1,", "prot = 1,"), "readers[0].antennas[0].port", "missing"),
        (("port = 1,", 'port = "one",'), "readers[0].antennas[0].port", "valid integer"),
        (('place = "door"', 'place = "doors"'), "readers[0].antennas[0].place", "no zone or portal"),
        (('place = "door"', 'place = "in"'), "portals[0]", "no antenna"),
        (('outside = "out"', 'outside = "in"'), "portals[0].outside", "same zone"),
        (
            ('outside = "out"', 'outside = "out"\neffect = "pots"'),
            "portals[0].effect",
            "'observe', 'suggest' or 'post'",
        ),
        (('outside = "out"', 'outside = "out"\nneighbours = ["door"]'), "portals[0].neighbours", "not another portal"),
        (('outside = "out"', 'outside = "out"\ninferred_share_max = 5'), "portals[0].inferred_share_max", "no share"),
        (('outside = "out"', 'outside = "out"\nbeams_clear_s = 0'), "portals[0].beams_clear_s", "out of range"),
        (('host = "h"', 'host = "h"\ndriver = "magic"'), "readers[0].driver", "unknown driver"),
        (('host = "h"', 'host = "h"\nport = 70000'), "readers[0].port", "not a TCP port"),
        (('name = "out"', 'name = "in"'), "zones and portals", "used twice"),
        (('name = "x"', 'nam = "x"'), "name", "missing"),
        (('name = "x"', 'name = "x"\napi.allow_origins = ["https://a.example/"]'), "api.allow_origins[0]", "no origin"),
        (('name = "x"', 'name = "x"\napi.allow_origins = ["*"]'), "api.allow_origins[0]", "no origin"),
        (('name = "x"', 'name = "x"\nedge.flush_ms = 0'), "edge.flush_ms", "not above zero"),
        (('host = "h"', 'host = "h"\ndriver = "sllurp"\ntls = true'), "readers[0].tls", "sllurp driver cannot"),
        (('host = "h"', 'host = "h"\nlisten = true\ntls = true'), "readers[0].tls_cert", "needs our certificate"),
        (
            ('name = "x"', 'name = "x"\nscales = [{ name = "s", host = "h", profile = "egale" }]'),
            "scales[0].profile",
            "no profile",
        ),
        (
            ('name = "x"', 'name = "x"\nscales = [{ name = "s", host = "h", profile = "eagle-ei4000", link = "usb" }]'),
            "scales[0].link",
            "unknown link",
        ),
        (
            ('name = "x"', 'name = "x"\nroads.edges = [{ start = "a", end = "b" }]'),
            "roads",
            "no node b",
        ),
        (('name = "x"', "name = "), "file", "not TOML"),
    ],
)
def test_a_wrong_value_names_its_key(change: tuple[str, str], key: str, what: str) -> None:
    found = problems(DOOR.replace(*change))
    assert key in found
    assert what in found[key]


def test_an_unknown_key_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_site(DOOR + "\n[api]\nprot = 1\n", "site.toml", {})
    assert [(p.key, p.fix) for p in caught.value.problems] == [("api.prot", "did you mean 'port'")]


def test_a_missing_file_is_a_problem_not_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_site(tmp_path / "none.toml", {})


def test_a_file_that_is_not_utf8_names_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_bytes(b'name = "\xff"')
    with pytest.raises(ConfigError, match="not UTF-8 at byte 8"):
        load_site(path, {})
