"""Secrets come from files and variables that the site file names, and never leave the process."""

from pathlib import Path

import pytest

from tagledger.config import ConfigError, load_site, parse_site
from tagledger.site_text import site_text

BASE = 'name = "x"\n'


def problems(text: str, environ: dict[str, str] | None = None) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        parse_site(BASE + text, "site.toml", environ or {})
    return {problem.key: str(problem) for problem in caught.value.problems}


@pytest.mark.parametrize("section", ["uplink", "fleet", "kafka"])
def test_a_password_from_a_file_beside_the_site_file_or_from_a_variable(tmp_path: Path, section: str) -> None:
    (tmp_path / "secret").write_text("hush hush\n")
    path = tmp_path / "site.toml"
    path.write_text(f'{BASE}[{section}]\npassword_file = "secret"\n')
    assert getattr(load_site(path, {}), section).password == "hush hush"
    path.write_text(f'{BASE}[{section}]\npassword_env = "BROKER_PASSWORD"\n')
    site = load_site(path, {"BROKER_PASSWORD": "hush"})
    assert getattr(site, section).password == "hush"
    assert "hush" not in site_text(site)


def test_a_variable_of_the_program_still_replaces_it() -> None:
    assert parse_site(BASE, "s", {"TAGLEDGER_FLEET__PASSWORD": "hush"}).fleet.password == "hush"


def test_a_dsn_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "dsn").write_text("host=db user=t password=hush")
    path = tmp_path / "site.toml"
    path.write_text(f'{BASE}[database]\ndsn_file = "dsn"\n')
    site = load_site(path, {})
    assert site.database.dsn == "host=db user=t password=hush"
    assert "hush" not in site_text(site)


@pytest.mark.parametrize("section", ["uplink", "fleet", "kafka"])
def test_a_password_in_the_file_is_refused_without_being_repeated(section: str) -> None:
    (told,) = problems(f'[{section}]\npassword = "hunter2"\n').values()
    assert "hunter2" not in told
    assert f"{section}.password: a password does not belong in a site file" in told


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ('[uplink]\npassword_file = "nowhere"\n', "uplink.password_file", "cannot read nowhere: No such file"),
        ("[uplink]\npassword_file = 5\n", "uplink.password_file", "not a path"),
        ('[uplink]\npassword_file = "/dev/null"\n', "uplink.password_file", "does not hold one line"),
        ('[uplink]\npassword_file = "/dev/zero"\n', "uplink.password_file", "does not hold one line"),
        ('[fleet]\npassword_env = "NOT_THERE"\n', "fleet.password_env", "the variable NOT_THERE is not set"),
        ('[database]\ndsn = "host=a"\ndsn_env = "HOME"\n', "database.dsn", "given more than once"),
    ],
)
def test_what_is_wrong_with_a_reference(text: str, key: str, words: str) -> None:
    assert words in problems(text, {"HOME": "/"})[key]
