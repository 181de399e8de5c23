"""The auditor on hand-made books: each kind of mistake is seen as what it is, and perfect books as perfect."""

import io
import json
from dataclasses import replace
from decimal import Decimal

import pytest
from rich.console import Console

from simulators.auditor import MovementRow, PassageRow, StockRow, audit
from simulators.auditor_table import score_table
from simulators.physics.recording import LoadTruth
from simulators.plant import Plant
from simulators.plant_truth import PlantLoad, PlantTruth, StockTruth
from warehouse.site import Direction

IN, OUT = Direction.IN, Direction.OUT


def load(load_id: str, at_s: int, direction: Direction, tags: int, *, extra: int = 0) -> PlantLoad:
    cartons = tuple(f"{load_id}-{number}" for number in range(tags))
    added = tuple(f"{load_id}-x{number}" for number in range(extra))
    passed = LoadTruth(
        load_id, "door-1", direction, at_s * 1_000_000, at_s * 1_000_000 + 2_000_000, (f"{load_id}-p", *cartons, *added)
    )
    return PlantLoad(passed, f"doc-{load_id}", "A", cartons, tuple((epc, "A") for epc in added), (), ())


TRUTH = PlantTruth(
    (load("one", 10, IN, 5), load("two", 40, OUT, 3), load("three", 70, IN, 4, extra=1)),
    (StockTruth("A", "inside", 16, 17),),
    ("parked-1",),
)


def right_passages() -> list[PassageRow]:
    return [
        PassageRow(
            f"passage-{item.load.load_id}", "door-1", item.load.direction, item.load.start_us - 300_000,
            item.load.end_us + 900_000, item.load.epcs,
        )
        for item in TRUTH.loads
    ]  # fmt: skip


def right_movements() -> list[MovementRow]:
    return [
        MovementRow("m1", "passage-one", "A", Decimal(5), "SUPPLIER", "inside"),
        MovementRow("m2", "passage-two", "A", Decimal(3), "inside", "CUSTOMER"),
        MovementRow("m3", "passage-three", "A", Decimal(4), "SUPPLIER", "inside"),
    ]


RIGHT_STOCK = [StockRow("A", "inside", Decimal(16)), StockRow("A", "SUPPLIER", Decimal(-9))]


def test_perfect_books_score_perfectly() -> None:
    score = audit(TRUTH, right_passages(), right_movements(), RIGHT_STOCK)
    assert (score.tag_precision, score.tag_recall, score.exact_load_share, score.direction_share) == (1, 1, 1, 1)
    assert score.books_agree
    assert score.findings == ()


def test_a_rule_may_post_or_hold_what_was_not_announced() -> None:
    movements = right_movements()
    movements[2] = replace(movements[2], quantity=Decimal(5))
    assert audit(TRUTH, right_passages(), movements, [StockRow("A", "inside", Decimal(17))]).books_agree


def test_a_movement_not_posted_is_lost() -> None:
    score = audit(TRUTH, right_passages(), right_movements()[1:], [StockRow("A", "inside", Decimal(11))])
    assert (score.cartons_lost, score.cartons_doubled, score.cartons_astray) == (5, 0, 0)
    assert score.stock_lines_different == 1
    assert not score.books_agree


def test_a_movement_posted_twice_is_doubled() -> None:
    movements = [*right_movements(), replace(right_movements()[1], movement_id="m9")]
    score = audit(TRUTH, right_passages(), movements, [StockRow("A", "inside", Decimal(13))])
    assert (score.cartons_lost, score.cartons_doubled) == (0, 3)


def test_a_posting_and_its_reversal_are_nothing() -> None:
    wrong = MovementRow("m8", "passage-one", "B", Decimal(2), "SUPPLIER", "inside")
    back = replace(wrong, movement_id="m9", from_location="inside", to_location="SUPPLIER")
    assert audit(TRUTH, right_passages(), [*right_movements(), wrong, back], RIGHT_STOCK).books_agree


def test_a_posting_without_a_load_is_astray() -> None:
    ghost = PassageRow("ghost", "door-1", OUT, 25_000_000, 26_000_000, ("parked-1",))
    posted = MovementRow("m7", "ghost", "A", Decimal(1), "inside", "CUSTOMER")
    score = audit(
        TRUTH, [*right_passages(), ghost], [*right_movements(), posted], [StockRow("A", "inside", Decimal(15))]
    )
    assert (score.passages_spurious, score.cartons_astray, score.tags_wrong) == (1, 1, 1)
    assert score.loads_exact == 3


def test_a_stray_in_a_load_costs_precision_and_a_missed_tag_recall() -> None:
    passages = right_passages()
    passages[0] = replace(passages[0], belongs=(*passages[0].belongs, "parked-1"))
    passages[1] = replace(passages[1], belongs=passages[1].belongs[:-1], unsure=passages[1].belongs[-1:])
    score = audit(TRUTH, passages, right_movements(), RIGHT_STOCK)
    assert score.tag_precision == pytest.approx(15 / 16)
    assert score.tag_recall == pytest.approx(15 / 16)
    assert (score.loads_exact, score.tags_unsure) == (1, 1)


def test_a_wrong_direction_is_posted_the_wrong_way() -> None:
    passages = right_passages()
    passages[0] = replace(passages[0], direction=OUT)
    movements = right_movements()
    movements[0] = MovementRow("m1", "passage-one", "A", Decimal(5), "inside", "CUSTOMER")
    score = audit(TRUTH, passages, movements, [StockRow("A", "inside", Decimal(6))])
    assert score.direction_right == 2
    assert score.cartons_lost == 10


def test_a_load_nobody_saw_and_a_passage_of_no_tags() -> None:
    empty = PassageRow("empty", "door-1", Direction.UNSURE, 90_000_000, 91_000_000, ())
    score = audit(TRUTH, [*right_passages()[1:], empty], right_movements()[1:], [StockRow("A", "inside", Decimal(11))])
    assert (score.loads_without_passage, score.passages_spurious, score.tags_missed) == (1, 0, 6)


def test_a_load_split_in_two_passages_matches_the_larger() -> None:
    passages = right_passages()
    first = replace(passages[0], belongs=passages[0].belongs[:2])
    second = replace(passages[0], passage_id="passage-more", belongs=passages[0].belongs[2:])
    score = audit(TRUTH, [first, second, *passages[1:]], right_movements(), RIGHT_STOCK)
    assert (score.passages_spurious, score.tags_missed, score.tags_wrong) == (1, 2, 2)


def test_unknown_stock_at_a_known_place_differs() -> None:
    score = audit(TRUTH, right_passages(), right_movements(), [*RIGHT_STOCK, StockRow("Z", "inside", Decimal(1))])
    assert (score.stock_lines, score.stock_lines_different) == (2, 1)


def test_a_days_own_truth_passes_the_audit() -> None:
    plant = Plant(3, 120.0)
    passages, movements = [], []
    held = {line.item: Decimal(0) for line in plant.truth.stock}
    for opening in plant.opening:
        held[opening.unit.item] += len(opening.unit.cartons)
    for item in plant.truth.loads:
        passed = item.load
        passages.append(
            PassageRow(passed.load_id, passed.portal, passed.direction, passed.start_us, passed.end_us, passed.epcs)
        )
        ends = ("SUPPLIER", "inside") if passed.direction is IN else ("inside", "CUSTOMER")
        movements.append(MovementRow(passed.load_id, passed.load_id, item.item, Decimal(len(item.announced)), *ends))
        held[item.item] += len(item.announced) * (1 if passed.direction is IN else -1)
    stock = [StockRow(code, "inside", quantity) for code, quantity in held.items()]
    score = audit(plant.truth, passages, movements, stock)
    assert score.books_agree
    assert score.exact_load_share == 1.0


def test_the_score_prints_and_is_json() -> None:
    score = audit(TRUTH, right_passages()[1:], right_movements(), RIGHT_STOCK)
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(score_table(score))
    text = console.export_text()
    assert "tag precision" in text
    assert "no passage" in text
    assert json.loads(json.dumps(score.as_json()))["loads"] == 3
