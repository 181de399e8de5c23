"""What open documents expect at a portal, for signals and for the people in the door."""

from collections import defaultdict
from datetime import UTC

from warehouse.loads import Expectation, ExpectedDocument
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.loads.barred import barred_at
from warehouse.times import to_us

# A portal's screen and the edge hold this list; a larger one is cut, earliest documents first.
EPCS_MAX = 20_000


def expected_at(conn: Conn, portal: str) -> Expectation:
    """Open documents that name this door, and what of them is still to come or go.

    A document's `epcs` are announced tags and handling units, with the units' tagged contents, that none of its
    movements has moved; what a transfer has shipped elsewhere comes in here. Its `items` are open quantities of lines
    whose goods nobody announced by EPC. `barred` of them the books would hold (`loads.barred`). A document that expects
    nothing any more is left out.
    """
    documents = conn.execute(
        """select document_id, number from document where status = 'open' and door = %s
           order by expected_at nulls last, document_id""",
        (portal,),
    ).fetchall()
    ids = [document_id for document_id, _ in documents]
    now = conn.execute("select now()").fetchone()
    assert now is not None
    at = now[0]
    if not ids:
        return Expectation(portal, to_us(at))
    epcs = conn.execute(
        """with announced as (
               select a.document_id, t.epc, t.hu_id, t.item_id from document_tag a join tag t using (epc)
               where a.document_id = any(%(ids)s)),
           whole as (
               select document_id, epc, item_id from announced
               union select a.document_id, c.epc, c.item_id from announced a join hu_content c on c.hu_id = a.hu_id
               where c.epc is not null),
           moved as (
               select l.document_id, mt.epc from document_line l join move m using (line_id)
               join move_tag mt on mt.seq = m.seq
               where l.document_id = any(%(ids)s) and m.reverses is null
                 and (m.line_role = 'fulfil' or exists (
                     select from posting p where p.passage_id = m.passage_id and p.portal = %(portal)s))
                 and not exists (select from move r where r.reverses = m.seq))
           select w.document_id, w.epc from whole w
           where not exists (select from moved x where x.document_id = w.document_id and x.epc = w.epc)
           order by array_position(%(ids)s::bigint[], w.document_id), w.epc limit %(limit)s""",
        {"ids": ids, "portal": portal, "limit": EPCS_MAX},
    ).fetchall()
    items = conn.execute(
        """with announced as (
               select a.document_id, coalesce(t.item_id, c.item_id) as item_id
               from document_tag a join tag t using (epc)
               left join hu_content c on c.hu_id = t.hu_id where a.document_id = any(%(ids)s))
           select l.document_id, coalesce(i.gtin, i.code), sum(l.quantity - l.fulfilled)
           from document_line l join item i using (item_id)
           where l.document_id = any(%(ids)s) and l.fulfilled < l.quantity and not exists (
               select from announced a where a.document_id = l.document_id and a.item_id = l.item_id)
           group by 1, 2 order by 1, 2""",
        {"ids": ids},
    ).fetchall()
    epcs_of: dict[int, list[str]] = defaultdict(list)
    for document_id, epc in epcs:
        epcs_of[document_id].append(epc)
    items_of: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for document_id, code, quantity in items:
        items_of[document_id].append((code, int(quantity)))
    barred = barred_at(conn, ids, at.astimezone(UTC).date())
    return Expectation(
        portal,
        to_us(at),
        tuple(
            ExpectedDocument(
                number, tuple(epcs_of[document_id]), tuple(items_of[document_id]), barred.get(document_id, ())
            )
            for document_id, number in documents
            if epcs_of[document_id] or items_of[document_id]
        ),
    )
