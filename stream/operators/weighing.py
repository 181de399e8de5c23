"""What stands on a scale, keyed by place: weights and Passages in, Weighings out.

A scale in a portal (behind the door, or in its floor) weighs the load that came through last: of the final passages
that closed at most `tie_within_s` before the load came to stand, the latest that was not weighed there before, and
without one the load that is in the door. A load that is moved on the platform and weighed again (it has been on since
the same moment) keeps its passage. A scale in a zone weighs what antennas see there; the warehouse knows that
(`warehouse.postgres.loads.weighings`).

Nothing is said before `SETTLE_S` of reader time have passed, so that passages that closed meanwhile, and where tags
were then, are decided: the answer depends on the reads alone. While a load is still in the door it waits for the close,
`tie_within_s` at most.

A weight's detail is JSON (`edge.scales`); one that is not is taken by its value, as on since it was told. Bounds:
`PASSAGES_MAX` passages and `PENDING_MAX` weights are remembered; the oldest goes, untied, when there are more.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID, uuid5

from stream.model import DeviceEvent, DeviceEventKind, Passage, TagVerdict
from stream.operators.slices import PlaceSlice
from warehouse.loads import Weighing
from warehouse.site import Scale

SETTLE_S = 3.0
PASSAGES_MAX = 32
PENDING_MAX = 64
_NAMESPACE = UUID("c1a7b1de-7b3e-5a33-9f0a-55d3e6a0b7a4")


@dataclass(frozen=True, slots=True)
class SeenPassage:
    """A final passage: when it was, and the tags that belong to it."""

    passage_id: UUID
    opened_us: int
    closed_us: int
    epcs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PendingWeight:
    """A weight that waits for what it is tied to."""

    weighing_id: UUID
    scale: str
    at_us: int
    on_since_us: int
    weight_kg: Decimal


@dataclass(frozen=True, slots=True)
class WeighingState:
    """Passages in the order they closed, weights in the order they came, and what each scale weighed last."""

    passages: tuple[SeenPassage, ...] = ()
    pending: tuple[PendingWeight, ...] = ()
    open_since_us: int | None = None
    weighed: tuple[tuple[str, UUID], ...] = ()
    last: tuple[tuple[str, int, UUID | None], ...] = ()


class WeighingOperator:
    """The scales of one place. See `stream.operators.contract` for the call order."""

    def __init__(
        self,
        place: str,
        location: str,
        is_portal: bool,
        scales: Mapping[str, Scale],
        state: WeighingState | None = None,
    ) -> None:
        self._place = place
        self._location = location
        self._is_portal = is_portal
        self._scales = scales
        state = state or WeighingState()
        self._passages = list(state.passages)
        self._pending = list(state.pending)
        self._open_since_us = state.open_since_us
        self._weighed = list(state.weighed)
        self._last = {scale: (since_us, passage_id) for scale, since_us, passage_id in state.last}

    def on_batch(self, now_us: int, items: Sequence[PlaceSlice | Passage]) -> Sequence[Weighing]:
        """Take weights, and what went through the door."""
        out: list[Weighing] = []
        for item in items:
            if isinstance(item, Passage):
                self._see(item)
                continue
            for ordinal, event in enumerate(item.events):
                if event.kind is DeviceEventKind.WEIGHT and event.device in self._scales and event.value is not None:
                    origin = item.origin
                    name = f"{event.device}/{origin.agent}/{origin.epoch}/{origin.counter}/{ordinal}"
                    self._pending.append(_pending(uuid5(_NAMESPACE, name), event))
        while len(self._pending) > PENDING_MAX:
            out.append(self._weighing(self._pending.pop(0), None))
        return [*out, *self.on_wakeup(now_us)]

    def on_wakeup(self, now_us: int) -> Sequence[Weighing]:
        """Tie what has waited long enough."""
        out: list[Weighing] = []
        for weight in [weight for weight in self._pending if self._due_us(weight) <= now_us]:
            self._pending.remove(weight)
            out.append(self._tied(weight))
        return out

    def next_wakeup(self) -> int | None:
        """When the first weight has waited long enough."""
        return min((self._due_us(weight) for weight in self._pending), default=None)

    def snapshot(self) -> WeighingState:
        """What the next call needs."""
        return WeighingState(
            tuple(self._passages),
            tuple(self._pending),
            self._open_since_us,
            tuple(self._weighed),
            tuple((scale, *last) for scale, last in self._last.items()),
        )

    def _see(self, passage: Passage) -> None:
        if not passage.final:
            self._open_since_us = passage.opened_us
            return
        if self._open_since_us == passage.opened_us:
            self._open_since_us = None
        epcs = tuple(tag.epc for tag in passage.tags if tag.verdict is TagVerdict.BELONGS)
        seen = SeenPassage(passage.passage_id, passage.opened_us, passage.closed_us, epcs)
        for index, known in enumerate(self._passages):
            if known.passage_id == passage.passage_id:
                self._passages[index] = replace(known, epcs=epcs)
                return
        if epcs:
            self._passages = [*self._passages, seen][-PASSAGES_MAX:]

    def _due_us(self, weight: PendingWeight) -> int:
        waits = self._open_since_us is not None and self._open_since_us <= weight.at_us
        wait_s = max(SETTLE_S, self._scales[weight.scale].tie_within_s) if waits else SETTLE_S
        return weight.at_us + int(wait_s * 1e6)

    def _tied(self, weight: PendingWeight) -> Weighing:
        if not self._is_portal:
            return self._weighing(weight, None)
        since_us, before = self._last.get(weight.scale, (None, None))
        passage_id = before if since_us == weight.on_since_us else self._latest(weight)
        self._last[weight.scale] = (weight.on_since_us, passage_id)
        if passage_id is not None and (weight.scale, passage_id) not in self._weighed:
            self._weighed = [*self._weighed, (weight.scale, passage_id)][-PASSAGES_MAX:]
        return self._weighing(weight, passage_id)

    def _latest(self, weight: PendingWeight) -> UUID | None:
        earliest_us = weight.on_since_us - int(self._scales[weight.scale].tie_within_s * 1e6)
        found = [
            passage
            for passage in self._passages
            if passage.opened_us <= weight.at_us
            and passage.closed_us >= earliest_us
            and (weight.scale, passage.passage_id) not in self._weighed
        ]
        # One that has come through rather than one in the door: that stands on a scale only if it is in the floor.
        order = sorted(found, key=lambda passage: (passage.closed_us <= weight.at_us, passage.closed_us))
        return order[-1].passage_id if order else None

    def _weighing(self, weight: PendingWeight, passage_id: UUID | None) -> Weighing:
        scale = self._scales[weight.scale]
        epcs = next((seen.epcs for seen in self._passages if seen.passage_id == passage_id), ())
        return Weighing(
            weighing_id=weight.weighing_id,
            scale=weight.scale,
            place=self._place,
            location="" if self._is_portal else self._location,
            at_us=weight.at_us,
            on_since_us=weight.on_since_us,
            weight_kg=weight.weight_kg,
            tolerance_kg=scale.tolerance_kg,
            tolerance_percent=scale.tolerance_percent,
            passage_id=passage_id,
            epcs=epcs,
        )


def _pending(weighing_id: UUID, event: DeviceEvent) -> PendingWeight:
    weight_kg, since_us = Decimal(repr(event.value)), event.at_us
    try:
        told = json.loads(event.detail)
        exact, on_since_us = Decimal(told["kg"]), int(told["on_since_us"])
    except (ValueError, TypeError, KeyError, ArithmeticError):
        pass
    else:
        if exact.is_finite():
            weight_kg, since_us = exact, min(on_since_us, event.at_us)
    return PendingWeight(weighing_id, event.device, event.at_us, since_us, weight_kg)
