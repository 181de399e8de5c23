"""Seals: a Merkle tree over all movements, so that whoever kept a head can prove that nothing before it was changed.

Movements are sealed in stretches, in the order of the ledger's cursor (tx, seq) and below the oldest transaction still
running, so nothing can come into a sealed stretch later. Each stretch has the root over its movements; the head is the
root over the roots of all stretches. Triggers and rights keep movements from being changed; a seal tells when somebody
went round them. Who could rewrite the ledger could rewrite its seals too: so the head is told to others as it is made
(outbox topic `ledger_sealed`) and printed by `tagledger doctor --ledger`, for people to keep elsewhere.
"""

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from warehouse import merkle
from warehouse.postgres import outbox
from warehouse.postgres.books.balances import Conn

# Arbitrary, the same in every version of this program: one sealer at a time.
_LOCK = 0x7365616C

# Movements of one stretch at most: a proof reads its whole stretch.
STRETCH_MAX = 20_000

# What of a movement is sealed: everything but what PostgreSQL made of it. Times as microseconds, so that no session
# setting changes the text.
LEAF = """json_build_array(m.seq, m.move_id, m.kind, m.line_id, m.item_id, m.lot_id, m.serial_id,
    trim_scale(m.quantity), m.from_location_id, m.to_location_id, m.from_hu_id, m.to_hu_id, m.from_status, m.to_status,
    m.owner, (extract(epoch from m.effective_at) * 1000000)::bigint,
    (extract(epoch from m.recorded_at) * 1000000)::bigint, m.actor, m.device,
    m.reason, m.passage_id, m.request_id, m.reverses, m.line_role)::text"""

# Of the movements after one place of the cursor and through another.
LEAVES = f"""select {LEAF} from move m where (m.tx, m.seq) > (%s::text::xid8, %s)
    and (m.tx, m.seq) <= (%s::text::xid8, %s) order by m.tx, m.seq"""  # noqa: S608  (a constant)


@dataclass(frozen=True, slots=True)
class Seal:
    """One stretch: how many there are with it, its movements, its root and the head over all roots."""

    size: int
    moves: int
    root: bytes
    head: bytes


def seal(conn: Conn) -> Seal | None:
    """Seal the next stretch in the caller's transaction; None when there is nothing certain to seal."""
    conn.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
    last = conn.execute(
        "select size, last_tx::text, last_seq from ledger_seal order by size desc limit 1"
    ).fetchone() or (0, "0", 0)
    rows = conn.execute(
        f"""select m.tx::text, m.seq, {LEAF} from move m
           where (m.tx, m.seq) > (%s::text::xid8, %s) and m.tx < pg_snapshot_xmin(pg_current_snapshot())
           order by m.tx, m.seq limit %s""",  # noqa: S608  (a constant)
        (last[1], last[2], STRETCH_MAX),
    ).fetchall()
    if not rows:
        return None
    root = merkle.root([text.encode() for _, _, text in rows])
    made = Seal(last[0] + 1, len(rows), root, merkle.root([*_roots(conn), root]))
    conn.execute(
        """insert into ledger_seal (size, first_seq, last_tx, last_seq, moves, root, head)
           values (%s, %s, %s::text::xid8, %s, %s, %s, %s)""",
        (made.size, rows[0][1], rows[-1][0], rows[-1][1], made.moves, root, made.head),
    )
    outbox.add(conn, "ledger_sealed", str(made.size), {"moves": made.moves, "head": made.head.hex()})
    return made


def verify(conn: Connection[Any]) -> list[str]:
    """What does not fit, a line each; empty when every movement is as it was sealed."""
    wrong = []
    roots: list[bytes] = []
    before = ("0", 0)
    for size, last_tx, last_seq, moves, root, head in conn.execute(
        "select size, last_tx::text, last_seq, moves, root, head from ledger_seal order by size"
    ).fetchall():
        leaves = _leaves(conn, before, (last_tx, last_seq))
        if len(leaves) != moves or merkle.root(leaves) != bytes(root):
            wrong.append(f"stretch {size}: {len(leaves)} movements of {moves} sealed ones, or other ones")
        roots.append(bytes(root))
        if size != len(roots) or merkle.root(roots) != bytes(head):
            wrong.append(f"stretch {size}: its head is not that of the stretches up to it")
        before = (last_tx, last_seq)
    return wrong


def head_of(conn: Connection[Any]) -> tuple[int, str] | None:
    """How many stretches are sealed, and the head; None before the first."""
    row = conn.execute("select size, encode(head, 'hex') from ledger_seal order by size desc limit 1").fetchone()
    return None if row is None else (row[0], row[1])


def extends(conn: Connection[Any], size: int, head: bytes) -> bool:
    """Whether the ledger of today begins with the one somebody kept the head of."""
    roots = _roots(conn)
    if not 0 < size <= len(roots):
        return False
    proof = merkle.consistency_proof(roots, size)
    return merkle.is_consistent(head, size, merkle.root(roots), len(roots), proof)


def _roots(conn: Connection[Any]) -> list[bytes]:
    return [bytes(root) for (root,) in conn.execute("select root from ledger_seal order by size")]


def _leaves(conn: Connection[Any], after: tuple[str, int], through: tuple[str, int]) -> list[bytes]:
    return [
        text.encode()
        for (text,) in conn.execute(
            LEAVES,
            (*after, *through),
        )
    ]
