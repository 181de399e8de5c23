"""Receiving and issuing by scan: what a handheld read, decided by the rules of the portals, on the document in hand.

A portal posts what it can and reports the rest, because the goods have moved already. A person with a handheld is told
instead: one tag that does not fit refuses the whole scan, with the tag and the reason, and nothing is posted.
"""

from uuid import UUID

from warehouse.commands import Actor, Audit, RefusalCode, ScanDocument
from warehouse.fulfilment import Finding, FindingKind, LoadFacts, ReadTag, Rules, decide
from warehouse.ledger import Circumstance
from warehouse.loads import Load, LoadTag
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.clock import database_now
from warehouse.postgres.goods.scanned import find_scanned
from warehouse.postgres.goods.stock import post_or_refuse
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.loads.load_facts import read_facts
from warehouse.postgres.loads.posting import settle_lines, to_moves
from warehouse.postgres.naming import Refuse, find_location
from warehouse.postgres.transport.task_planning import after_issue, after_loose_receipt, after_receipt
from warehouse.site import Direction, Effect
from warehouse.times import to_us

# What a scan may leave out: contents of a unit that were not scanned one by one are taken as its packing list says.
_RULES = Rules(inferred_share_max=1.0)


def scan_document(conn: Conn, c: ScanDocument, actor: Actor, request_id: UUID) -> Answer:
    row = conn.execute(
        """select d.document_id, d.status, d.door, k.direction, k.counterpart, d.source_id, d.target_id
           from document d join document_kind k using (kind)
           where d.kind = %s and d.number = %s for update of d""",
        (c.kind, c.number),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "number", f"no {c.kind} {c.number!r}")
    document_id, status, door, direction, counterpart, source_id, target_id = row
    if status != "open" or direction == "plan":
        raise Refuse(RefusalCode.WRONG_STATE, "number", f"{c.number} is {status} and goes {direction}")
    scanned = _scanned(conn, c)
    epcs = sorted(scanned)
    if not epcs:
        raise Refuse(RefusalCode.INVALID, "epcs", "nothing was scanned")
    place = find_location(conn, c.location)
    at = c.effective_at or database_now(conn)
    inward = direction == "in"
    if direction == "internal":
        inward = _arrives(conn, c, place, source_id, target_id)
        counterpart = "SUPPLIER" if inward else "CUSTOMER"  # whichever: its lines name transit
    way = Direction.IN if inward else Direction.OUT
    source, target = (counterpart, c.location) if inward else (c.location, counterpart)
    tags = tuple(LoadTag(epc, True, 1.0) for epc in epcs)
    load = Load(request_id, 0, door, way, Effect.POST, source, target, to_us(at), tags)
    facts = read_facts(conn, load, epcs, only=document_id)
    decision = decide(facts, [ReadTag(epc, True) for epc in epcs], _RULES)
    if decision.findings:
        _refuse(decision.findings[0], facts, c, scanned)
    moves = to_moves(decision.lines, request_id, "scan")
    if not moves:
        raise Refuse(RefusalCode.INVALID, "epcs", "the scanned units are empty")
    post_or_refuse(conn, moves, Circumstance(actor.name, at, actor.device, request_id=request_id, reason="by scan"))
    settle_lines(conn, [move.line_id for move in moves if move.line_id is not None], at)
    units = {place.hu_id for move in moves for place in (move.source, move.target) if place.hu_id is not None}
    if inward:
        after_receipt(conn, units, facts.target_id, c.location, request_id, at, actor)
        after_loose_receipt(conn, [move.move_id for move in moves], c.location, at, actor)
    else:
        after_issue(conn, units, at, actor, request_id)
    response = {
        "kind": c.kind,
        "number": c.number,
        "moves": [str(move.move_id) for move in moves],
        "quantity": str(sum(move.quantity for move in moves)),
    }
    return response, Audit(after={"epcs": epcs[:50], "moves": len(moves)})


def _arrives(conn: Conn, c: ScanDocument, place: int, source_id: int, target_id: int) -> bool:
    """Whether a transfer's goods are received where they were scanned, or shipped from there."""
    ends = {
        end
        for (end,) in conn.execute(
            """with recursive up (location_id, depth) as (
                   select %s::int, 0 union all select l.parent_id, up.depth + 1 from up join location l
                   using (location_id) where l.parent_id is not null and up.depth < 10)
               select location_id from up""",
            (place,),
        )
    } & {source_id, target_id}
    if not ends:
        message = f"{c.location} is neither where {c.number} ships from nor where it goes to"
        raise Refuse(RefusalCode.INVALID, "location", message)
    if len(ends) == 1:
        return target_id in ends
    row = conn.execute(  # one end is inside the other: what was shipped is received first
        """select coalesce(sum(shipped - fulfilled), 0) > 0 from document_line join document using (document_id)
           where kind = %s and number = %s""",
        (c.kind, c.number),
    ).fetchone()
    return row is not None and bool(row[0])


def _scanned(conn: Conn, c: ScanDocument) -> dict[str, str]:
    """Every tag scanned, by EPC or by a label of what it is on, and the field it was first said in."""
    found: dict[str, str] = {}
    for n, epc in enumerate(c.epcs):
        found.setdefault(epc.upper(), f"epcs.{n}")
    for n, text in enumerate(c.barcodes):
        named = find_scanned(conn, text, f"barcodes.{n}")
        if not named.epcs:
            what = named.unit or named.item
            fix = "it has no tag, receive or issue its line by hand" if what else "it names nothing that is known"
            raise Refuse(RefusalCode.NOT_FOUND, f"barcodes.{n}", f"{what or text!r}: {fix}")
        for epc in named.epcs:
            found.setdefault(epc, f"barcodes.{n}")
    return found


def _refuse(finding: Finding, facts: LoadFacts, c: ScanDocument, scanned: dict[str, str]) -> None:
    """The first thing that does not fit, at the first tag it is about."""
    first = next((epc for epc in finding.epcs if epc in scanned), None)
    field = scanned[first] if first is not None else "epcs"
    detail = finding.detail
    if finding.kind is FindingKind.NO_DOCUMENT:
        detail = _why_not_here(finding, facts, c)
    raise Refuse(RefusalCode.WRONG_GOODS, field, f"{first or 'contents'}: {detail} ({finding.kind})")


def _why_not_here(finding: Finding, facts: LoadFacts, c: ScanDocument) -> str:
    """A lot that another was asked for, or an item that is on no line."""
    item = facts.items[finding.item_id].code if finding.item_id is not None else "it"
    asked = {line.lot_id for line in facts.lines if line.item_id == finding.item_id}
    if asked:
        lot_id = next((line.lot_id for line in finding.held), None)
        lot = facts.lots[lot_id].code if lot_id is not None else "none"
        return f"it is of lot {lot}, {c.number} asks for another lot of {item}"
    return f"{c.number} has no line for {item}"


HANDLERS: Handlers = {
    ScanDocument: scan_document,
}
