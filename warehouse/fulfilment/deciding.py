"""The decision over one load: every tag that belongs to it ends in exactly one place."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from warehouse.fulfilment.contents import moved_goods
from warehouse.fulfilment.draft import Draft, Moved, merge, note
from warehouse.fulfilment.facts import Flow, Goods, LineFacts, LoadFacts, ReadTag, Rules, went_key
from warehouse.fulfilment.lines import announcing, choose_line, words
from warehouse.fulfilment.outcome import Decision, Finding, FindingKind, PostLine
from warehouse.ledger import LedgerRefusal, LineRole, MovedTag, Place, StockStatus
from warehouse.ledger_rules import lot_refusal


def decide(facts: LoadFacts, tags: Sequence[ReadTag], rules: Rules) -> Decision:
    """Lines to post and findings, in a fixed order for the same input."""
    if facts.flow is Flow.NONE or not tags:
        return Decision((), ())
    room = {line.line_id: line.room for line in facts.lines}
    draft = Draft(
        facts,
        room,
        {line.line_id: line.kept for line in facts.lines},
        {line.line_id: line.source_id for line in facts.lines},
        {line.source_id: line.source_room or Decimal(0) for line in facts.lines if line.source_id is not None},
    )
    units = sorted(moved_goods(facts, tags, rules, draft), key=lambda unit: unit.order)
    favoured = Counter(d for tag in tags for d in facts.announced.get(tag.epc, ()))
    for unit in units:
        _place(unit, facts, favoured, draft)
    lines = _with_unit_tags(merge(draft.posted), facts, tags)
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
        for merged in [merge(held_lines)]
    ]
    findings = sorted(
        [*draft.findings, *held], key=lambda f: (f.kind, f.document_id or 0, f.line_id or 0, f.item_id or 0)
    )
    inferred = sorted(unit.goods.epc for unit in units if unit.inferred and unit.goods.epc is not None)
    return Decision(lines, tuple(findings), tuple(inferred))


def _place(unit: Moved, facts: LoadFacts, favoured: Counter[int], draft: Draft) -> None:
    where = _standing(unit, facts)
    if facts.flow is not Flow.IN and where is None:
        note(FindingKind.NOT_IN_STOCK, unit, "the books do not have it in stock", draft)
        return
    line, kind = choose_line(unit, facts, favoured, draft, where)
    match facts.flow:
        case Flow.IN if where is not None and line is None and where.location_id not in facts.transit:
            note(FindingKind.ALREADY_IN_STOCK, unit, "the books have it in stock already", draft)
        case Flow.IN:
            _bring_in(unit, where, line, kind, facts, draft)
        case Flow.OUT:
            assert where is not None
            _take_out(unit, where, line, kind, facts, draft)
        case _:
            assert where is not None
            _carry(unit, where, line, kind, facts, draft)


def _bring_in(
    unit: Moved, where: Place | None, line: LineFacts | None, kind: FindingKind | None, facts: LoadFacts, draft: Draft
) -> None:
    if where is not None:  # out of transit, where it is ours already
        source = where
        if line is not None and where.location_id not in facts.transit:
            source = Place(line.counterpart_id, None, where.status)
        arrived = Place(facts.target_id, unit.hu_id, where.status)
        _post_or_hold(unit, _line(unit, source, arrived, line), kind, words(kind, line, unit.goods, facts), draft)
        return
    counterpart = line.counterpart_id if line is not None else facts.default_counterpart_id
    waits = facts.items[unit.goods.item_id].inspect and (line is None or line.ships_from is None)
    bad = _bad_lot(unit.goods, facts)
    status = StockStatus.BLOCKED if bad else StockStatus.INSPECTION if waits else StockStatus.AVAILABLE
    post = _line(unit, Place(counterpart, None, status), Place(facts.target_id, unit.hu_id, status), line)
    if bad is not None:
        draft.hold(bad[0], post, bad[1])
        return
    _post_or_hold(unit, post, kind, words(kind, line, unit.goods, facts), draft)


def _take_out(
    unit: Moved, where: Place, line: LineFacts | None, kind: FindingKind | None, facts: LoadFacts, draft: Draft
) -> None:
    counterpart = Place(line.counterpart_id if line is not None else facts.default_counterpart_id)
    if line is not None and line.ships_from is not None:
        counterpart = Place(line.counterpart_id, unit.hu_id, where.status)
    post = _line(unit, where, counterpart, line, ships=line is not None and line.ships_from is not None)
    bad = _bad_lot(unit.goods, facts)
    if where.status is not StockStatus.AVAILABLE:
        bad = (FindingKind.BLOCKED, f"it is in status {where.status}")
    if bad is not None and (line is None or not line.rejects):
        draft.hold(bad[0], post, bad[1])
        return
    _post_or_hold(unit, post, kind, words(kind, line, unit.goods, facts), draft)


def _carry(
    unit: Moved, where: Place, line: LineFacts | None, kind: FindingKind | None, facts: LoadFacts, draft: Draft
) -> None:
    """Between two places of ours: a move; where a transfer asks for it, its shipment and its receipt in one."""
    target = replace(where, location_id=facts.target_id)
    if target == where:
        return
    if line is None or kind is not None or not unit.sure:
        _post_or_hold(unit, _line(unit, where, target, None), None, "", draft)
        return
    on_the_way = replace(where, location_id=line.counterpart_id)
    draft.posted.append(_line(unit, where, on_the_way, line, ships=True))
    _post_or_hold(unit, _line(unit, on_the_way, target, line), None, "", draft)


def _post_or_hold(unit: Moved, post: PostLine, kind: FindingKind | None, detail: str, draft: Draft) -> None:
    if not unit.sure:
        if unit.goods.epc not in draft.facts.elsewhere:
            draft.hold(FindingKind.UNSURE, post, "may belong to the load, or may not")
        return
    if kind is FindingKind.WRONG_DOOR and draft.facts.flow is Flow.IN:
        note(kind, unit, detail, draft, post)
        kind = None
    if kind is not None:
        draft.hold(kind, post, detail)
        return
    if post.line_id is not None:
        draft.room[post.line_id] -= post.quantity
        source_id = draft.source_of[post.line_id]
        if source_id is not None:
            draft.source_room[source_id] -= post.quantity
            went = source_id, went_key(post.lot_id, post.serial_id)
            draft.back[went] = draft.back.get(went, Decimal(0)) + post.quantity
        if post.document_id in announcing(unit, draft.facts):
            draft.kept[post.line_id] -= min(post.quantity, draft.kept[post.line_id])
    draft.posted.append(post)


def _standing(unit: Moved, facts: LoadFacts) -> Place | None:
    if unit.goods.epc is not None:
        return facts.standing.get(unit.goods.epc)
    return facts.unit_standing.get(unit.hu_id) if unit.hu_id is not None else None


def _bad_lot(goods: Goods, facts: LoadFacts) -> tuple[FindingKind, str] | None:
    lot = facts.lots.get(goods.lot_id) if goods.lot_id is not None else None
    if lot is None:
        return None
    match lot_refusal(lot.expires_on, lot.blocked, facts.day):
        case LedgerRefusal.LOT_EXPIRED:
            return FindingKind.EXPIRED, f"lot {lot.code} expired on {lot.expires_on}"
        case LedgerRefusal.LOT_BLOCKED:
            return FindingKind.BLOCKED, f"lot {lot.code} is blocked"
        case _:
            return None


def _line(unit: Moved, source: Place, target: Place, line: LineFacts | None, *, ships: bool = False) -> PostLine:
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
        goods.owner if goods.owner is not None else line.owner if line is not None else "",
        LineRole.SHIP if ships else LineRole.FULFIL,
    )


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
