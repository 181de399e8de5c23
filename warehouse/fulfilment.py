"""What a load that passed a portal means for the books: a pure decision over what the warehouse knows.

The kinds of the two locations say the flow: into stock, out of it, or inside. Goods that come in or go out belong to a
document line; inside, they just move. Every tag that belongs to the load ends in exactly one place: in a line to post,
in a finding that holds its lines ready for a person, or in a finding without lines when nothing could be posted.

Handling units stand for their contents. Contents that were not read are `inferred` while their share of the tagged
contents is at most `Rules.inferred_share_max`; above it they are `short` and not posted. Contents that were read
without certainty belong, as their unit does. Contents without tags go with their unit.

A document is chosen in this order: it announced the EPC (or the unit's EPC); it has the item open at this door, then
without a door, then at another door (`wrong_door`: goods that came in are posted and reported, goods that go out are
held, they may be on the wrong lorry). Among equals: the one that announced most of this load, then the earlier.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from warehouse.ledger import MovedTag, Place, StockStatus
from warehouse.site import INFERRED_SHARE_MAX


class Flow(StrEnum):
    """What a passage does to stock, by the kinds of its two locations."""

    IN = "in"
    OUT = "out"
    INTERNAL = "internal"
    NONE = "none"


class FindingKind(StrEnum):
    """What is not as the documents say."""

    UNSURE_DIRECTION = "unsure_direction"
    UNKNOWN_TAG = "unknown_tag"
    RETIRED_TAG = "retired_tag"
    UNSURE = "unsure"
    ALREADY_IN_STOCK = "already_in_stock"
    NOT_IN_STOCK = "not_in_stock"
    EXPIRED = "expired"
    BLOCKED = "blocked"
    WRONG_DOOR = "wrong_door"
    OVER = "over"
    SHORT = "short"
    NO_DOCUMENT = "no_document"
    REFUSED = "refused"
    SUGGESTION = "suggestion"
    DUPLICATE_TAG = "duplicate_tag"
    WEIGHT_MISMATCH = "weight_mismatch"


@dataclass(frozen=True, slots=True)
class Rules:
    """Site policy. `inferred_share_max`: largest share of a unit's tagged contents that may go unread, 0 to 1."""

    inferred_share_max: float = INFERRED_SHARE_MAX


@dataclass(frozen=True, slots=True)
class Goods:
    """A quantity of something: what one tag stands for, or an untagged content. `hu_id` is the unit it lies in, where
    that is known: maybe one nested in the unit that was read.
    """

    item_id: int
    quantity: Decimal
    lot_id: int | None = None
    serial_id: int | None = None
    epc: str | None = None
    hu_id: int | None = None


@dataclass(frozen=True, slots=True)
class TagFacts:
    """What the warehouse knows of a tag: a handling unit's (`hu_id`) or goods, maybe packed in a unit (`in_hu`)."""

    epc: str
    hu_id: int | None = None
    goods: Goods | None = None
    in_hu: int | None = None
    retired: bool = False


@dataclass(frozen=True, slots=True)
class ItemFacts:
    code: str
    inspect: bool = False


@dataclass(frozen=True, slots=True)
class LotFacts:
    code: str
    expires_on: date | None = None
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class LineFacts:
    """An open document line that could take goods of this load. `room` is what it still takes, tolerance included.

    `kept` of it is for tags that its document announced and that have not come yet: other goods of the item may not
    take it, or the announced ones would find their own document full. `rejects`: it takes what is blocked or expired
    (back to the vendor, to scrap). Lines with one `source_id` draw on the same order and share `source_room`.
    """

    line_id: int
    document_id: int
    number: str
    door: str
    item_id: int
    lot_id: int | None
    room: Decimal
    counterpart_id: int
    rank: int  # order of its document among equals: earliest first
    kept: Decimal = Decimal(0)
    rejects: bool = False
    source_id: int | None = None
    source_room: Decimal | None = None


@dataclass(frozen=True, slots=True)
class LoadFacts:
    """Everything known about one load. `standing` is where goods stand in the books, by EPC."""

    flow: Flow
    portal: str
    day: date
    source_id: int
    target_id: int
    default_counterpart_id: int
    tags: Mapping[str, TagFacts]
    contents: Mapping[int, tuple[Goods, ...]]
    unit_standing: Mapping[int, Place]
    items: Mapping[int, ItemFacts]
    lots: Mapping[int, LotFacts]
    standing: Mapping[str, Place]
    lines: Sequence[LineFacts]
    announced: Mapping[str, tuple[int, ...]]  # EPC → documents that announce it
    units_in: frozenset[int] = frozenset()  # handling units that an earlier revision of this load brought in


@dataclass(frozen=True, slots=True)
class ReadTag:
    """A tag of the load."""

    epc: str
    sure: bool
    score: float | None = None


@dataclass(frozen=True, slots=True)
class PostLine:
    """One movement to post."""

    item_id: int
    quantity: Decimal
    source: Place
    target: Place
    lot_id: int | None = None
    serial_id: int | None = None
    line_id: int | None = None
    document_id: int | None = None
    tags: tuple[MovedTag, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One discrepancy; `held` are the movements a person can still post."""

    kind: FindingKind
    detail: str
    epcs: tuple[str, ...] = ()
    document_id: int | None = None
    line_id: int | None = None
    item_id: int | None = None
    quantity: Decimal | None = None
    held: tuple[PostLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    lines: tuple[PostLine, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Unit:
    """Goods of the load on their way to a line or a finding; in unit `hu_id`, which was read itself or in `read_hu`."""

    goods: Goods
    sure: bool
    inferred: bool
    score: float | None
    hu_id: int | None
    read_hu: int | None = None

    @property
    def order(self) -> tuple[bool, str, int, int, int]:
        g = self.goods
        return (not self.sure, g.epc or "", g.item_id, g.lot_id or 0, self.hu_id or 0)


@dataclass(slots=True)
class _Draft:
    facts: LoadFacts
    room: dict[int, Decimal]
    kept: dict[int, Decimal]
    source_of: dict[int, int | None]
    source_room: dict[int, Decimal]
    posted: list[PostLine] = field(default_factory=list)
    held: dict[tuple[FindingKind, int | None, int | None, int | None, str], list[PostLine]] = field(
        default_factory=dict
    )
    findings: list[Finding] = field(default_factory=list)

    def hold(self, kind: FindingKind, line: PostLine, detail: str) -> None:
        self.held.setdefault((kind, line.document_id, line.line_id, line.item_id, detail), []).append(line)


def decide(facts: LoadFacts, tags: Sequence[ReadTag], rules: Rules) -> Decision:
    """Lines to post and findings, in a fixed order for the same input."""
    if facts.flow is Flow.NONE or not tags:
        return Decision((), ())
    room = {line.line_id: line.room for line in facts.lines}
    draft = _Draft(
        facts,
        room,
        {line.line_id: line.kept for line in facts.lines},
        {line.line_id: line.source_id for line in facts.lines},
        {line.source_id: line.source_room or Decimal(0) for line in facts.lines if line.source_id is not None},
    )
    units = sorted(_units(facts, tags, rules, draft), key=lambda unit: unit.order)
    favoured = Counter(d for tag in tags for d in facts.announced.get(tag.epc, ()))
    for unit in units:
        _place(unit, facts, favoured, draft)
    lines = _with_unit_tags(_merge(draft.posted), facts, tags)
    held = [
        Finding(
            kind,
            detail,
            tuple(tag.epc for line in merged for tag in line.tags),
            document_id,
            line_id,
            item_id,
            sum((line.quantity for line in merged), Decimal(0)),
            merged,
        )
        for (kind, document_id, line_id, item_id, detail), held_lines in draft.held.items()
        for merged in [_merge(held_lines)]
    ]
    findings = sorted(
        [*draft.findings, *held], key=lambda f: (f.kind, f.document_id or 0, f.line_id or 0, f.item_id or 0)
    )
    return Decision(lines, tuple(findings))


def _units(facts: LoadFacts, tags: Sequence[ReadTag], rules: Rules, draft: _Draft) -> list[_Unit]:
    """The goods of the load: its item tags, and the contents of its handling units."""
    read = {tag.epc: tag for tag in tags}
    unknown = tuple(sorted(tag.epc for tag in tags if tag.sure and tag.epc not in facts.tags))
    if unknown:
        draft.findings.append(Finding(FindingKind.UNKNOWN_TAG, f"{len(unknown)} tags nobody registered", unknown))
    known = {epc: facts.tags[epc] for epc in read if epc in facts.tags}
    retired = tuple(sorted(epc for epc, tag in known.items() if tag.retired and read[epc].sure))
    if retired:
        draft.findings.append(Finding(FindingKind.RETIRED_TAG, f"{len(retired)} retired tags", retired))
    live = {epc: tag for epc, tag in known.items() if not tag.retired}
    units: list[_Unit] = []
    covered: set[str] = set()
    for epc, tag in sorted(live.items()):
        if tag.hu_id is None or not read[epc].sure:
            continue
        units += _contents(tag.hu_id, epc, facts, read, rules, covered, draft)
    for epc, tag in live.items():
        if tag.goods is not None and epc not in covered:
            # What is read late goes into the unit that it came with.
            unit = tag.in_hu if tag.in_hu in facts.units_in else None
            units.append(_Unit(tag.goods, read[epc].sure, False, read[epc].score, unit))
    doubtful = tuple(sorted(epc for epc, tag in live.items() if tag.hu_id is not None and not read[epc].sure))
    if doubtful:
        draft.findings.append(Finding(FindingKind.UNSURE, f"{len(doubtful)} handling units may belong", doubtful))
    return units


def _contents(
    hu_id: int,
    hu_epc: str,
    facts: LoadFacts,
    read: Mapping[str, ReadTag],
    rules: Rules,
    covered: set[str],
    draft: _Draft,
) -> list[_Unit]:
    contents = facts.contents.get(hu_id, ())
    tagged = [goods for goods in contents if goods.epc is not None]
    seen = read.keys() & {goods.epc for goods in tagged}
    unseen = [goods for goods in tagged if goods.epc not in seen]
    infer = len(unseen) <= rules.inferred_share_max * len(tagged)
    units = []
    for goods in contents:
        own = goods.hu_id or hu_id
        if goods.epc is None:
            units.append(_Unit(goods, True, True, None, own, hu_id))
        elif goods.epc in seen:
            covered.add(goods.epc)
            units.append(_Unit(goods, True, not read[goods.epc].sure, read[goods.epc].score, own, hu_id))
        elif infer:
            covered.add(goods.epc)
            units.append(_Unit(goods, True, True, None, own, hu_id))
    if unseen and not infer:
        by_item = Counter(goods.item_id for goods in unseen)
        for item_id, count in sorted(by_item.items()):
            epcs = tuple(sorted(g.epc for g in unseen if g.item_id == item_id and g.epc is not None))
            quantity = sum((g.quantity for g in unseen if g.item_id == item_id), Decimal(0))
            detail = f"{count} of {len(tagged)} tagged contents of unit {hu_epc} were not read"
            draft.findings.append(Finding(FindingKind.SHORT, detail, epcs, None, None, item_id, quantity))
    return units


def _place(unit: _Unit, facts: LoadFacts, favoured: Counter[int], draft: _Draft) -> None:
    goods = unit.goods
    where = _standing(unit, facts)
    if facts.flow is Flow.IN and where is not None:
        _note(FindingKind.ALREADY_IN_STOCK, unit, "the books have it in stock already", draft)
        return
    if facts.flow is not Flow.IN and where is None:
        _note(FindingKind.NOT_IN_STOCK, unit, "the books do not have it in stock", draft)
        return
    if facts.flow is Flow.INTERNAL:
        assert where is not None
        target = replace(where, location_id=facts.target_id)
        if target != where:
            _post_or_hold(unit, _line(unit, where, target, None), None, "", draft)
        return
    line, kind = _choose_line(unit, facts, favoured, draft, where)
    counterpart = Place(line.counterpart_id if line is not None else facts.default_counterpart_id)
    if facts.flow is Flow.IN:
        status = StockStatus.INSPECTION if facts.items[goods.item_id].inspect else StockStatus.AVAILABLE
        bad = _bad_lot(goods, facts)
        target = Place(facts.target_id, unit.hu_id, StockStatus.BLOCKED if bad else status)
        post = _line(unit, replace(counterpart, status=target.status), target, line)
    else:
        assert where is not None
        bad = _bad_lot(goods, facts)
        post = _line(unit, where, counterpart, line)
        if where.status is not StockStatus.AVAILABLE:
            bad = (FindingKind.BLOCKED, f"it is in status {where.status}")
        if line is not None and line.rejects:
            bad = None
    if bad is not None:
        draft.hold(bad[0], post, bad[1])
        return
    _post_or_hold(unit, post, kind, _words(kind, line, facts), draft)


def _post_or_hold(unit: _Unit, post: PostLine, kind: FindingKind | None, detail: str, draft: _Draft) -> None:
    if not unit.sure:
        draft.hold(FindingKind.UNSURE, post, "may belong to the load, or may not")
        return
    if kind is FindingKind.WRONG_DOOR and draft.facts.flow is Flow.IN:
        _note(kind, unit, detail, draft, post)
        kind = None
    if kind is not None:
        draft.hold(kind, post, detail)
        return
    if post.line_id is not None:
        draft.room[post.line_id] -= post.quantity
        source_id = draft.source_of[post.line_id]
        if source_id is not None:
            draft.source_room[source_id] -= post.quantity
        if post.document_id in _announcing(unit, draft.facts):
            draft.kept[post.line_id] -= min(post.quantity, draft.kept[post.line_id])
    draft.posted.append(post)


def _standing(unit: _Unit, facts: LoadFacts) -> Place | None:
    if unit.goods.epc is not None:
        return facts.standing.get(unit.goods.epc)
    return facts.unit_standing.get(unit.hu_id) if unit.hu_id is not None else None


def _choose_line(
    unit: _Unit, facts: LoadFacts, favoured: Counter[int], draft: _Draft, where: Place | None
) -> tuple[LineFacts | None, FindingKind | None]:
    """The line that takes the goods, and what is wrong with it."""
    goods = unit.goods
    announced = _announcing(unit, facts)
    fits = [line for line in facts.lines if line.item_id == goods.item_id and line.lot_id in (None, goods.lot_id)]
    if not fits:
        return None, FindingKind.NO_DOCUMENT

    def free(line: LineFacts) -> Decimal:
        kept = Decimal(0) if line.document_id in announced else draft.kept[line.line_id]
        room = draft.room[line.line_id]
        if line.source_id is not None:
            room = min(room, draft.source_room[line.source_id])
        return room - kept

    rejected = where is not None and where.status is StockStatus.BLOCKED

    def preference(line: LineFacts) -> tuple[bool, bool, bool, int, int, int, int]:
        door = 0 if line.door == facts.portal else 1 if not line.door else 2
        full = free(line) < goods.quantity
        misfit = line.rejects is not rejected
        return (
            line.document_id not in announced, misfit, full, door, -favoured[line.document_id], line.rank, line.line_id,
        )  # fmt: skip

    best = min(fits, key=preference)
    if free(best) < goods.quantity:
        return best, FindingKind.OVER
    if best.door and best.door != facts.portal:
        return best, FindingKind.WRONG_DOOR
    return best, None


def _announcing(unit: _Unit, facts: LoadFacts) -> set[int]:
    documents = set(facts.announced.get(unit.goods.epc or "", ()))
    for tag in facts.tags.values():
        if tag.hu_id is not None and tag.hu_id in (unit.hu_id, unit.read_hu):
            documents.update(facts.announced.get(tag.epc, ()))
    return documents


def _bad_lot(goods: Goods, facts: LoadFacts) -> tuple[FindingKind, str] | None:
    lot = facts.lots.get(goods.lot_id) if goods.lot_id is not None else None
    if lot is None:
        return None
    if lot.expires_on is not None and lot.expires_on < facts.day:
        return FindingKind.EXPIRED, f"lot {lot.code} expired on {lot.expires_on}"
    if lot.blocked:
        return FindingKind.BLOCKED, f"lot {lot.code} is blocked"
    return None


def _words(kind: FindingKind | None, line: LineFacts | None, facts: LoadFacts) -> str:
    match kind:
        case FindingKind.OVER if line is not None:
            return f"more than {line.number} still takes"
        case FindingKind.WRONG_DOOR if line is not None:
            return f"{line.number} is expected at {line.door}, not at {facts.portal}"
        case FindingKind.NO_DOCUMENT:
            return f"no open document takes this at {facts.portal}"
        case _:
            return ""


def _note(kind: FindingKind, unit: _Unit, detail: str, draft: _Draft, post: PostLine | None = None) -> None:
    """Add to the finding of that kind and item (and line), which holds nothing."""
    if not unit.sure:
        return
    goods = unit.goods
    epcs = (goods.epc,) if goods.epc is not None else ()
    document_id, line_id = (post.document_id, post.line_id) if post is not None else (None, None)
    for place, finding in enumerate(draft.findings):
        if (finding.kind, finding.item_id, finding.line_id) == (kind, goods.item_id, line_id) and finding.quantity:
            total = finding.quantity + goods.quantity
            draft.findings[place] = replace(finding, epcs=finding.epcs + epcs, quantity=total)
            return
    draft.findings.append(Finding(kind, detail, epcs, document_id, line_id, goods.item_id, goods.quantity))


def _line(unit: _Unit, source: Place, target: Place, line: LineFacts | None) -> PostLine:
    goods = unit.goods
    tags = (MovedTag(goods.epc, unit.inferred, unit.score),) if goods.epc is not None else ()
    return PostLine(
        goods.item_id,
        goods.quantity,
        source,
        target,
        goods.lot_id,
        goods.serial_id,
        line.line_id if line is not None else None,
        line.document_id if line is not None else None,
        tags,
    )


def _merge(lines: Sequence[PostLine]) -> tuple[PostLine, ...]:
    """One movement per serial, otherwise one per line, item, lot and pair of places."""
    merged: dict[tuple[object, ...], PostLine] = {}
    for line in lines:
        key = (line.line_id, line.item_id, line.lot_id, line.serial_id, line.source, line.target)
        if key in merged:
            so_far = merged[key]
            merged[key] = replace(so_far, quantity=so_far.quantity + line.quantity, tags=so_far.tags + line.tags)
        else:
            merged[key] = line
    return tuple(merged.values())


def _with_unit_tags(lines: tuple[PostLine, ...], facts: LoadFacts, tags: Sequence[ReadTag]) -> tuple[PostLine, ...]:
    """Hang each read handling unit's own tag on the first movement of its contents, or of units nested in it."""
    waiting = {facts.tags[t.epc].hu_id: t for t in tags if t.sure and t.epc in facts.tags and facts.tags[t.epc].hu_id}
    inside = {hu_id: {g.hu_id for g in facts.contents.get(hu_id, ())} | {hu_id} for hu_id in waiting if hu_id}
    result = []
    for line in lines:
        hu_id = line.target.hu_id if facts.flow is Flow.IN else line.source.hu_id
        for unit in [unit for unit, held in inside.items() if hu_id in held and unit in waiting]:
            own = waiting.pop(unit)
            line = replace(line, tags=(*line.tags, MovedTag(own.epc, False, own.score)))
        result.append(line)
    return tuple(result)
