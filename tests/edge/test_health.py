"""What events and reads say of a reader's health, and when an edge is ready."""

from dataclasses import replace

import pytest

from edge.health import Alarm, EdgeHealth, ReaderHealth
from edge.spool_values import SpoolDepth
from readers.model import ReaderEvent, ReaderEventKind

from .reads import Read, batch_of

HEALTHY = EdgeHealth(
    agent="edge",
    at_us=1,
    readers=(),
    spool=SpoolDepth(0, 0, 0, 1, None, 0),
    uplink_connected=True,
    lag_us=0,
    watermark_us=0,
    batches=0,
    sightings=0,
    refused_batches=0,
    refused_sightings=0,
    refused_signals=0,
    capture="",
    alarms=frozenset(),
)


def test_connection_and_antennas_follow_events() -> None:
    health = ReaderHealth("dock-1")
    health.note(ReaderEvent("dock-1", ReaderEventKind.CONNECTED, 5))
    health.note(ReaderEvent("dock-1", ReaderEventKind.ANTENNA_LOST, 6, port=2, state=False))
    assert (health.is_connected, health.changed_us, health.antennas_lost) == (True, 5, {2})
    health.note(ReaderEvent("dock-1", ReaderEventKind.ANTENNA_CONNECTED, 7, port=2, state=True))
    health.note(ReaderEvent("dock-1", ReaderEventKind.DISCONNECTED, 8, detail="gone"))
    assert (health.is_connected, health.changed_us, health.antennas_lost) == (False, 8, set())
    assert health.last_detail == "gone"
    assert health.events == {"connected": 1, "antenna_lost": 1, "antenna_connected": 1, "disconnected": 1}


def test_reads_are_counted_by_antenna() -> None:
    health = ReaderHealth("dock-1")
    health.took(batch_of("dock-1", [Read("AA", antenna=1, first_us=5), Read("BB", antenna=3, first_us=9)]))
    health.took(batch_of("dock-1", [Read("AA", antenna=3, first_us=7)]))
    assert (health.reads, health.last_read_us) == (3, 7)
    assert {port: (seen.reads, seen.last_read_us) for port, seen in health.antennas.items()} == {1: (1, 5), 3: (2, 7)}


@pytest.mark.parametrize("alarm", list(Alarm))
def test_an_edge_is_ready_while_it_keeps_what_comes(alarm: Alarm) -> None:
    loses = alarm in (Alarm.SPOOL_FULL, Alarm.SPOOL_DISK)
    assert replace(HEALTHY, alarms=frozenset({alarm})).is_ready is not loses
