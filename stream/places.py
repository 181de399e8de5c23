"""The operators of one place behind its clock: what a Kafka message or a routed slice is given to.

A portal has passages and its light; a zone has its observer; a place with scales ties their weights to loads. A place
takes one edge batch of one agent at a time, cut to the place (a heartbeat when empty), lets its `Watermark` decide what
is due, and feeds the operators in that order.

What an operator could not take is returned as a `Failure` with the exact input, the rest goes on.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

import msgspec

from stream.batch_codec import encode_batch
from stream.model import BatchId, DeviceEventKind, EdgeBatch, Passage, Signal
from stream.operators.presence import ZoneReport
from stream.operators.slices import PlaceSlice
from stream.snapshots import decode_state, encode_state
from stream.supervised import Keyed, OperatorFailed, Supervised
from stream.watermark import Watermark, WatermarkState
from warehouse.loads import Expectation, LocationUpdate, Weighing

_NAMESPACE = UUID("5f0b5bd2-8c1e-5a52-a3f0-64c8f3c7f2d1")


class FailureKind(StrEnum):
    """What a dead letter holds: the wire form of its body."""

    BATCH_BYTES = "batch_bytes"
    PUSHED_READS = "pushed_reads"
    PLACE_SLICE = "place_slice"
    TAG_REPORT = "tag_report"
    OPERATOR_STATE = "operator_state"
    POSTING = "posting"
    LOCATION = "location"
    WEIGHING = "weighing"


FOR_STREAM = frozenset(FailureKind) - {FailureKind.PUSHED_READS}
"""Letters that the stream takes when they are given again; the others are for an edge, or for who answers requests."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One input that could not be processed, as it came. The same input fails under the same `letter_id`."""

    letter_id: UUID
    kind: FailureKind
    source: str
    key: str
    reason: str
    body: bytes


def failure(kind: FailureKind, source: str, key: str, reason: str, body: bytes) -> Failure:
    """A failure, named by its source and key and, where these do not tell inputs apart, by its bytes."""
    name = f"{kind}/{source}/{key}"
    if kind in (FailureKind.BATCH_BYTES, FailureKind.OPERATOR_STATE, FailureKind.PUSHED_READS):
        name += "/" + body.hex()
    return Failure(uuid5(_NAMESPACE, name), kind, source, key, reason, body)


@dataclass(slots=True)
class Outputs:
    """What one or more inputs led to. `reports` are for the tags; hosts hand them on."""

    passages: list[Passage] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)
    locations: list[LocationUpdate] = field(default_factory=list)
    reports: list[ZoneReport] = field(default_factory=list)
    weighings: list[Weighing] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PlaceState:
    """A place as stored: its clock, and each operator's state as bytes of its own."""

    clock: WatermarkState[PlaceSlice]
    operators: dict[str, bytes]
    reported: int = 0


class Place:
    """One portal or zone. `locate` says where a final passage took its tags.

    `reported` counts the reports a zone has made, which numbers them.
    """

    def __init__(
        self,
        name: str,
        operators: dict[str, Keyed[Any, Any]],
        state: bytes | None = None,
        locate: Callable[[Passage], Iterable[LocationUpdate]] = lambda _: (),
    ) -> None:
        self._locate = locate
        stored = None if state is None else decode_state(state, PlaceState)
        self.name = name
        self.clock: Watermark[PlaceSlice] = Watermark(stored.clock if stored else None)
        self._operators = {
            role: Supervised(kind, name, stored.operators.get(role) if stored else None)
            for role, kind in operators.items()
        }
        self.reported = stored.reported if stored else 0
        self._main = next(role for role in self._operators if role != SIGNAL)

    def take(self, agent: str, watermark_us: int, piece: PlaceSlice | None, out: Outputs) -> None:
        """One batch of one agent; None when it holds nothing of this place."""
        self._run(self.clock.advance(agent, watermark_us, piece), out)
        while (laggard := self.clock.laggard()) is not None:
            out.left_out.append((self.name, laggard))
            self._run(self.clock.leave_out(laggard), out)

    def leave_out(self, agent: str, out: Outputs) -> None:
        """Go on without a silent agent."""
        self._run(self.clock.leave_out(agent), out)

    @property
    def is_busy(self) -> bool:
        """Whether its main operator waits for time: a load is in the door, or has just left it."""
        return self._operators[self._main].due_us is not None

    def pass_time(self, to_us: int, out: Outputs) -> None:
        """Nothing more will come: time goes on without anybody."""
        self._run(self.clock.pass_time(to_us), out)

    def redeliver(self, piece: PlaceSlice, out: Outputs) -> None:
        """A dead letter again: it is taken at once, as late as it is."""
        self._run([(self.clock.now_us, piece)], out)

    def expect(self, expectation: Expectation, out: Outputs) -> None:
        """What open documents now expect at this portal."""
        if SIGNAL in self._operators:
            self._feed(SIGNAL, self.clock.now_us, [expectation], None, out)

    def snapshot(self) -> bytes:
        """Everything needed to go on from here."""
        states = {role: operator.snapshot() for role, operator in self._operators.items()}
        return encode_state(PlaceState(self.clock.snapshot(), states, self.reported))

    def _run(self, due: Sequence[tuple[int, PlaceSlice]], out: Outputs) -> None:
        for now_us, piece in due:
            self._feed(self._main, now_us, [piece], piece, out)
            if WEIGHING in self._operators and any(event.kind is DeviceEventKind.WEIGHT for event in piece.events):
                self._feed(WEIGHING, now_us, [piece], None, out)
        now_us = self.clock.now_us
        for role, operator in self._operators.items():
            if operator.due_us is not None and operator.due_us <= now_us:
                self._feed(role, now_us, (), None, out)

    def _feed(self, role: str, now_us: int, items: Sequence[Any], piece: PlaceSlice | None, out: Outputs) -> None:
        operator = self._operators[role]
        try:
            said = operator.feed(now_us, items) if items else operator.wake(now_us)
        except OperatorFailed as error:
            out.failures.append(self._failure(role, now_us, items, piece, error))
            return
        if role == PASSAGES:
            out.passages += said
            for passage in said:
                if passage.final:
                    out.locations += self._locate(passage)
            for follower in (SIGNAL, WEIGHING):
                if said and follower in self._operators:
                    self._feed(follower, now_us, said, None, out)
        elif role == SIGNAL:
            out.signals += said
        elif role == WEIGHING:
            out.weighings += said
        else:
            self.reported += len(said)
            out.reports += said

    def _failure(
        self, role: str, now_us: int, items: Sequence[Any], piece: PlaceSlice | None, error: OperatorFailed
    ) -> Failure:
        if piece is not None:
            origin = piece.origin
            source = f"{origin.agent}/{origin.epoch}/{origin.counter}"
            body = encode_slice(piece, now_us)
            return failure(FailureKind.PLACE_SLICE, source, self.name, f"{role}: {error}", body)
        state = error.reset if error.reset is not None else msgspec.msgpack.encode([repr(item) for item in items])
        return failure(FailureKind.OPERATOR_STATE, f"{role} at {now_us}", self.name, str(error), state)


PASSAGES = "passages"
SIGNAL = "signal"
ZONE = "zone"
WEIGHING = "weighing"


def encode_slice(piece: PlaceSlice, watermark_us: int) -> bytes:
    """A slice on the wire: an edge batch cut to one place."""
    return encode_batch(EdgeBatch(piece.origin, watermark_us, 0, piece.sightings, piece.events))


def slice_of(batch: EdgeBatch) -> PlaceSlice | None:
    """The slice in a batch that is cut to one place; None for a heartbeat."""
    if not len(batch.sightings) and not batch.events:
        return None
    return PlaceSlice(batch.id, batch.sightings, batch.events)


def source_of(batch: BatchId) -> str:
    """A batch's name as one word."""
    return f"{batch.agent}/{batch.epoch}/{batch.counter}"
