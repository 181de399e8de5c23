"""What a portal tells the people in it, keyed by portal: Passages and Expectations in, Signals out, on change.

While a load is in the door its provisional verdicts are compared with what open documents expect there:

- red: one certain tag too many: expected neither by EPC nor by item, or beyond the open quantity of its item; or one
  not released: its lot or status keeps it from every document that would take it. With no document open every certain
  tag is one too many, unless the portal only observes;
- green: the documents that this load is for are complete with it, and nothing is too much. A load is for the documents
  that its certain tags answer to; others that are open at the door wait for theirs;
- amber: neither by `decide_after_s`, or at the close: a person has to look;
- off: `hold_s` after the close.

Certain means verdict `belongs`, with a score of at least `certain_score` now or before: scores swing while a load is in
the door, and a light that flickers is believed by nobody. A later verdict takes an earlier one back, so the light
follows. Until an expectation is known nothing is said. A load that has passed is not judged again: by then
the books may have taken it, and what is expected next is for the next load. Amended passages light no door: the next
load may be in it.
A signal is valid for `valid_s`: whoever drives a light checks that against the wall clock (replay never drives one).
While a colour stays it is given again, as `renewed`, every half of that: what is not renewed goes dark by itself.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from stream.model import BarredTag, Colour, Passage, Signal, TagVerdict
from warehouse.loads import Expectation, ExpectedDocument
from warehouse.site import Effect, Portal, SignalSettings

ItemOf = Callable[[str], str | None]
"""The item code (GTIN-14) of an EPC, or None when its scheme names no item."""


@dataclass(frozen=True, slots=True)
class SignalState:
    """What is expected, of this load and of the next, the load in the door, the signal given last, and the passage that
    is over.
    """

    expectation: Expectation | None = None
    following: Expectation | None = None
    passage: Passage | None = None
    last: Signal | None = None
    off_at_us: int | None = None
    over: UUID | None = None
    certain: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Found:
    """The documents a load is for, what of them is missing (EPCs, and `item×n`), tags too many, tags not released,
    pieces they expect.
    """

    documents: tuple[str, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    barred: tuple[BarredTag, ...]
    due: int


class SignalOperator:
    """The stack light of one portal."""

    def __init__(
        self, portal: Portal, item_of: ItemOf, settings: SignalSettings | None = None, state: SignalState | None = None
    ) -> None:
        self._portal = portal
        self._item_of = item_of
        self._params = settings or portal.signal
        state = state or SignalState()
        self._expectation = state.expectation
        self._following = state.following
        self._passage = state.passage
        self._last = state.last
        self._off_at_us = state.off_at_us
        self._over = state.over
        self._certain = state.certain

    def on_batch(self, now_us: int, items: Sequence[Passage | Expectation]) -> Sequence[Signal]:
        """Take verdicts and expectations in the order they came."""
        for item in items:
            if isinstance(item, Expectation):
                over = self._passage is not None and self._passage.passage_id == self._over
                if over and self._expectation is not None:
                    self._following = item
                else:
                    self._expectation = item
            elif item.passage_id != self._over and not item.is_amendment:
                self._certain = self._sure(item)
                self._passage = item
                self._turn()
                if item.final:
                    self._over = item.passage_id
                    self._off_at_us = now_us + int(self._params.hold_s * 1e6)
                else:
                    self._off_at_us = None
        return self._changed(now_us)

    def on_wakeup(self, now_us: int) -> Sequence[Signal]:
        """The deadline passed, or the load is gone."""
        return self._changed(now_us)

    def next_wakeup(self) -> int | None:
        """The deadline of an undecided load, when the light goes off, or when its colour has to be given again."""
        due = [self._off_at_us]
        if self._last is not None and self._last.colour is not Colour.OFF:
            due.append(self._renewal_us(self._last))
        elif self._off_at_us is None and self._passage is not None and self._last is not None and not self._looks_on():
            due.append(self._deadline_us(self._passage))
        return min((at_us for at_us in due if at_us is not None), default=None)

    def snapshot(self) -> SignalState:
        """What the next call needs."""
        return SignalState(
            self._expectation, self._following, self._passage, self._last, self._off_at_us, self._over, self._certain
        )

    def _changed(self, now_us: int) -> Sequence[Signal]:
        if self._off_at_us is not None and now_us >= self._off_at_us:
            self._passage = self._off_at_us = None
            self._turn()
        signal = self._judge(now_us)
        if signal is None:
            return ()
        if self._last is not None and _same(signal, self._last):
            if signal.colour is Colour.OFF or now_us < self._renewal_us(self._last):
                return ()
            signal = replace(signal, renewed=True)
        first = self._last is None
        self._last = signal
        return () if first and self._passage is None else (signal,)

    def _sure(self, passage: Passage) -> frozenset[str]:
        """The tags that are certain to belong, by what is said now and what was said of the same load before."""
        same = self._passage is not None and self._passage.passage_id == passage.passage_id
        before = self._certain if same else frozenset()
        return frozenset(
            tag.epc
            for tag in passage.tags
            if tag.verdict is TagVerdict.BELONGS and (tag.score >= self._params.certain_score or tag.epc in before)
        )

    def _turn(self) -> None:
        """The load before is over: what was learnt meanwhile counts from here on."""
        if self._following is not None:
            self._expectation, self._following = self._following, None

    def _judge(self, now_us: int) -> Signal | None:
        passage, expected = self._passage, self._expectation
        valid_until_us = now_us + int(self._params.valid_s * 1e6)
        if expected is None:
            return None
        if passage is None:
            return Signal(self._portal.name, Colour.OFF, "no load in the door", now_us, valid_until_us)
        certain = [tag.epc for tag in passage.tags if tag.epc in self._certain]
        found = self._compare(expected, certain)
        colour, reason = self._colour(now_us, passage, expected, found)
        return Signal(
            portal=self._portal.name,
            colour=colour,
            reason=reason,
            at_us=now_us,
            valid_until_us=valid_until_us,
            passage_id=passage.passage_id,
            expected=found.due,
            seen=len(certain),
            missing=found.missing,
            extra=found.extra,
            barred=found.barred,
        )

    def _compare(self, expected: Expectation, certain: Sequence[str]) -> "_Found":
        documents = expected.documents
        announced_by = {epc: n for n, document in reversed(list(enumerate(documents))) for epc in document.epcs}
        open_items = [Counter(dict(document.items)) for document in documents]
        reasons = [_reasons(document, certain) for document in documents]
        touched = {announced_by[epc] for epc in certain if epc in announced_by}
        extra = []
        barred: list[BarredTag] = []
        for epc in certain:
            if epc in announced_by:
                barred += [tag for tag in (reasons[announced_by[epc]].get(epc),) if tag is not None]
                continue
            item = self._item_of(epc)
            able = [n for n, left in enumerate(open_items) if item is not None and left[item] > 0]
            takers = [n for n in able if epc not in reasons[n]]
            if not able:
                extra.append(epc)
                continue
            if not takers:
                barred.append(reasons[able[0]][epc])
                touched.add(able[0])
                continue
            taker = min(takers, key=lambda n: (n not in touched, n))
            open_items[taker][item or ""] -= 1
            touched.add(taker)
        seen = set(certain)
        missing: list[str] = []
        due = 0
        for n in sorted(touched):
            due += len(documents[n].epcs) + sum(quantity for _, quantity in documents[n].items)
            missing += [epc for epc in documents[n].epcs if epc not in seen]
            missing += [f"{item}×{quantity}" for item, quantity in sorted(open_items[n].items()) if quantity > 0]
        return _Found(
            tuple(documents[n].number for n in sorted(touched)), tuple(missing), tuple(extra), tuple(barred), due
        )

    def _colour(self, now_us: int, passage: Passage, expected: Expectation, found: "_Found") -> tuple[Colour, str]:
        nothing_open = not expected.documents
        if self._looks_on():
            return Colour.OFF, "no document is open here"
        if nothing_open and found.extra:
            return Colour.RED, "no document is open here"
        if found.extra or found.barred:
            return Colour.RED, ", ".join(_complaints(found))
        numbers = ", ".join(found.documents)
        if found.documents and not found.missing:
            return Colour.GREEN, f"complete: {numbers}"
        if passage.final or now_us >= self._deadline_us(passage):
            if not found.documents:
                return Colour.AMBER, "no tag is certain"
            return Colour.AMBER, f"{len(found.missing)} of {found.due} missing: {numbers}"
        return Colour.OFF, "a load is in the door"

    def _looks_on(self) -> bool:
        """A door that only observes says nothing of any load while no document is open: no deadline changes that."""
        nothing_open = self._expectation is None or not self._expectation.documents
        return nothing_open and self._portal.effect is Effect.OBSERVE

    def _renewal_us(self, given: Signal) -> int:
        return given.at_us + int(self._params.valid_s * 0.5e6)

    def _deadline_us(self, passage: Passage) -> int:
        return passage.opened_us + int(self._params.decide_after_s * 1e6)


def _reasons(document: ExpectedDocument, certain: Sequence[str]) -> dict[str, BarredTag]:
    """Of these tags those that may not pass for the document."""
    if not document.barred:
        return {}
    here = set(certain)
    return {
        epc: BarredTag(epc, barred.why, barred.lot) for barred in document.barred for epc in barred.epcs if epc in here
    }


def _complaints(found: _Found) -> list[str]:
    said = [f"{len(found.extra)} not expected"] if found.extra else []
    why = Counter((tag.why, tag.lot) for tag in found.barred)
    return said + [
        f"{count} not released: {reason.replace('_', ' ')}{f' ({lot})' if lot else ''}"
        for (reason, lot), count in sorted(why.items())
    ]


def _same(one: Signal, other: Signal) -> bool:
    """Whether a person would see no difference: the colour and what it complains of."""
    return (one.colour, one.passage_id, one.missing, one.extra, one.barred) == (
        other.colour,
        other.passage_id,
        other.missing,
        other.extra,
        other.barred,
    )
