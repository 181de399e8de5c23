"""Which tags go with stock that is moved by hand, as a quantity: all of a balance's when all of it moves.

Tags stand where a movement last took them, in the status it gave them. A decision on a whole pallet (inspected,
blocked) names no tags, and without them its pieces would be in inspection for ever as far as a door knows. Which pieces
a part of a balance is, nobody said: its tags stay as they were, and a door that reads them asks a person.
"""

from dataclasses import replace

from warehouse.ledger import MovedTag, NewMove
from warehouse.postgres.books.balances import Conn


def with_its_tags(conn: Conn, move: NewMove) -> NewMove:
    """The movement with the tags of its stock, if it takes the whole balance."""
    key = move.key_at(move.source)
    rows = conn.execute(
        """with held as (
               select on_hand from balance
               where item_id = %(item_id)s and location_id = %(location_id)s and status = %(status)s
                 and coalesce(lot_id, 0) = coalesce(%(lot_id)s, 0)
                 and coalesce(serial_id, 0) = coalesce(%(serial_id)s, 0)
                 and coalesce(hu_id, 0) = coalesce(%(hu_id)s, 0) and owner = %(owner)s)
           select distinct mt.epc from move m join move_tag mt using (seq) join tag t using (epc)
           where exists (select from held where on_hand = %(quantity)s)
             and m.item_id = %(item_id)s and m.to_location_id = %(location_id)s and m.to_status = %(status)s
             and m.lot_id is not distinct from %(lot_id)s and m.serial_id is not distinct from %(serial_id)s
             and m.to_hu_id is not distinct from %(hu_id)s and m.owner = %(owner)s and t.item_id = m.item_id
             and not exists (select from move_tag later where later.epc = mt.epc and later.seq > mt.seq)
           order by 1""",
        key._asdict() | {"quantity": move.quantity},
    )
    return replace(move, tags=tuple(MovedTag(epc, inferred=True) for (epc,) in rows))
