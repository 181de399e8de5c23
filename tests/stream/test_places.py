"""One place: its clock, its operators, and what happens when one of them fails."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from stream.batch_codec import decode_batch
from stream.graph import place_of
from stream.model import Passage
from stream.operators.presence import ZoneReport
from stream.operators.slices import PlaceSlice
from stream.places import FailureKind, Outputs, Place, encode_slice, slice_of
from stream.routing import Router
from stream.supervised import Keyed
from stream.topology import Operators, operators_of
from tests.stream.traffic import AGENT, EPOCH, batch, heartbeats, site, traffic

LOG = traffic(20)
LOG += heartbeats(LOG[-1], 5)
POISON = 30


def slices(place: str) -> list[tuple[int, PlaceSlice | None]]:
    router = Router(site())
    return [(each.watermark_us, router.route(each).slices[place]) for each in LOG]


def run(place: Place) -> Outputs:
    out = Outputs()
    for watermark_us, piece in slices(place.name):
        place.take(AGENT, watermark_us, piece, out)
    return out


@dataclass(slots=True)
class Brittle:
    """A real operator that cannot take one batch of the log: half of its work is done when it raises."""

    inner: Any

    def on_batch(self, now_us: int, items: Sequence[Any]) -> Sequence[Any]:
        said = self.inner.on_batch(now_us, items)
        if any(isinstance(item, PlaceSlice) and item.origin.counter == POISON for item in items):
            raise ZeroDivisionError("not this one")
        return said  # type: ignore[no-any-return]

    def on_wakeup(self, now_us: int) -> Sequence[Any]:
        return self.inner.on_wakeup(now_us)  # type: ignore[no-any-return]

    def next_wakeup(self) -> int | None:
        return self.inner.next_wakeup()  # type: ignore[no-any-return]

    def snapshot(self) -> Any:
        return self.inner.snapshot()


def brittle(operators: Operators) -> Operators:
    """Passages and zones fail on the poison batch."""

    def wrapped(kind: Keyed[Any, Any]) -> Keyed[Any, Any]:
        return Keyed(lambda key, state: Brittle(kind.build(key, state)), kind.state)

    return replace(operators, passages=wrapped(operators.passages), zones=wrapped(operators.zones))


def comparable(passages: Sequence[Passage]) -> list[Passage]:
    return [replace(passage, evidence=None) for passage in passages]


def test_a_poison_slice_becomes_a_dead_letter_and_the_place_goes_on_as_without_it() -> None:
    plant = site()
    out = run(place_of("dock1", plant, Router(plant), brittle(operators_of(plant))))
    (letter,) = out.failures
    assert letter.kind is FailureKind.PLACE_SLICE
    assert (letter.key, letter.source) == ("dock1", f"{AGENT}/{EPOCH}/{POISON}")
    assert letter.reason == "passages: ZeroDivisionError: not this one"

    without = Outputs()
    place = place_of("dock1", plant, Router(plant), operators_of(plant))
    for watermark_us, piece in slices("dock1"):
        keep = piece if piece is None or piece.origin.counter != POISON else None
        place.take(AGENT, watermark_us, keep, without)
    assert comparable(out.passages) == comparable(without.passages)


def test_the_letter_holds_the_exact_slice() -> None:
    plant = site()
    (letter,) = run(place_of("dock1", plant, Router(plant), brittle(operators_of(plant)))).failures
    watermark_us, sent = slices("dock1")[POISON - 1]
    assert sent is not None
    assert letter.body == encode_slice(sent, watermark_us)
    kept = slice_of(decode_batch(letter.body))
    assert kept is not None
    assert (kept.origin, kept.events, kept.sightings.tags) == (sent.origin, sent.events, sent.sightings.tags)


def test_the_same_poison_has_the_same_letter() -> None:
    plant = site()
    letters = [run(place_of("dock1", plant, Router(plant), brittle(operators_of(plant)))).failures for _ in range(2)]
    assert letters[0] == letters[1]


def test_a_poison_slice_given_again_to_a_mended_operator_is_late_data() -> None:
    plant = site()
    broken = place_of("shelf", plant, Router(plant), brittle(operators_of(plant)))
    out = run(broken)
    (letter,) = out.failures
    mended = place_of("shelf", plant, Router(plant), operators_of(plant), broken.snapshot())
    piece = slice_of(decode_batch(letter.body))
    assert piece is not None
    again = Outputs()
    mended.redeliver(piece, again)
    assert again.failures == []


def test_a_heartbeat_is_no_slice() -> None:
    assert slice_of(batch(1)) is None


def test_a_zone_numbers_its_reports_across_a_snapshot() -> None:
    plant = site()
    whole = place_of("shelf", plant, Router(plant), operators_of(plant))
    out = run(whole)
    assert whole.reported == len(out.reports) > 0
    assert all(isinstance(report, ZoneReport) and report.zone == "shelf" for report in out.reports)
    assert place_of("shelf", plant, Router(plant), operators_of(plant), whole.snapshot()).reported == whole.reported
