"""What a load means for the books, without a database: whatever passes, every tag ends in exactly one place."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.fulfilment import (
    Decision,
    FindingKind,
    Flow,
    Goods,
    ItemFacts,
    LineFacts,
    LoadFacts,
    LotFacts,
    ReadTag,
    Rules,
    TagFacts,
    decide,
)
from warehouse.ledger import Place, StockStatus

YARD, STAGE, SUPPLIER, CUSTOMER = 1, 2, 3, 4
ITEM, OTHER = 10, 11


def goods(n: int, item: int = ITEM, **fields: object) -> TagFacts:
    return TagFacts(f"E{n}", goods=replace(Goods(item, Decimal(1), serial_id=n, epc=f"E{n}"), **fields))  # type: ignore[arg-type]


def line(line_id: int, room: int, door: str = "", item: int = ITEM, document_id: int | None = None) -> LineFacts:
    document = document_id or line_id
    return LineFacts(line_id, document, f"DOC-{document}", door, item, None, Decimal(room), SUPPLIER, document)


def facts(tags: list[TagFacts], lines: list[LineFacts], flow: Flow = Flow.IN, **fields: object) -> LoadFacts:
    ends = (YARD, STAGE) if flow is Flow.IN else (STAGE, YARD)
    standing = {} if flow is Flow.IN else {t.epc: Place(STAGE) for t in tags}
    made = LoadFacts(
        flow, "D1", date(2026, 3, 1), *ends, SUPPLIER if flow is Flow.IN else CUSTOMER,
        {t.epc: t for t in tags}, {}, {}, {ITEM: ItemFacts("I"), OTHER: ItemFacts("O", inspect=True)}, {},
        standing, lines, {},
    )  # fmt: skip
    return replace(made, **fields)  # type: ignore[arg-type]


def read(*numbers: int, sure: bool = True) -> list[ReadTag]:
    return [ReadTag(f"E{n}", sure, 0.9) for n in numbers]


def kinds(decision: Decision) -> list[str]:
    return [str(finding.kind) for finding in decision.findings]


def posted(decision: Decision) -> set[str]:
    return {tag.epc for one in decision.lines for tag in one.tags}


@pytest.mark.parametrize(
    ("lines", "line_id", "finding"),
    [
        ([line(1, 5, "D2"), line(2, 5), line(3, 5, "D1")], 3, None),  # this door first
        ([line(1, 5, "D2"), line(2, 5)], 2, None),  # then without a door
        ([line(1, 5, "D2")], 1, "wrong_door"),
        ([line(1, 5), line(2, 5)], 1, None),  # the earlier document
        ([line(1, 0, "D1"), line(2, 5)], 2, None),  # a full one takes nothing
        ([line(1, 0, "D1")], None, "over"),
        ([line(1, 5, item=OTHER)], None, "no_document"),
        ([], None, "no_document"),
    ],
)
def test_the_document_is_chosen_in_order(lines: list[LineFacts], line_id: int | None, finding: str | None) -> None:
    decision = decide(facts([goods(1)], lines), read(1), Rules())
    assert [one.line_id for one in decision.lines] == ([line_id] if line_id else [])
    assert kinds(decision) == ([finding] if finding else [])


def test_an_announced_epc_beats_the_door() -> None:
    known = facts([goods(1)], [line(1, 5, "D1"), line(2, 5, "D2")], announced={"E1": (2,)})
    assert [one.line_id for one in decide(known, read(1), Rules()).lines] == [2]


def test_the_document_that_announced_most_of_the_load_takes_the_rest() -> None:
    tags = [goods(n) for n in (1, 2, 3)]
    known = facts(tags, [line(1, 5), line(2, 5)], announced={"E1": (2,), "E2": (2,)})
    assert {one.line_id for one in decide(known, read(1, 2, 3), Rules()).lines} == {2}


def test_goods_out_at_the_wrong_door_are_held_not_posted() -> None:
    decision = decide(facts([goods(1)], [line(1, 5, "D2")], Flow.OUT), read(1), Rules())
    assert (decision.lines, kinds(decision)) == ((), ["wrong_door"])
    assert decision.findings[0].held[0].line_id == 1


@pytest.mark.parametrize(("unread", "inferred"), [(0, True), (1, True), (2, True), (3, False), (10, False)])
def test_the_share_that_may_go_unread(unread: int, inferred: bool) -> None:
    contents = tuple(t.goods for t in (goods(n) for n in range(10)) if t.goods is not None)
    tags = [TagFacts("E99", hu_id=7), *(goods(n, serial_id=n) for n in range(unread, 10))]
    known = facts(tags, [line(1, 20)], contents={7: contents})
    decision = decide(known, [*read(*range(unread, 10)), ReadTag("E99", True)], Rules(inferred_share_max=0.2))
    assert sum(one.quantity for one in decision.lines) == (10 if inferred else 10 - unread)
    assert kinds(decision) == ([] if inferred else ["short"])
    assert sum(tag.inferred for one in decision.lines for tag in one.tags) == (unread if inferred else 0)


def test_expired_goods_that_arrive_are_held_for_blocked_stock() -> None:
    known = facts([goods(1, lot_id=5)], [line(1, 5)], lots={5: LotFacts("L", date(2026, 2, 28))})
    decision = decide(known, read(1), Rules())
    assert kinds(decision) == ["expired"]
    assert decision.findings[0].held[0].target.status is StockStatus.BLOCKED


def test_goods_to_inspect_arrive_in_inspection() -> None:
    (one,) = decide(facts([goods(1, OTHER)], [line(1, 5, item=OTHER)]), read(1), Rules()).lines
    assert one.target.status is StockStatus.INSPECTION


numbers = st.integers(0, 11)


@given(
    st.lists(st.tuples(numbers, st.booleans()), unique_by=lambda t: t[0]),
    st.sets(numbers),
    st.sets(numbers),
    st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from(["", "D1", "D2"]), st.sampled_from([ITEM, OTHER])), max_size=4
    ),
    st.sampled_from([Flow.IN, Flow.OUT, Flow.INTERNAL]),
    st.floats(0, 1),
)
def test_every_tag_ends_in_exactly_one_place_and_no_line_takes_more_than_its_room(
    seen: list[tuple[int, bool]],
    unknown: set[int],
    standing: set[int],
    shapes: list[tuple[int, str, int]],
    flow: Flow,
    share: float,
) -> None:
    tags = [goods(n, ITEM if n % 3 else OTHER, serial_id=n + 1) for n in range(12) if n not in unknown]
    contents = tuple(t.goods for t in tags[:5] if t.goods is not None)
    lines = [line(n + 1, room, door, item) for n, (room, door, item) in enumerate(shapes)]
    known = facts(
        [*tags, TagFacts("E99", hu_id=7)], lines, flow, contents={7: contents},
        standing={f"E{n}": Place(STAGE) for n in standing}, source_id=STAGE,
        target_id=YARD if flow is not Flow.IN else STAGE,
    )  # fmt: skip
    reads = [ReadTag(f"E{n}", sure) for n, sure in seen] + [ReadTag("E99", True)]
    decision = decide(known, reads, Rules(share))
    in_lines = [tag.epc for one in decision.lines for tag in one.tags if tag.epc != "E99"]
    in_findings = [epc for finding in decision.findings for epc in finding.epcs]
    reported_only = [
        epc for finding in decision.findings if finding.kind is FindingKind.WRONG_DOOR and not finding.held
        for epc in finding.epcs
    ]  # fmt: skip
    placed = in_lines + [epc for epc in in_findings if epc not in reported_only]
    assert len(placed) == len(set(placed))
    sure = {f"E{n}" for n, certain in seen if certain}
    assert sure <= set(placed) | {t for t in sure if flow is Flow.INTERNAL}
    for one in lines:
        taken = sum((p.quantity for p in decision.lines if p.line_id == one.line_id), Decimal(0))
        assert taken <= one.room
    assert decide(known, list(reversed(reads)), Rules(share)) == decision
