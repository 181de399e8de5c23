"""That a movement is in the sealed ledger, for anybody who kept a head; RFC 9162, 2.1.3.2 says how to check it."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from warehouse import merkle
from warehouse.postgres.books.seals import LEAF, LEAVES
from warehouse.postgres.queries.paging import AConn


@dataclass(frozen=True, slots=True)
class Proof:
    """`sealed` is the text that was sealed of the movement, leaf number `place` of the `moves` in its stretch.

    `in_stretch` leads from it to the stretch's `root`; that root is leaf number `stretch` of `stretches`, and
    `in_ledger` leads from it to the `head`. Hashes are SHA-256 in hexadecimal, from the leaf up.
    """

    sealed: str
    place: int
    moves: int
    in_stretch: tuple[str, ...]
    root: str
    stretch: int
    stretches: int
    in_ledger: tuple[str, ...]
    head: str


async def prove(connection: AConn, move_id: UUID) -> Proof | None:
    """For a sealed movement; None for one that is not sealed yet or not there. Reads the whole of its stretch."""
    async with connection.transaction():
        found = await connection.execute(
            f"select m.tx::text, m.seq, {LEAF} from move m where m.move_id = %s",  # noqa: S608  (a constant)
            (move_id,),
        )
        row = await found.fetchone()
        if row is None:
            return None
        tx, seq, sealed = row
        cursor = await connection.execute("select last_tx::text, last_seq, root, head from ledger_seal order by size")
        seals = await cursor.fetchall()
        ends = [(last_tx, last_seq) for last_tx, last_seq, _, _ in seals]
        stretch = next((n for n, (last_tx, last) in enumerate(ends) if (int(tx), seq) <= (int(last_tx), last)), None)
        if stretch is None:
            return None
        before = ends[stretch - 1] if stretch else ("0", 0)
        leaves = [
            text.encode() for (text,) in await (await connection.execute(LEAVES, (*before, *ends[stretch]))).fetchall()
        ]
    roots = [bytes(root) for _, _, root, _ in seals]
    place = leaves.index(sealed.encode())
    in_stretch = await asyncio.to_thread(merkle.inclusion_proof, leaves, place)
    return Proof(
        sealed,
        place,
        len(leaves),
        tuple(each.hex() for each in in_stretch),
        roots[stretch].hex(),
        stretch,
        len(roots),
        tuple(each.hex() for each in merkle.inclusion_proof(roots, stretch)),
        bytes(seals[-1][3]).hex(),
    )
