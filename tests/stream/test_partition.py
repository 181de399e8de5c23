"""The graph in partitions decides what the whole graph decides, restarted anywhere, whatever arrives twice."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import pytest

from stream.batch_codec import decode_batch, encode_batch
from stream.chunk import Chunk, Standing
from stream.graph import Graph
from stream.kafka_messages import encode_input
from stream.log import BatchTaken, Entry, Redelivery, ReportsTaken, SourceLeftOut, apply
from stream.model import EMPTY, Colour, EdgeBatch
from stream.operators.presence import ZoneReport
from stream.partition import PlacePartition, slices_of
from stream.partition_tags import TagPartition, reports_for
from stream.places import FailureKind, Outputs
from stream.routing import Router, places_of
from stream.sequencer import Position
from stream.snapshots import encode_state
from stream.topology import operators_of
from tests.stream.test_graph import EXPECTED, LOG, essence, graph
from tests.stream.test_graph import run as run_whole
from tests.stream.traffic import START_US, site
from warehouse.loads import Expectation, ExpectedDocument, LocationEvent, LocationUpdate
from warehouse.site import SignalSettings, Site

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
        total.out.signals += chunk.out.signals
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
            partition.take_reports(reports_for(report, number, PARTITIONS, OPERATORS.shards))


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
    whole, outputs = graph(), Outputs()
    whole.expect(EXPECTED_AT_DOCK1, outputs)
    decided = run_whole(LOG, whole)
    messages = [("dock1", encode_input(EXPECTED_AT_DOCK1)), *MESSAGES]
    total = run(messages, chunk_of, snapshot_every, restart_every)
    passages, locations = essence(decided)
    ours = [replace(each, evidence=None) for each in total.out.passages]
    assert sorted(ours, key=repr) == sorted(passages, key=repr)
    assert by_time(total.out.locations) == locations
    signals = outputs.signals + decided.signals
    assert sorted(total.out.signals, key=repr) == sorted(signals, key=repr)
    assert {Colour.OFF, Colour.RED} <= {signal.colour for signal in signals}
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


def test_a_door_set_up_otherwise_goes_on_with_the_load_in_it_and_is_in_the_next_snapshot() -> None:
    changed = replace(SITE, portals=tuple(replace(p, signal=SignalSettings(valid_s=9.0)) for p in SITE.portals))
    table, passages, valid_us = Table(), [], ({0}, {0})
    partition = PlacePartition(SITE, OPERATORS, *table.standing())
    half = len(MESSAGES) // 2
    for portal in SITE.portals:
        partition.take(portal.name, encode_input(replace(EXPECTED_AT_DOCK1, portal=portal.name)), "test")
    for n, (key, value) in enumerate(MESSAGES):
        if n == half:
            partition.follow(changed, operators_of(changed))
        partition.take(key, value, "test")
        chunk, _ = partition.cut()
        assert (chunk.snapshot is not None) == (n == half)
        table.commit(chunk)
        if n == half:  # the worker dies, and another begins with the file as it is now
            partition = PlacePartition(changed, operators_of(changed), *table.standing())
        passages += chunk.out.passages
        valid_us[n >= half].update(signal.valid_until_us - signal.at_us for signal in chunk.out.signals)
    assert sorted((replace(p, evidence=None) for p in passages), key=repr) == sorted(essence(EXPECTED)[0], key=repr)
    assert valid_us == ({0, int(SignalSettings().valid_s * 1e6)}, {0, 9_000_000})


def site_without(zone: str) -> Site:
    """The site without that zone and its antennas."""
    readers = tuple(
        replace(reader, antennas=tuple(a for a in reader.antennas if a.place != zone)) for reader in SITE.readers
    )
    return replace(SITE, readers=readers, zones=tuple(each for each in SITE.zones if each.name != zone))


@pytest.mark.parametrize("snapshot", [True, False], ids=["from a snapshot", "from the log"])
def test_a_place_the_site_file_has_dropped_stops_neither_a_start_nor_the_tags(snapshot: bool) -> None:
    """Its reads are in no place any more; the zones that are left decide on."""
    without = site_without("rack")
    places, tags, half = Table(), Table(), len(MESSAGES) // 2

    def go_on(plant: Site, messages: Sequence[tuple[str, bytes]]) -> list[LocationUpdate]:
        operators = operators_of(plant)
        place = PlacePartition(plant, operators, *places.standing())
        tag = TagPartition(plant, operators, *tags.standing())
        for key, value in messages:
            place.take(key, value, "test")
        chunk, reports = place.cut(snapshot)
        places.commit(chunk)
        for report in reports:
            tag.take_reports(report)
        told = tag.cut(snapshot)
        tags.commit(told)
        return told.out.locations

    go_on(SITE, MESSAGES[:half])
    later = go_on(without, [(key, value) for key, value in MESSAGES[half:] if key != "rack"])
    assert any(update.at_us > START_US + 20_000_000 for update in later)


@pytest.mark.parametrize("dies", [False, True], ids=["going on", "with a new worker after each change"])
def test_a_place_goes_and_comes_back_while_the_others_go_on(dies: bool) -> None:
    """Without the shelf its reads are dropped, and the tags wait for it no longer; back, it goes on being heard."""
    without = site_without("shelf")
    places, tags, total, sixth = Table(), Table(), Chunk(0), len(MESSAGES) // 6
    place, tag = (made(SITE, OPERATORS, *Table().standing()) for made in (PlacePartition, TagPartition))
    assert isinstance(place, PlacePartition)
    assert isinstance(tag, TagPartition)
    for plant, first, last in ((SITE, 0, 1), (without, 1, 2), (SITE, 2, 7)):
        operators = operators_of(plant)
        assert place.follow(plant, operators) == tag.follow(plant, operators) == (first > 0)
        for part in ([], MESSAGES[first * sixth : last * sixth]):
            for key, value in part:
                place.take(key, value, "test")
            chunk, reports = place.cut()
            places.commit(chunk)
            for report in reports:
                tag.take_reports(report)
            told = tag.cut()
            tags.commit(told)
            total.out.passages += chunk.out.passages
            total.out.locations += told.out.locations
            total.out.failures += chunk.out.failures
            total.gaps += chunk.gaps + told.gaps
            if dies:
                place, tag = (
                    PlacePartition(plant, operators, *places.standing()),
                    TagPartition(plant, operators, *tags.standing()),
                )
    passages, _ = essence(EXPECTED)
    ours = [replace(each, evidence=None) for each in total.out.passages]
    assert sorted(ours, key=repr) == sorted(passages, key=repr)
    seen = [(update.event, update.at_us) for update in total.out.locations if update.location == "shelf"]
    assert {event for event, at_us in seen if at_us < START_US + 7_000_000} == {LocationEvent.ARRIVED}
    assert LocationEvent.ARRIVED in {event for event, at_us in seen if at_us > START_US + 14_000_000}
    assert (total.out.failures, total.gaps) == ([], [])


def test_reports_that_never_came_are_a_gap_on_record() -> None:
    tags = TagPartition(SITE, OPERATORS, *Table().standing())
    tags.take_reports(ReportsTaken("shelf", 1_000_000, 5, 6, ()))
    assert [(gap.agent, gap.first, gap.last) for gap in tags.cut().gaps] == [("shelf", 1, 4)]


EXPECTED_AT_DOCK1 = Expectation("dock1", 5, (ExpectedDocument("ASN-1", items=(("item", 12),)),))


def slice_letter(number: int = 1) -> Redelivery:
    """A dead letter that holds a slice of dock1 with sightings."""
    body = next(v for k, v in MESSAGES if k == "dock1" and len(decode_batch(v).sightings))
    return Redelivery(UUID(int=number), FailureKind.PLACE_SLICE, "dock1", body, 0)


def test_an_expectation_enters_the_log_once_and_turns_the_light_after_a_restart() -> None:
    table = Table()
    partition = PlacePartition(SITE, OPERATORS, *table.standing())
    for _ in range(2):
        partition.take("dock1", encode_input(EXPECTED_AT_DOCK1), "places")
    table.commit(partition.cut()[0])
    assert table.entries == [EXPECTED_AT_DOCK1]
    partition = PlacePartition(SITE, OPERATORS, *table.standing())
    for key, value in MESSAGES:
        partition.take(key, value, "places")
    colours = {signal.colour for signal in partition.cut()[0].out.signals if signal.portal == "dock1"}
    assert Colour.GREEN in colours or Colour.RED in colours


def test_an_agent_left_out_stops_no_time_as_in_the_whole_graph() -> None:
    log: list[EdgeBatch | SourceLeftOut] = []
    for each in LOG:
        log.append(each)
        if each.id.counter <= 40:  # another agent at the same places, that falls silent
            log.append(replace(each, id=replace(each.id, agent="other"), sightings=EMPTY, events=()))
    log.insert(150, SourceLeftOut("other", 0))
    graph, expected = Graph(SITE, OPERATORS), Outputs()
    places, tags = (
        PlacePartition(SITE, OPERATORS, *Table().standing()),
        TagPartition(SITE, OPERATORS, *Table().standing()),
    )
    total = Chunk(0)
    for n, entry in enumerate(log):
        apply(entry if isinstance(entry, SourceLeftOut) else BatchTaken(entry), graph, expected)
        graph.settle(expected)
        if isinstance(entry, SourceLeftOut):
            messages = [(place, encode_input(entry)) for place in places_of(SITE)]
        else:
            messages = [(piece.place, encode_batch(piece.batch)) for piece in slices_of(Router(SITE), entry)]
        for key, value in messages:
            places.take(key, value, "places")
        if n % 7 == 0 or n == len(log) - 1:
            chunk, reports = places.cut()
            total.out.passages += chunk.out.passages
            total.out.locations += chunk.out.locations
            for report in reports:
                tags.take_reports(report)
            total.out.locations += tags.cut().out.locations
    assert by_time(total.out.locations) == by_time(expected.locations)
    assert len(total.out.passages) == len(expected.passages) > 0
    assert max(update.at_us for update in expected.locations) > LOG[80].watermark_us


def test_a_dead_letter_is_taken_once_though_it_comes_again() -> None:
    given: list[UUID] = []
    partition = PlacePartition(SITE, OPERATORS, *Table().standing(), lambda letter: letter not in given)
    for _ in range(2):
        partition.take("dock1", encode_input(slice_letter()), "places")
    chunk, _ = partition.cut()
    given += chunk.letters_replayed
    assert given == [UUID(int=1)]
    partition.take("dock1", encode_input(slice_letter()), "places")
    chunk, _ = partition.cut()
    assert (chunk.entries, chunk.letters_replayed) == ([], [])


def test_a_dead_letter_of_a_place_that_is_gone_is_open_again() -> None:
    partition = PlacePartition(SITE, OPERATORS, *Table().standing())
    partition.take("gone", encode_input(replace(slice_letter(), key="gone")), "places")
    (failure,) = partition.cut()[0].out.failures
    assert (failure.letter_id, failure.reason) == (UUID(int=1), "no place 'gone' in the site")


def test_a_report_given_again_decides_at_the_same_time_when_it_is_rebuilt_from_the_log() -> None:
    table = Table()
    tags = TagPartition(SITE, OPERATORS, *table.standing())
    report = ZoneReport("AA", "shelf", START_US + 1_000_000, -50.0, 5)
    letter = Redelivery(UUID(int=2), FailureKind.TAG_REPORT, "AA", encode_state(report), 0)
    for zone in ("shelf", "rack"):
        tags.take_reports(ReportsTaken(zone, START_US + 9_000_000, 1, 0, ()))
    tags.take(encode_input(letter), "reports")
    told = tags.cut()
    table.commit(told)
    again = TagPartition(SITE, OPERATORS, *table.standing())
    assert again.cut(snapshot=True).snapshot == tags.cut(snapshot=True).snapshot


def test_bytes_that_are_no_reports_become_a_dead_letter() -> None:
    tags = TagPartition(SITE, OPERATORS, *Table().standing())
    tags.take(b"garbage", "reports")
    (failure,) = tags.cut().out.failures
    assert (failure.kind, failure.body) == (FailureKind.BATCH_BYTES, b"garbage")


def test_an_impossible_batch_is_a_dead_letter_and_stops_no_clock() -> None:
    partition = PlacePartition(SITE, OPERATORS, *Table().standing())
    far = replace(LOG[0], watermark_us=2**62)
    partition.take("dock1", encode_batch(far), "places")
    chunk, _ = partition.cut()
    assert [failure.kind for failure in chunk.out.failures] == [FailureKind.BATCH_BYTES]
    assert [(p.agent, p.counter) for p in chunk.positions] == [(f"{far.id.agent}@dock1", far.id.counter)]
