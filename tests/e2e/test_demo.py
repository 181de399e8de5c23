"""The demo as a new user runs it, and its recording replayed: the same movements, ids included, at any speed, once."""

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.epcis_standard import faults
from warehouse.postgres.database.server import EmbeddedServer
from warehouse.postgres.exchange import webhooks

SAME = {
    "movements": "select move_id, item_id, quantity, from_location_id, to_location_id, passage_id from move",
    "passages": "select passage_id, revision, portal, direction, opened_at, closed_at, belongs, unsure from passage",
    "discrepancies": "select discrepancy_id, kind, detail, epcs, quantity, state from discrepancy",
    "locations": "select update_id, epc, location_id, event, at from location_history",
    "balances": "select item_id, lot_id, location_id, hu_id, status, on_hand, reserved from balance where on_hand <> 0",
}


@dataclass(frozen=True)
class Demo:
    folder: Path
    score: dict[str, Any]

    @property
    def capture(self) -> Path:
        return self.folder / "capture"


def tagledger(*arguments: object, check: bool = True, timeout_s: float = 200.0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tagledger", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout_s)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def books(folder: Path) -> dict[str, list[Any]]:
    with EmbeddedServer(folder) as server, psycopg.connect(server.dsn) as connection:
        return {
            name: sorted(connection.execute(query).fetchall(), key=repr)  # type: ignore[call-overload]
            for name, query in SAME.items()
        }


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo") / "state"
    options = ["--duration", 90, "--speed", 4, "--port", 0, "--state-dir", folder, "--json", "--serve"]
    command = [sys.executable, "-m", "tagledger", "demo", *map(str, options)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            told = running.stdout.readline()  # the score, while everything still runs
            assert told or running.poll() is not None
            running.send_signal(signal.SIGINT)
            rest, errors = running.communicate(timeout=60)
        except BaseException:  # or the end of the block would wait for it
            running.kill()
            raise
    # The exit code says whether books and truth agree; here the score is looked at line by line.
    assert (running.returncode in (0, 1), rest) == (True, ""), errors
    return Demo(folder, json.loads(told))


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(1, 21))
def test_stock_bins_and_weights_agree_with_the_truth_whatever_the_day(seed: int, tmp_path: Path) -> None:
    command = ["demo", "--seed", seed, "--port", 0, "--state-dir", tmp_path / "state", "--json"]
    done = tagledger(*command, check=False, timeout_s=500)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(240)
def test_every_load_becomes_a_passage_the_right_way_and_nothing_is_doubled(demo: Demo) -> None:
    score = demo.score
    assert score["loads"] >= 6
    assert score["loads_without_passage"] == 0
    assert score["direction_share"] == 1.0
    assert score["tag_recall"] >= 0.97
    assert score["tag_precision"] >= 0.97
    assert score["cartons_doubled"] == score["cartons_astray"] == "0"


@pytest.mark.timeout(240)
def test_a_pallet_goes_to_its_work_order_through_a_door(demo: Demo) -> None:
    with EmbeddedServer(demo.folder) as server, psycopg.connect(server.dsn) as connection:
        issued = connection.execute(
            """select l.fulfilled, l.quantity, l.fulfilled = (
                   select sum(m.quantity) from move m join location t on t.location_id = m.to_location_id
                   where m.line_id = l.line_id and m.passage_id is not null and t.code = 'PRODUCTION')
               from work_order w join document_line l on l.document_id = w.issue_document_id"""
        ).fetchall()
    assert issued
    assert all(fulfilled > 0 and by_door for fulfilled, _, by_door in issued)


@pytest.mark.timeout(240)
def test_transfers_and_a_count_go_by_the_rules_and_agree_with_what_truly_happened(demo: Demo) -> None:
    store = demo.score["store"]
    assert store["findings"] == []
    assert store["transfers_right"] == store["transfers"] >= 2
    assert (store["missing_found"], store["missing_false"]) == (1, 0)
    with EmbeddedServer(demo.folder) as server, psycopg.connect(server.dsn) as connection:
        asked = connection.execute(
            "select distinct created_by, approved_by from document where kind = 'transfer'"
        ).fetchall()
        counted = connection.execute(
            "select counters, approved_by, counts from count_line where difference <> 0"
        ).fetchall()
    assert asked == [("demo", "manager")]
    assert counted == [(["counter", "second counter"], "manager", 2)]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("speed", ["max", "60"])
def test_a_replay_gives_the_same_books_and_a_second_one_adds_nothing(demo: Demo, speed: str, tmp_path: Path) -> None:
    first = json.loads(tagledger("replay", demo.capture, "--state-dir", tmp_path, "--speed", speed, "--json").stdout)
    live, replayed = books(demo.folder), books(tmp_path)
    for name, rows in live.items():
        assert replayed[name] == rows, name
    assert first["movements"] == len(live["movements"]) > 0
    assert first["problems"] == []
    again = json.loads(tagledger("replay", demo.capture, "--state-dir", tmp_path, "--json").stdout)
    assert again["movements"] == 0
    assert again["batches_known_already"] == first["batches"]
    assert books(tmp_path) == replayed


@pytest.mark.timeout(240)
def test_the_doctor_finds_every_invariant_of_the_demo_s_books_true(demo: Demo) -> None:
    site = demo.folder / "site.toml"
    found = json.loads(tagledger("doctor", "--site", site, "--ledger", "--json").stdout)
    assert found["good"] is True
    assert {"site file", "database", "schema", "ledger"} <= {finding["name"] for finding in found["findings"]}


@pytest.mark.timeout(240)
def test_everything_that_happened_is_sound_epcis(demo: Demo) -> None:
    """As a partner who asked for EPCIS would have been told of the whole day."""
    with (
        EmbeddedServer(demo.folder) as server,
        psycopg.connect(server.dsn) as connection,
        connection.transaction(force_rollback=True),
    ):
        webhooks.register(connection, uuid4(), "partner", "https://partner.example/", ["*"], "epcis", "kim")
        connection.execute("update outbox_reader set tx = '1', seq = 0")
        while webhooks.fan_out(connection, "plant", "Asia/Shanghai"):
            pass
        rows = connection.execute("select type, body from webhook_message").fetchall()
    documents = [json.loads(body) for _, body in rows]
    assert {kind for kind, _ in rows} == {"stock.moved", "tag.located"}
    assert [fault for document in documents for fault in faults(document)] == []
    steps = {event.get("bizStep") for document in documents for event in document["epcisBody"]["eventList"]}
    assert {"receiving", "picking"} <= steps
