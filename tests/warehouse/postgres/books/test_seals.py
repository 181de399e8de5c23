"""Seals over a real ledger: proofs hold, and whatever is changed behind the ledger's back is found."""

from collections.abc import Iterator
from decimal import Decimal

import psycopg
import pytest

from tests.warehouse.postgres.store import Store, open_store
from warehouse import commands as c
from warehouse import merkle
from warehouse.postgres.books import seals
from warehouse.postgres.queries.proofs import prove


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    made = open_store(database, owner=True)  # tampering is the owner's
    made.items(2)
    for quantity in (3, 5, 7):
        made.do(c.AdjustStock("I2", Decimal(quantity), "STAGE", "found"))
    yield made
    made.conn.close()


def seal(store: Store) -> seals.Seal | None:
    with store.conn.transaction():
        return seals.seal(store.conn)


def test_each_seal_takes_what_is_new_and_a_kept_head_is_the_beginning_of_the_next(store: Store) -> None:
    first = seal(store)
    assert first is not None
    assert (first.size, first.moves, seal(store)) == (1, 3, None)
    for _ in range(4):
        store.do(c.MoveStock("I2", Decimal(1), "STAGE", "BIN-1"))
        assert seal(store) is not None
    assert seals.verify(store.conn) == []
    assert seals.extends(store.conn, 1, first.head)
    assert not seals.extends(store.conn, 2, first.head)
    assert not seals.extends(store.conn, 9, first.head)
    told = store.conn.execute("select payload ->> 'head' from outbox where topic = 'ledger_sealed' order by seq")
    assert seals.head_of(store.conn) == (5, told.fetchall()[-1][0])


async def test_a_movement_is_proven_against_the_head_alone(store: Store, database: str) -> None:
    seal(store)
    moved = store.do(c.MoveStock("I2", Decimal(1), "STAGE", "BIN-1"))
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as reading:
        assert await prove(reading, moved["move_id"]) is None
        sealed = seal(store)
        proof = await prove(reading, moved["move_id"])
    assert sealed is not None
    assert proof is not None
    root, head = bytes.fromhex(proof.root), bytes.fromhex(proof.head)
    in_stretch, in_ledger = ([bytes.fromhex(each) for each in way] for way in (proof.in_stretch, proof.in_ledger))
    assert merkle.includes(root, proof.moves, proof.sealed.encode(), proof.place, in_stretch)
    assert merkle.includes(head, proof.stretches, root, proof.stretch, in_ledger)
    assert head == sealed.head
    other = proof.sealed.replace(", 1, ", ", 2, ", 1).encode()
    assert other != proof.sealed.encode()
    assert not merkle.includes(root, proof.moves, other, proof.place, in_stretch)


@pytest.mark.parametrize(
    "tampering",
    [
        "update move set quantity = quantity + 1 where seq = (select min(seq) from move)",
        "update move set reason = 'another' where seq = (select max(seq) from move)",
        "delete from move where seq = (select max(seq) from move)",
        "update move set effective_at = effective_at - interval '1 day'",
        "update ledger_seal set root = head || '' where size = 2",
        "update ledger_seal set head = root where size = 2",
    ],
)
def test_whatever_is_changed_behind_its_back_is_found(store: Store, tampering: str) -> None:
    seal(store)
    store.do(c.MoveStock("I2", Decimal(1), "STAGE", "BIN-1"))
    seal(store)
    with pytest.raises(psycopg.errors.IntegrityError):
        store.conn.execute(tampering.encode())
    with store.conn.transaction():
        store.conn.execute("set local session_replication_role = replica")  # a superuser goes round the triggers
        store.conn.execute(tampering.encode())
    assert seals.verify(store.conn) != []


def test_what_is_not_certain_yet_waits(store: Store, database: str) -> None:
    with psycopg.connect(database) as running:
        running.execute("select pg_current_xact_id()")
        store.do(c.AdjustStock("I2", Decimal(1), "STAGE", "found"))
        sealed = seal(store)
        assert sealed is not None
        assert sealed.moves == 3
    sealed = seal(store)
    assert sealed is not None
    assert sealed.moves == 1
