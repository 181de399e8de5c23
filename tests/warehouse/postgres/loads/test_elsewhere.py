"""Loads at several doors at the same time, posted in every order there is: the same stock, movements and questions."""

import random
from dataclasses import replace
from decimal import Decimal
from itertools import permutations
from uuid import UUID

import psycopg
import pytest

from tests.warehouse.postgres.store import Store
from warehouse.commands import Resolution, ResolveDiscrepancy
from warehouse.loads import Load, LoadTag
from warehouse.postgres.database.connect import connect
from warehouse.postgres.loads.posting import post_load
from warehouse.site import Direction, Effect
from warehouse.times import from_us

S = 1_000_000
DOORS = ("D1", "D2", "D3")
NOON = 1_767_614_400 * S
_OUTCOME = {
    "open": """select discrepancy_id, kind, passage_id, revision, portal, document_id, line_id, item_id, epcs, quantity,
                      detail, held, at, other_passage_id from discrepancy where state = 'open' order by 1""",
    "stock": """select item_id, lot_id, serial_id, location_id, status, sum(on_hand) from balance
                group by 1, 2, 3, 4, 5 having sum(on_hand) <> 0 order by 1, 2, 3, 4, 5""",
    "lines": "select line_id, fulfilled from document_line order by 1",
    "tags": """select epc, array_agg(row (m.from_location_id, m.to_location_id)::text order by m.seq)
               from move_tag join move m using (seq) join tag t using (epc) where t.item_id is not null
               group by 1 order by 1""",
}
_MOVES = """select move_id, item_id, quantity, from_location_id, from_hu_id, to_location_id, to_hu_id, line_id,
                   passage_id, array(select epc from move_tag t where t.seq = m.seq order by 1)
            from move m order by 1"""
_CLAIMED_TWICE = """select exists (select from posting, unnest(sure || inferred) as e (epc)
                                   where at >= %s group by epc having count(*) > 1)"""
Outcome = dict[str, list[tuple[object, ...]]]


def outcome_of(store: Store, loads: tuple[Load, ...]) -> Outcome:
    """What posting them in this order comes to. Undone afterwards.

    Which movement it was, and in which unit, hangs on the order where two doors were sure of a tag, and only there.
    """
    with store.conn.transaction(force_rollback=True):
        for load in loads:
            post_load(store.conn, load)
        found = {name: store.conn.execute(query.encode()).fetchall() for name, query in _OUTCOME.items()}
        if not store.one(_CLAIMED_TWICE, (from_us(NOON),)):
            found["moves"] = store.conn.execute(_MOVES.encode()).fetchall()
        return found


def in_every_order(store: Store, loads: tuple[Load, ...]) -> Outcome:
    """The outcome that every order shares in which each door's loads come one after another."""

    def at_door(order: tuple[Load, ...], door: str) -> list[int]:
        return [load.at_us for load in order if load.portal == door]

    orders = [
        order
        for order in permutations(loads)
        if all(at_door(order, door) == sorted(at_door(order, door)) for door in DOORS)
    ]
    first, *others = (outcome_of(store, order) for order in orders)
    for other in others:
        for name in first.keys() | other.keys():
            assert other[name] == first[name], name
    return first


def drawn(rng: random.Random, epcs: tuple[str, ...], way: Direction) -> tuple[Load, ...]:
    """Three or four loads at three doors within ten seconds; few tags are certain at two."""
    ends = ("YARD", "STAGE") if way is Direction.IN else ("STAGE", "YARD")
    loads: list[Load] = []
    certain: set[str] = set()
    for n, door in enumerate(rng.sample(DOORS, 3) + rng.sample(DOORS, rng.randint(0, 1))):
        verdicts = {epc: rng.random() < (0.1 if epc in certain else 0.4) for epc in epcs if rng.random() < 0.6}
        certain.update(epc for epc, sure in verdicts.items() if sure)
        tags = tuple(LoadTag(epc, sure, 0.9 if sure else 0.4) for epc, sure in verdicts.items())
        began_us = NOON + rng.randrange(5) * S
        at_us = began_us + rng.randrange(5) * S + n
        passage = UUID(int=rng.getrandbits(128))
        loads.append(Load(passage, 0, door, way, Effect.POST, *ends, at_us, tags, 0.2, began_us))
    return tuple(loads)


@pytest.mark.parametrize("way", [Direction.IN, Direction.OUT])
def test_the_order_in_which_doors_are_posted_changes_nothing(way: Direction, store: Store) -> None:
    store.items(1, 2)
    pieces, cartons, serials = store.tags(2, 1, 4), store.tags(2, 11, 3), store.tags(1, 1, 2)
    pallet = store.pallet(1, cartons)
    epcs = (pallet, *cartons, *pieces, *serials)
    store.document("purchase_receipt", "ASN-1", {"I1": 900, "I2": 900})
    store.document("delivery", "DN-1", {"I1": 900, "I2": 900})
    if way is Direction.OUT:
        there = Load(UUID(int=1), 0, "D1", Direction.IN, Effect.POST, "YARD", "STAGE", NOON - 3600 * S, ())
        store.post(replace(there, tags=tuple(LoadTag(epc, True, 0.9) for epc in epcs)))
    kinds: set[object] = set()
    same_moves = 0
    for seed in range(12):
        shared = in_every_order(store, drawn(random.Random(f"{way}/{seed}"), epcs, way))
        kinds.update(row[1] for row in shared["open"])
        same_moves += "moves" in shared
    assert {"duplicate_tag", "unsure"} <= kinds
    assert same_moves


def test_a_doubt_at_one_door_is_no_question_when_another_was_sure(store: Store) -> None:
    store.items(2)
    a, b, c = store.tags(2, 1, 3)
    store.document("purchase_receipt", "ASN-1", {"I2": 9})
    doubting = store.load((c,), unsure=(a, b))
    sure = store.load((a,), portal="D2")
    store.post(doubting)
    assert store.one("select epcs from discrepancy where state = 'open'") == [a, b]
    store.post(replace(sure, at_us=sure.at_us + 15 * S, began_us=sure.at_us + 5 * S))
    asked, quantity, held = store.conn.execute(
        "select epcs, quantity, held from discrepancy where state = 'open' and kind = 'unsure'"
    ).fetchone() or ((), 0, [])
    assert (asked, quantity, held[0]["quantity"], [tag[0] for tag in held[0]["tags"]]) == ([b], 1, "1", [b])
    assert store.one("select note from discrepancy where state = 'superseded'") == f"passage {sure.passage_id}"
    question = store.one("select discrepancy_id from discrepancy where state = 'open'")
    store.do(ResolveDiscrepancy(question, Resolution.POST))
    assert store.stock("I2") == 3


def test_a_tag_at_another_door_later_is_a_question_of_its_own(store: Store) -> None:
    store.items(2)
    (a,) = store.tags(2, 1, 1)
    store.document("purchase_receipt", "ASN-1", {"I2": 9})
    store.post(store.load((), unsure=(a,)))
    later = store.load((a,), portal="D2")
    store.post(replace(later, at_us=later.at_us + 10 * S))
    assert store.findings() == ["unsure"]


def test_the_question_about_two_tags_belongs_to_the_later_load_and_follows_amendments(store: Store) -> None:
    store.items(2)
    a, b = store.tags(2, 1, 2)
    store.document("purchase_receipt", "ASN-1", {"I2": 9})
    early = replace(store.load((a, b)), began_us=NOON)
    late = replace(store.load((a, b), portal="D2"), at_us=early.at_us + 4 * S)

    def asked() -> list[tuple[object, ...]]:
        return store.conn.execute(
            "select passage_id, revision, epcs from discrepancy where kind = 'duplicate_tag' and state = 'open'"
        ).fetchall()

    store.post(late)
    store.post(early)
    assert asked() == [(late.passage_id, 0, [a, b])]
    assert store.findings() == ["duplicate_tag"]  # and not also that it is in stock already
    store.post(replace(early, revision=1, tags=early.tags[:1]))
    assert asked() == [(late.passage_id, 0, [a])]
    store.post(replace(late, revision=1, tags=late.tags[1:]))
    assert asked() == []
    # The late one had moved both, and has let go of one: whether it came with the early one is for a person to say.
    assert store.stock("I2") == 1
    left = store.one("select row (passage_id, epcs)::text from discrepancy where kind = 'unsure' and state = 'open'")
    assert left == f"({early.passage_id},{{{a}}})"


def test_what_only_observes_and_tags_nobody_knows_are_left_out(store: Store) -> None:
    store.items(2)
    (a,) = store.tags(2, 1, 1)
    store.document("purchase_receipt", "ASN-1", {"I2": 9})
    store.post(store.load((a, "E28011606000020000000001")))
    store.post(store.load((a,), portal="D2", effect=Effect.OBSERVE))
    store.post(store.load(("E28011606000020000000001",), portal="D3"))
    assert store.findings() == ["unknown_tag", "unknown_tag"]


def test_two_workers_that_post_at_once_ask_once(store: Store, database: str) -> None:
    """The second waits for the first at the tag, and sees it."""
    store.items(2)
    (a,) = store.tags(2, 1, 1)
    store.document("purchase_receipt", "ASN-1", {"I2": 9})
    other = connect(database)
    other.execute("set lock_timeout = '1ms'")
    with store.conn.transaction():
        post_load(store.conn, store.load((a,), outside="GATE"))
        with pytest.raises(psycopg.errors.LockNotAvailable), other.transaction():
            post_load(other, store.load((a,), portal="D2", effect=Effect.SUGGEST))
    with other.transaction():
        post_load(other, store.load((a,), portal="D2", effect=Effect.SUGGEST))
    other.close()
    assert store.findings() == ["duplicate_tag"]
    assert store.stock("I2") == Decimal(1)
