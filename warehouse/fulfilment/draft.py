"""A decision in the making: goods on their way, what lines still take, what is posted, held and noted so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from warehouse.fulfilment.facts import Goods, LoadFacts, WentKey
from warehouse.fulfilment.outcome import ANSWERED_ELSEWHERE, Finding, FindingKind, PostLine


@dataclass(frozen=True, slots=True)
class Moved:
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
class Draft:
    """`room` and `kept`: what each line still takes and keeps. Lines of one order (`source_of`) share `source_room`,
    and what went on it and is `back` with this load.
    """

    facts: LoadFacts
    room: dict[int, Decimal]
    kept: dict[int, Decimal]
    source_of: dict[int, int | None]
    source_room: dict[int, Decimal]
    back: dict[tuple[int, WentKey], Decimal] = field(default_factory=dict)
    posted: list[PostLine] = field(default_factory=list)
    held: dict[tuple[FindingKind, int | None, int | None, int | None, str], list[PostLine]] = field(
        default_factory=dict
    )
    findings: list[Finding] = field(default_factory=list)

    def hold(self, kind: FindingKind, line: PostLine, detail: str) -> None:
        self.held.setdefault((kind, line.document_id, line.line_id, line.item_id, detail), []).append(line)


def note(kind: FindingKind, unit: Moved, detail: str, draft: Draft, post: PostLine | None = None) -> None:
    """Add to the finding of that kind and item (and line), which holds nothing."""
    goods = unit.goods
    if not unit.sure or (kind in ANSWERED_ELSEWHERE and goods.epc in draft.facts.elsewhere):
        return
    epcs = (goods.epc,) if goods.epc is not None else ()
    document_id, line_id = (post.document_id, post.line_id) if post is not None else (None, None)
    for place, finding in enumerate(draft.findings):
        if (finding.kind, finding.item_id, finding.line_id) == (kind, goods.item_id, line_id) and finding.quantity:
            total = finding.quantity + goods.quantity
            draft.findings[place] = replace(finding, epcs=finding.epcs + epcs, quantity=total)
            return
    draft.findings.append(Finding(kind, detail, epcs, document_id, line_id, goods.item_id, goods.quantity))


def merge(lines: Sequence[PostLine]) -> tuple[PostLine, ...]:
    """One movement per serial, otherwise one per line, item, lot and pair of places."""
    merged: dict[tuple[object, ...], PostLine] = {}
    for line in lines:
        key = (line.line_id, line.item_id, line.lot_id, line.serial_id, line.owner, line.source, line.target)
        if key in merged:
            so_far = merged[key]
            merged[key] = replace(so_far, quantity=so_far.quantity + line.quantity, tags=so_far.tags + line.tags)
        else:
            merged[key] = line
    return tuple(merged.values())
