"""The whole OpenAPI document against the running API: right requests are taken, wrong ones refused as documented.

The live feed never ends and so cannot be called this way: tests/api/test_feed.py has its inputs.
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api import jwt_tokens
from api.app import issuer
from tests.api.conftest import SITE, Resident, resident_api
from warehouse.postgres.control import accounts, passwords, sessions, signing_keys
from warehouse.postgres.control.people import ensure_roles
from warehouse.postgres.database.connect import connect

CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.fixture
def fuzzed(postgres_dsn: str, migrated_template: str) -> Iterator[Resident]:
    """A server and a plant of this test's own: its commands change things."""
    with resident_api(postgres_dsn, migrated_template) as served:
        yield served


@pytest.fixture
def signed_in(postgres_dsn: str, migrated_template: str) -> Iterator[tuple[Resident, str]]:
    """The same, where callers are people: the server and an administrator's access token."""
    with resident_api(postgres_dsn, migrated_template, people=True) as served:
        with connect(served.served.dsn) as conn:
            ensure_roles(conn)
            accounts.first_administrator(conn)
            session = sessions.start(conn, "admin", "", must_change=False)
            passwords.store(conn, "admin", "correct horse battery", one_time=False)
            with conn.transaction():
                key = signing_keys.current(conn)
            claims = jwt_tokens.TokenClaims("admin", session.session_id)
        yield served, jwt_tokens.make(claims, issuer(SITE.name), int(time.time()), key.kid, key.secret)


@pytest.mark.timeout(600)
def test_every_operation_keeps_its_document(fuzzed: Resident, tmp_path: Path) -> None:
    generated = run(fuzzed.served.url, "X-API-Key: admin-key", "examples,coverage,fuzzing", tmp_path)
    assert generated > 1000, "it found nothing to send"


@pytest.mark.timeout(600)
def test_every_operation_keeps_its_document_for_people_too(signed_in: tuple[Resident, str], tmp_path: Path) -> None:
    resident, token = signed_in
    generated = run(resident.served.url, f"Authorization: Bearer {token}", "examples,fuzzing", tmp_path)
    assert generated > 100, "it found nothing to send"


def run(url: str, header: str, phases: str, folder: Path) -> int:
    """Everything the document says, sent; how many requests. Fails the test when an answer is not as it says."""
    program = Path(sys.executable).with_name("schemathesis")
    # The document is made when it is first asked for, and the program waits ten seconds for it.
    httpx.get(f"{url}/openapi.json", timeout=120, trust_env=False).raise_for_status()
    options = ["--seed=20260301", "--max-examples=3", f"--phases={phases}", "--exclude-path=/v1/feed"]
    options.append("--request-timeout=60")
    done = subprocess.run(
        [
            program,
            f"--config-file={CONFIG}",
            "run",
            f"{url}/openapi.json",
            f"--header={header}",
            "--no-color",
            *options,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    generated = re.search(r"([0-9]+) generated, ([0-9]+) passed", done.stdout)
    assert generated is not None, done.stdout[-2_000:]
    return int(generated[1])
