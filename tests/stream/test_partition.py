"""The graph in partitions decides what the whole graph decides, restarted anywhere, whatever arrives twice."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from stream.batch_codec import encode_batch
from stream.chunk import Chunk, Standing
from stream.log import Entry, ReportsTaken
from stream.partition import PlacePartition, TagPartition, reports_for, slices_of
from stream.places import FailureKind
from stream.routing import Router
from stream.sequencer import Position
from stream.topology import operators_of
from tests.stream.test_graph import EXPECTED, LOG, essence
from tests.stream.traffic import site
from warehouse.loads import LocationUpdate

PARTITIONS = 2
SITE = site()
OPERATORS = operators_of(SITE)
MESSAGES = [(m.place, encode_batch(m.batch)) for batch in LOG for m in slices_of(Router(SITE), batch)]


@dataclass
class Table:
    """What a store would keep of one partition."""

    entries: list[Entry] = field(default_factory=list)
    snapshot_seq: int = 0
    states: dict[tuple[str, str], bytes] = field(default_factory=dict)
    positions: dict[tuple[str, str], Position] = field(default_factory=dict)

    def commit(self, chunk: Chunk) -> None:
        assert chunk.after_seq == len(self.entries)
        self.entries += chunk.entries
        self.positions.update({(p.agent, p.epoch): p for p in chunk.positions})
        if chunk.snapshot is not None:
            self.states.update(chunk.snapshot)
            self.snapshot_seq = chunk.seq

    def standing(self) -> tuple[Standing, list[Entry]]:
        positions = tuple(self.positions.values())
        standing = Standing(len(self.entries), self.snapshot_seq, self.states, positions)
        return standing, self.entries[self.snapshot_seq :]


def run(messages: Sequence[tuple[str, bytes]], chunk_of: int, snapshot_every: int, restart_every: int) -> Chunk:
    """Places and tags over their tables; everything that came out, in one chunk."""
    places, tags = Table(), [Table() for _ in range(PARTITIONS)]
    live_places = PlacePartition(SITE, OPERATORS, *places.standing())
    live_tags = [TagPartition(SITE, OPERATORS, *table.standing()) for table in tags]
    total = Chunk(0)
    for n, start in enumerate(range(0, len(messages), chunk_of), 1):
        for key, value in messages[start : start + chunk_of]:
            live_places.take(key, value, "test")
        chunk, reports = live_places.cut(n % snapshot_every == 0)
        if n % restart_every == 0:
            # The worker dies after sending its reports and before its commit: all is done again.
            deliver(reports, live_tags)
            live_places = PlacePartition(SITE, OPERATORS, *places.standing())
            live_tags = [TagPartition(SITE, OPERATORS, *table.standing()) for table in tags]
            deliver(reports, live_tags)
            for key, value in messages[start : start + chunk_of]:
                live_places.take(key, value, "test")
            chunk, reports = live_places.cut()
        deliver(reports, live_tags)
        places.commit(chunk)
        total.out.passages += chunk.out.passages
        total.out.locations += chunk.out.locations
        total.out.failures += chunk.out.failures
        for table, partition in zip(tags, live_tags, strict=True):
            told = partition.cut(n % snapshot_every == 0)
            table.commit(told)
            total.out.locations += told.out.locations
            total.gaps += told.gaps
    return total


def deliver(reports: Sequence[ReportsTaken], partitions: Sequence[TagPartition]) -> None:
    for report in reports:
        for number, partition in enumerate(partitions):
            partition.take(reports_for(report, number, PARTITIONS, OPERATORS.shards))


def by_time(locations: Sequence[LocationUpdate]) -> list[LocationUpdate]:
    return sorted(locations, key=lambda update: (update.at_us, update.epc))


@pytest.mark.parametrize(
    ("chunk_of", "snapshot_every", "restart_every"),
    [
        pytest.param(200, 10_000, 10_000, id="straight through"),
        pytest.param(37, 3, 2, id="small chunks, many snapshots and deaths"),
        pytest.param(200, 10_000, 2, id="no snapshot: rebuilt from the log"),
    ],
)
def test_partitions_decide_what_the_whole_graph_decides(chunk_of: int, snapshot_every: int, restart_every: int) -> None:
    total = run(MESSAGES, chunk_of, snapshot_every, restart_every)
    passages, locations = essence(EXPECTED)
    ours = [replace(each, evidence=None) for each in total.out.passages]
    assert sorted(ours, key=repr) == sorted(passages, key=repr)
    assert by_time(total.out.locations) == locations
    assert total.gaps == []


def test_messages_sent_again_at_new_offsets_change_nothing() -> None:
    doubled = [m for n in range(0, len(MESSAGES), 40) for m in MESSAGES[max(0, n - 12) : n + 40]]
    total = run(doubled, 100, 10_000, 10_000)
    assert by_time(total.out.locations) == essence(EXPECTED)[1]
    assert len(total.out.passages) == len(EXPECTED.passages)


def test_unreadable_messages_and_unknown_places_become_dead_letters() -> None:
    partition = PlacePartition(SITE, OPERATORS, *Table().standing())
    partition.take("dock1", b"garbage", "places/0/1")
    partition.take("nowhere", MESSAGES[0][1], "places/0/2")
    partition.take(*MESSAGES[0], "places/0/3")
    chunk, _ = partition.cut()
    assert [(each.kind, each.source) for each in chunk.out.failures] == [
        (FailureKind.BATCH_BYTES, "places/0/1"),
        (FailureKind.BATCH_BYTES, "places/0/2"),
    ]
    assert len(chunk.entries) == 1


def test_reports_that_never_came_are_a_gap_on_record() -> None:
    tags = TagPartition(SITE, OPERATORS, *Table().standing())
    tags.take(ReportsTaken("shelf", 1_000_000, 5, 6, ()))
    assert [(gap.agent, gap.first, gap.last) for gap in tags.cut().gaps] == [("shelf", 1, 4)]
