"""The spool: order, acknowledgement, retention, bounds, damage, and death at any moment."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import SpoolBusy, SpoolCorrupt, SpoolError
from edge.spool import Spool, open_or_replace
from edge.spool_values import AckResult, AppendResult
from stream.batch_codec import decode_batch
from stream.model import BatchId

from .batches import batch_named, noise

HOUR_US = 3_600_000_000


def open_spool(tmp_path: Path, max_mb: int = 16) -> Spool:
    return Spool(tmp_path / "spool.sqlite", "edge", max_mb, 24.0)


def append(spool: Spool, number: int, reads: int = 3) -> list[BatchId]:
    names = []
    for _ in range(number):
        names.append(spool.next_id)
        assert spool.append(batch_named(spool.next_id, reads)).is_stored
    return names


def from_batch(spool: Spool, epoch: str, counter: int) -> list[int]:
    position = spool.position_before(epoch, counter)
    assert position is not None
    return [stored.id.counter for stored in spool.read_after(position, 9)]


def test_batches_come_back_in_order_and_whole_after_a_restart(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    names = append(spool, 5)
    assert [name.counter for name in names] == [1, 2, 3, 4, 5]
    spool.close()
    spool = open_spool(tmp_path)
    assert spool.next_id == BatchId("edge", names[0].epoch, 6)
    read = spool.read_after(0, 3) + spool.read_after(3, 10)
    assert [stored.id for stored in read] == names
    assert [decode_batch(stored.body).id for stored in read] == names
    assert spool.depth().unacked == spool.depth().retained == 5
    assert spool.depth().bytes == sum(len(stored.body) for stored in read)


def test_only_the_next_id_is_taken(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    with pytest.raises(ValueError, match="expected"):
        spool.append(batch_named(BatchId("edge", spool.next_id.epoch, 2)))


def test_an_ack_covers_a_prefix_and_repeating_it_is_harmless(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    epoch = append(spool, 5)[0].epoch
    assert spool.ack(epoch, 3, 0) is AckResult.APPLIED
    assert spool.ack(epoch, 3, 0) is AckResult.REPEATED
    assert spool.ack(epoch, 2, 0) is AckResult.REPEATED
    assert spool.ack("other", 1, 0) is AckResult.UNKNOWN_EPOCH
    assert spool.depth().unacked == 2
    assert [stored.id.counter for stored in spool.read_after(spool.position_before_unacked(), 9)] == [4, 5]
    assert spool.ack(epoch, 5, 0) is AckResult.APPLIED
    assert spool.read_after(spool.position_before_unacked(), 9) == []


def test_acknowledged_batches_stay_for_the_retention_and_can_be_sent_again(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    epoch = append(spool, 5)[0].epoch
    spool.ack(epoch, 3, now_us=HOUR_US)
    assert spool.trim(now_us=24 * HOUR_US) == 0
    assert from_batch(spool, epoch, 2) == [2, 3, 4, 5]
    assert spool.position_before("gone", 1) is None
    assert spool.position_before(epoch, 6) is None
    assert spool.trim(now_us=25 * HOUR_US) == 3
    assert from_batch(spool, epoch, 2) == [4, 5]
    assert spool.depth().retained == 2


def test_the_counter_goes_on_when_everything_was_acknowledged_and_trimmed(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    epoch = append(spool, 3)[0].epoch
    spool.ack(epoch, 3, now_us=0)
    assert spool.trim(now_us=48 * HOUR_US) == 3
    spool.close()
    spool = open_spool(tmp_path)
    assert spool.next_id == BatchId("edge", epoch, 4)
    append(spool, 1)
    assert [stored.id.counter for stored in spool.read_after(spool.position_before_unacked(), 9)] == [4]


def test_an_ack_from_the_future_starts_a_new_epoch_and_keeps_the_old_batches(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    old = append(spool, 2)[0].epoch
    assert spool.ack(old, 7, 0) is AckResult.AHEAD
    assert spool.next_id.epoch != old
    assert spool.next_id.counter == 1
    append(spool, 1)
    read = spool.read_after(spool.position_before_unacked(), 9)
    assert [(stored.id.epoch == old, stored.id.counter) for stored in read] == [(True, 1), (True, 2), (False, 1)]
    assert from_batch(spool, old, 2) == [2, 1]
    assert spool.position_before(old, 3) is None
    assert spool.ack(old, 2, 0) is AckResult.APPLIED
    assert spool.depth().unacked == 1


def test_full_of_unacknowledged_batches_it_stops_captures_then_refuses_and_recovers(tmp_path: Path) -> None:
    spool = open_spool(tmp_path, max_mb=1)
    results: list[AppendResult] = []
    while not results or results[-1].is_stored:
        results.append(spool.append(batch_named(spool.next_id, 2000)))
        assert len(results) < 1000
    kinds = list(dict.fromkeys(results))
    assert kinds == [AppendResult.STORED, AppendResult.STORED_STOP_CAPTURES, AppendResult.REFUSED_FULL]
    assert spool.depth().bytes <= 1024 * 1024
    refused = spool.next_id
    assert refused.counter == len(results)
    spool.ack(refused.epoch, 4, now_us=0)
    assert spool.append(batch_named(refused, 2000)).is_stored
    assert [stored.id.counter for stored in spool.read_after(spool.position_before_unacked(), 1)] == [5]


def test_a_full_disk_refuses_and_loses_nothing_that_was_stored(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    stored = append(spool, 3, reads=500)
    pages = spool._db.execute("PRAGMA page_count").fetchone()[0]
    spool._db.execute(f"PRAGMA max_page_count = {pages + 8}")
    result = AppendResult.STORED
    while result.is_stored:
        stored.append(spool.next_id)
        result = spool.append(batch_named(spool.next_id, 500))
    assert result is AppendResult.REFUSED_DISK
    refused = stored.pop()
    assert spool.next_id == refused
    assert spool.depth().unacked == len(stored)
    spool._db.execute("PRAGMA max_page_count = 100000")
    assert spool.append(batch_named(refused, 500)) is AppendResult.STORED
    assert [found.id for found in spool.read_after(0, 99)] == [*stored, refused]


def test_acks_are_stored_with_the_next_append_or_the_close(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    epoch = append(spool, 4)[0].epoch
    spool.ack(epoch, 2, now_us=0)
    append(spool, 1)
    spool.ack(epoch, 3, now_us=0)
    spool.close()
    spool = open_spool(tmp_path)
    assert [found.id.counter for found in spool.read_after(spool.position_before_unacked(), 9)] == [4, 5]
    assert spool.depth().unacked == 2


def test_acknowledged_batches_give_way_before_anything_else(tmp_path: Path) -> None:
    spool = open_spool(tmp_path, max_mb=1)
    for _ in range(40):
        name = spool.next_id
        assert spool.append(batch_named(name, 2000)) is AppendResult.STORED
        spool.ack(name.epoch, name.counter, now_us=0)
    assert spool.depth().bytes <= 1024 * 1024
    assert spool.depth().retained > 1


def test_a_second_writer_is_turned_away(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    code = (
        "import sys\nfrom pathlib import Path\nfrom edge.errors import SpoolBusy\nfrom edge.spool import Spool\n"
        "try:\n    Spool(Path(sys.argv[1]), 'edge', 1, 1.0)\nexcept SpoolBusy:\n    sys.exit(7)"
    )
    found = subprocess.run([sys.executable, "-c", code, str(tmp_path / "spool.sqlite")], check=False, timeout=30)
    assert found.returncode == 7
    with pytest.raises(SpoolBusy):
        open_spool(tmp_path)
    spool.close()
    open_spool(tmp_path).close()


def test_another_database_is_not_taken_for_a_spool(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "spool.sqlite") as other:
        other.execute("CREATE TABLE precious (x)")
    other.close()
    with pytest.raises(SpoolError, match="not a spool"):
        open_spool(tmp_path)


@pytest.mark.parametrize("damage", ["garbage", "middle"])
def test_a_damaged_file_is_kept_aside_and_a_new_spool_started(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "spool.sqlite"
    spool = open_spool(tmp_path)
    old = append(spool, 60, reads=200)[0].epoch
    spool.close()
    data = bytearray(path.read_bytes())
    if damage == "garbage":
        data[:] = noise(len(data))
    else:
        data[4096:20480] = noise(16384)
    path.write_bytes(data)
    with pytest.raises(SpoolCorrupt, match="damaged"):
        open_spool(tmp_path)
    spool, aside = open_or_replace(path, "edge", 16, 24.0, opened_us=5)
    assert aside == tmp_path / "spool.sqlite.corrupt-5"
    assert aside.read_bytes() == bytes(data)
    assert spool.next_id.counter == 1
    assert spool.next_id.epoch != old


def test_a_body_that_rotted_is_left_out_and_counted(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    append(spool, 3)
    spool.close()
    with sqlite3.connect(tmp_path / "spool.sqlite") as db:
        db.execute("UPDATE batch SET body = zeroblob(length(body)) WHERE counter = 2")
    db.close()
    spool = open_spool(tmp_path)
    assert [stored.id.counter for stored in spool.read_after(0, 9)] == [1, 3]
    assert [stored.id.counter for stored in spool.read_after(1, 1)] == [3]
    assert spool.depth().damaged == 1


WRITER = """
import sys
from pathlib import Path
from edge.spool import Spool
from tests.edge.batches import batch_named
spool = Spool(Path(sys.argv[1]), "edge", 64, 24.0)
while True:
    name = spool.next_id
    assert spool.append(batch_named(name, name.counter % 7 * 20)).is_stored
    print(name.counter, flush=True)
    if name.counter % 5 == 0:
        spool.ack(name.epoch, name.counter - 3, 0)
"""


def test_kill_9_at_any_moment_loses_no_appended_batch(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    told = 0
    for kill_after in (1, 7, 2, 23, 11):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
        )
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(kill_after)]
        os.kill(writer.pid, signal.SIGKILL)
        lines += writer.stdout.readlines()
        writer.wait()
        counters = [int(line) for line in lines if line.endswith("\n")]
        assert counters[0] > told, "a counter was given out twice"
        told = counters[-1]
        spool = Spool(path, "edge", 64, 24.0)
        stored = [decode_batch(found.body) for found in spool.read_after(0, 10_000)]
        spool.close()
        assert [batch.id.counter for batch in stored] == list(range(1, len(stored) + 1))
        assert len(stored) in (told, told + 1), "the last append may be stored without having been told"
        told = len(stored)
