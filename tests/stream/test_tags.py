"""Reports of several zones in the order of time, whoever is heard first."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from stream import tags as stage
from stream.operators.presence import ZoneReport, presence_key
from stream.places import FailureKind, Outputs
from stream.supervised import Keyed
from stream.tags import CLOCK, Tags
from stream.topology import operators_of
from tests.stream.traffic import START_US, epc, site
from warehouse.loads import LocationUpdate

S = 1_000_000
ZONES = ("shelf", "rack")
PRESENCE = operators_of(site()).presence
SHARDS = 4


def report(second: int, zone: str, tag: int, dbm: float = -55.0) -> ZoneReport:
    return ZoneReport(epc(tag), zone, START_US + second * S, dbm, 4)


SECONDS = 90


def history(seconds: int = SECONDS) -> dict[str, list[list[ZoneReport]]]:
    """Per zone and second: three tags move from the shelf to the rack after 15 s, the fourth stays."""
    shelf = [[report(s, "shelf", tag) for tag in (1, 2, 3, 4) if s < 20 or tag == 4] for s in range(seconds)]
    rack = [[report(s, "rack", tag, -48.0) for tag in (1, 2, 3) if s >= 15] for s in range(seconds)]
    return {"shelf": shelf, "rack": rack}


def run(order: Sequence[tuple[str, int, int]], tags: Tags | None = None) -> list[LocationUpdate]:
    """Advance zones by stretches of seconds [from, to), deciding after each."""
    tags = tags or Tags(ZONES, PRESENCE, SHARDS)
    out, told = Outputs(), history()
    for zone, start, end in order:
        tags.advance(zone, START_US + (end - 1) * S, [each for second in told[zone][start:end] for each in second])
        tags.run(out)
    return sorted(out.locations, key=lambda update: (update.at_us, update.epc))


IN_STEP = [(zone, second, second + 1) for second in range(SECONDS) for zone in ZONES]


def test_tags_arrive_move_and_the_order_of_zones_decides_nothing() -> None:
    expected = run(IN_STEP)
    assert [(update.event, update.location) for update in expected if update.epc == epc(1)][:2] == [
        ("arrived", "shelf"),
        ("moved", "rack"),
    ]
    assert {update.location for update in expected if update.epc == epc(4)} == {"shelf"}
    assert run([(zone, 0, SECONDS) for zone in ZONES]) == expected
    assert run([("rack", 0, SECONDS), *[("shelf", a, b) for a, b in pairwise(range(0, SECONDS + 1, 5))]]) == expected


def test_nothing_is_decided_before_the_slowest_zone() -> None:
    assert run([("shelf", 0, SECONDS)]) == []


def test_a_zone_left_out_is_not_waited_for_and_may_come_back() -> None:
    tags = Tags(ZONES, PRESENCE, SHARDS)
    tags.leave_out("rack")
    first = run([("shelf", 0, 10)], tags)
    assert {update.event for update in first} == {"arrived"}
    assert run([("rack", 0, 10), ("shelf", 10, 20)], tags) == []
    assert run([("rack", 10, SECONDS), ("shelf", 20, SECONDS)], tags)


@pytest.mark.parametrize("cut", [10, 33, 61])
def test_a_snapshot_goes_on_where_it_was_taken(cut: int) -> None:
    before = Tags(ZONES, PRESENCE, SHARDS)
    said = run(IN_STEP[:cut], before)
    said += run(IN_STEP[cut:], Tags(ZONES, PRESENCE, SHARDS, before.snapshot()))
    assert said == run(IN_STEP)


def test_a_snapshot_holds_only_the_shards_that_changed() -> None:
    tags = Tags(ZONES, PRESENCE, SHARDS)
    run(IN_STEP[:8], tags)
    assert set(tags.snapshot()) == {CLOCK, *(presence_key(epc(tag), SHARDS) for tag in (1, 2, 3, 4))}
    assert set(tags.snapshot()) == {CLOCK}


def test_a_report_that_breaks_the_operator_takes_no_other_with_it() -> None:
    class Brittle:
        def __init__(self, inner: object) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> object:
            return getattr(self._inner, name)

        def on_batch(self, now_us: int, items: Sequence[ZoneReport]) -> Sequence[LocationUpdate]:
            if any(item.epc == epc(2) for item in items):
                raise KeyError("no such tag")
            return self._inner.on_batch(now_us, items)  # type: ignore[attr-defined, no-any-return]

    kind: Keyed[ZoneReport, LocationUpdate] = Keyed(
        lambda key, state: Brittle(PRESENCE.build(key, state)),  # type: ignore[arg-type, return-value]
        PRESENCE.state,
    )
    tags = Tags(ZONES, kind, 1)
    out, told = Outputs(), history()
    for second in range(10):
        for zone in ZONES:
            tags.advance(zone, START_US + second * S, told[zone][second])
        tags.run(out)
    assert {update.epc for update in out.locations} == {epc(1), epc(3), epc(4)}
    assert {letter.key for letter in out.failures} == {epc(2)}
    assert {letter.kind for letter in out.failures} == {FailureKind.TAG_REPORT}
    assert len({letter.letter_id for letter in out.failures}) == len(out.failures) == 10


def test_at_the_bound_the_slowest_zone_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "PENDING_MAX", 10)
    tags = Tags(ZONES, PRESENCE, SHARDS)
    out, told = Outputs(), history()
    for second in range(10):
        tags.advance("shelf", START_US + second * S, told["shelf"][second])
        tags.run(out)
    assert ("*", "rack") in out.left_out
    assert out.locations
