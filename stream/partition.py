"""The graph cut into partitions, for hosts that spread it over workers: here the places, in `partition_tags` the tags.

A `PlacePartition` takes edge batches cut to one place and whatever else a place is told, in the order of the topic; it
is to a Kafka partition what `Pipeline` is to the embedded host: values in, `Chunk` out, rebuilt from the last snapshot
and the partition's own log. Nothing derives from broker offsets: a slice is known by its batch, so what arrives again
at a new offset is dropped; so is an expectation that is known, and a dead letter that is not wanted any more.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from uuid import UUID

import msgspec

from stream.batch_codec import BatchFormatError, decode_batch
from stream.chunk import Chunk, Standing
from stream.graph import GONE_US, PLACE, place_of, said_of
from stream.kafka_messages import decode_place_input, is_batch
from stream.log import Entry, Redelivery, ReportsTaken, SliceTaken, SourceLeftOut
from stream.model import EMPTY, EdgeBatch
from stream.operators.presence import ZoneReport
from stream.operators.slices import PlaceSlice
from stream.places import Failure, FailureKind, Outputs, Place, failure, slice_of
from stream.plausibility import why_impossible
from stream.routing import Router, watched_zones
from stream.sequencer import GapFound, Position
from stream.topology import Operators
from warehouse.loads import Expectation, Load, LocationUpdate, Weighing
from warehouse.site import Site


def slices_of(router: Router, batch: EdgeBatch) -> list[SliceTaken]:
    """One message for every place whose time the batch moves; an empty batch where it holds nothing else.

    The agent's recorder gets all events of the batch: those of devices at no place are for the record only.
    """
    recorder = router.recorder(batch.id.agent)
    return [
        SliceTaken(
            place,
            replace(
                batch,
                sightings=EMPTY if piece is None else piece.sightings,
                events=batch.events if place == recorder else () if piece is None else piece.events,
            ),
        )
        for place, piece in router.route(batch).slices.items()
    ]


class PlacePartition:
    """The places of one partition. `wanted` says whether a dead letter still waits to be given again."""

    def __init__(
        self,
        site: Site,
        operators: Operators,
        standing: Standing,
        log: Iterable[Entry] = (),
        wanted: Callable[[UUID], bool] = lambda _: True,
    ) -> None:
        self._site = site
        self._operators = operators
        self._wanted = wanted
        self._router = Router(site)
        # What the site file has dropped since is over: what the log has of it, and what still comes. Of its state the
        # number of its reports counts, in case it comes back: the tags would drop what begins anew.
        self._named = there = _places_named(site)
        self._places = {
            key: place_of(key, site, self._router, operators, body)
            for (node, key), body in standing.states.items()
            if node == PLACE and key in there
        }
        self._past = {key: body for (node, key), body in standing.states.items() if node == PLACE and key not in there}
        self._zones = frozenset(watched_zones(site))
        self._expected: dict[str, Expectation] = {}
        self._moved: set[tuple[str, str]] = set()
        self._first: dict[str, int] = {}
        replayed = 0
        for replayed, entry in enumerate(log, 1):  # noqa: B007
            if _place_named(entry) in there:
                self._apply(entry, Outputs())
        self._marks = {(at.agent, at.epoch): at.counter for at in standing.positions}
        self._chunk = Chunk(standing.snapshot_seq + replayed)
        self._first = {name: place.reported + 1 for name, place in self._places.items()}
        self._untold: defaultdict[str, list[ZoneReport]] = defaultdict(list)
        self._reports: list[ReportsTaken] = []
        self._touched: set[str] = set()
        self._is_changed = False

    def take(self, key: str, value: bytes, source: str) -> None:
        """One message. What cannot be read, or names a place that the site never had, becomes a dead letter.

        `source` names the topic and no offset: a message that comes again is the same letter.
        """
        if key in self._past and key not in self._named:
            return
        try:
            if is_batch(value):
                self._take_batch(key, decode_batch(value), source, value)
            else:
                self._take_input(key, decode_place_input(value))
        except (BatchFormatError, KeyError) as error:
            reason = f"no place {key!r} in the site" if isinstance(error, KeyError) else str(error)
            self._failed(failure(FailureKind.BATCH_BYTES, source, key, reason, value))

    def is_unknown(self, key: str) -> bool:
        """Whether the site neither has nor had a place of this name."""
        return key not in self._named and key not in self._past

    def follow(self, site: Site, operators: Operators) -> bool:
        """The site is set up otherwise from now on, as in `Graph.reload`; False when this is the site already.

        Not in the log: end the chunk with this; it has a snapshot. What still comes for a place that is no more is
        dropped. Raises what an operator raises that cannot be made of what was kept; then nothing has changed.
        """
        if site is self._site:
            return False
        router, there = Router(site), _places_named(site)
        places = {
            name: place
            if said_of(name, site) == said_of(name, self._site)
            else place_of(name, site, router, operators, place.snapshot())
            for name, place in self._places.items()
            if name in there
        }
        gone, out = sorted(self._places.keys() - there), self._chunk.out
        for name in gone:
            place = self._places[name]
            place.pass_time(place.clock.now_us + GONE_US, out)
            if name in self._zones:
                self._untold[name] += out.reports
                self._tell(name, silent=True)
            out.reports.clear()
            blank = place_of(name, self._site, self._router, self._operators)
            blank.reported = place.reported
            self._past[name] = blank.snapshot()
        self._site, self._operators, self._router, self._places = site, operators, router, places
        self._zones, self._named = frozenset(watched_zones(site)), there
        self._is_changed = True
        return True

    def cut(self, snapshot: bool = False) -> tuple[Chunk, list[ReportsTaken]]:
        """The chunk so far, and what its zones report to the tags; both are to be made durable, reports first."""
        snapshot, self._is_changed = snapshot or self._is_changed, False
        for zone in sorted(self._touched):
            self._tell(zone)
        chunk, reports = self._chunk, self._reports
        chunk.positions = [Position(*mark, self._marks[mark]) for mark in sorted(self._moved)]
        if snapshot:
            states = self._past | {key: place.snapshot() for key, place in self._places.items()}
            chunk.snapshot = {(PLACE, key): body for key, body in states.items()}
        self._chunk, self._reports = Chunk(chunk.seq), []
        self._moved, self._touched = set(), set()
        return chunk, reports

    def _take_batch(self, key: str, batch: EdgeBatch, source: str, value: bytes) -> None:
        is_back = self._place(key).clock.now_us == 0
        name = batch.id
        mark = (f"{name.agent}@{key}", name.epoch)
        known = self._marks.get(mark, 0)
        if name.counter <= known:
            return
        if known and name.counter > known + 1 and not is_back:
            # The bridge waits for what is missing; what it passes over is lost.
            self._chunk.gaps.append(GapFound(name.agent, name.epoch, known + 1, name.counter - 1))
        self._marks[mark] = name.counter
        self._moved.add(mark)
        if impossible := why_impossible(batch):
            self._failed(failure(FailureKind.BATCH_BYTES, source, key, impossible, value))
            return
        self._enter(SliceTaken(key, batch), key)

    def _take_input(self, key: str, entry: Entry) -> None:
        match entry:
            case Redelivery():
                self._redeliver(entry)
            case SourceLeftOut():
                self._place(key)
                self._enter(replace(entry, place=key), key)
                if key in self._zones and not self._places[key].clock.sources:
                    self._tell(key, silent=True)
            case Expectation():
                self._place(entry.portal)
                known = self._expected.get(entry.portal)
                if known is None or known.documents != entry.documents:
                    self._enter(entry, entry.portal)

    def _redeliver(self, letter: Redelivery) -> None:
        """A dead letter given again, once; one that fails again is open again with the new reason."""
        if letter.letter_id in self._chunk.letters_replayed or not self._wanted(letter.letter_id):
            return
        self._chunk.letters_replayed.append(letter.letter_id)
        try:
            match letter.kind:
                case FailureKind.POSTING:
                    self._chunk.loads.append(msgspec.msgpack.decode(letter.body, type=Load))
                case FailureKind.LOCATION:
                    self._chunk.out.locations.append(msgspec.msgpack.decode(letter.body, type=LocationUpdate))
                case FailureKind.WEIGHING:
                    self._chunk.out.weighings.append(msgspec.msgpack.decode(letter.body, type=Weighing))
                case FailureKind.PLACE_SLICE:
                    self._enter(replace(letter, at_us=self._place(letter.key).clock.now_us), letter.key)
                case _:
                    raise ValueError(f"a dead letter of kind {letter.kind} cannot be given to a place again")
        except (ValueError, KeyError, msgspec.DecodeError) as error:
            reason = f"no place {letter.key!r} in the site" if isinstance(error, KeyError) else str(error)
            self._failed(Failure(letter.letter_id, letter.kind, "", letter.key, reason, letter.body))

    def _enter(self, entry: Entry, place: str) -> None:
        """Apply an entry of the log to be, and keep what a zone reports of it."""
        out = self._chunk.out
        self._apply(entry, out)
        self._chunk.entries.append(entry)
        if place in self._zones:
            self._touched.add(place)
            self._untold[place] += out.reports
        out.reports.clear()

    def _tell(self, zone: str, silent: bool = False) -> None:
        place, first = self._places[zone], self._first[zone]
        numbered = tuple(enumerate(self._untold.pop(zone, ()), first))
        self._reports.append(ReportsTaken(zone, place.clock.now_us, first, place.reported, numbered, silent))
        self._first[zone] = place.reported + 1
        self._touched.discard(zone)

    def _apply(self, entry: Entry, out: Outputs) -> None:
        match entry:
            case SliceTaken(key, batch):
                self._place(key).take(batch.id.agent, batch.watermark_us, self._piece(key, batch), out)
            case SourceLeftOut(agent, _, key):
                self._place(key).leave_out(agent, out)
            case Expectation():
                self._expected[entry.portal] = entry
                self._place(entry.portal).expect(entry, out)
            case Redelivery():
                piece = self._piece(entry.key, decode_batch(entry.body))
                if piece is not None:
                    self._place(entry.key).redeliver(piece, out)
            case _:
                raise TypeError(f"{type(entry).__name__} is nothing for a place")

    def _piece(self, key: str, batch: EdgeBatch) -> PlaceSlice | None:
        """What of the batch is this place's: a recorder's slice has events of others."""
        own = self._router.own_events(key, batch)
        return slice_of(batch if len(own) == len(batch.events) else replace(batch, events=own))

    def _place(self, key: str) -> Place:
        """KeyError for a place the site does not have."""
        place = self._places.get(key)
        if place is None:
            past = self._past.get(key) if key in self._named else None
            place = self._places[key] = place_of(key, self._site, self._router, self._operators, past)
            self._past.pop(key, None)
            self._first[key] = place.reported + 1
        return place

    def _failed(self, letter: Failure) -> None:
        self._chunk.out.failures.append(letter)


def _places_named(site: Site) -> set[str]:
    return {zone.name for zone in site.zones} | {portal.name for portal in site.portals}


def _place_named(entry: Entry) -> str:
    match entry:
        case SliceTaken(place, _) | SourceLeftOut(_, _, place) | Redelivery(_, _, place, _, _):
            return place
        case Expectation():
            return entry.portal
        case _:
            raise TypeError(f"{type(entry).__name__} is nothing for a place")
