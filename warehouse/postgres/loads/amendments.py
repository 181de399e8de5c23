"""Amending a load: what an earlier revision of its passage posted, what of it no longer holds, and undoing that."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid5

from warehouse.fulfilment import Finding, FindingKind, ReadTag
from warehouse.ledger import Circumstance, LineRole, MovedTag, NewMove, Place, StockStatus
from warehouse.loads import Load
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.ledger import post_possible
from warehouse.postgres.documents.sources import undone_already
from warehouse.postgres.loads import discrepancies


@dataclass(frozen=True, slots=True)
class Live:
    """A movement of this passage that was not reversed."""

    seq: int
    move: NewMove


def posted_before(conn: Conn, passage_id: UUID) -> list[Live]:
    """What earlier revisions posted and nothing has undone."""
    rows = conn.execute(
        """select m.seq, m.kind, m.line_id, m.item_id, m.lot_id, m.serial_id, m.quantity, m.from_location_id,
                  m.from_hu_id, m.from_status, m.to_location_id, m.to_hu_id, m.to_status, m.owner, m.line_role,
                  coalesce((select json_agg(json_build_array(t.epc, t.inferred, t.score) order by t.epc)
                            from move_tag t where t.seq = m.seq), '[]')
           from move m where m.passage_id = %s and m.reverses is null
             and not exists (select from move r where r.reverses = m.seq) order by m.seq""",
        (passage_id,),
    ).fetchall()
    live = []
    for row in rows:
        seq, kind, line, item, lot, serial, quantity, from_id, from_hu, from_status, to_id, to_hu, to_status = row[:13]
        tags = tuple(MovedTag(epc, inferred, score) for epc, inferred, score in row[15])
        source = Place(from_id, from_hu, StockStatus(from_status))
        target = Place(to_id, to_hu, StockStatus(to_status))
        move = NewMove(
            passage_id, kind, item, quantity, source, target, lot, serial, row[13], line,
            LineRole(row[14]), seq, tags=tags,
        )  # fmt: skip
        live.append(Live(seq, move))
    return live


def difference(
    load: Load, posted: Sequence[Live], turned: bool
) -> tuple[tuple[ReadTag, ...], tuple[Live, ...], frozenset[str]]:
    """The tags to decide now, the movements to undo first, and the tags whose movements stay."""
    tags = tuple(ReadTag(tag.epc, tag.sure, tag.score) for tag in sorted(load.tags, key=lambda tag: tag.epc))
    if load.revision == 0 or not posted:
        return tags, (), frozenset()
    sure = {tag.epc for tag in tags if tag.sure}
    wrong = [
        live
        for live in posted
        if turned or any(tag.epc not in sure and not tag.inferred for tag in live.move.tags) or not live.move.tags
    ]
    kept = frozenset(tag.epc for live in posted if live not in wrong for tag in live.move.tags)
    return tuple(tag for tag in tags if tag.epc not in kept), tuple(wrong), kept


def turned_round(conn: Conn, load: Load) -> bool:
    """Whether the revision before went another way, so that all of it has to be undone."""
    row = conn.execute(
        "select direction, effect, portal from posting where passage_id = %s order by revision desc limit 1",
        (load.passage_id,),
    ).fetchone()
    return row is not None and row != (load.direction, load.effect, load.portal)


def reverse(conn: Conn, load: Load, removed: Sequence[Live], circumstance: Circumstance) -> tuple[UUID, ...]:
    """Undo these movements; what the ledger does not let go is a finding. The ids of the reversals."""
    if not removed:
        return ()
    undo = [
        replace(
            live.move,
            move_id=uuid5(load.passage_id, f"{load.revision}/undo/{ordinal}"),
            source=live.move.target,
            target=live.move.source,
        )
        for ordinal, live in enumerate(removed)
    ][::-1]  # the last first: what was received out of transit goes back there before it goes back where it came from
    back = {move.move_id: _back_already(conn, move) for move in sorted(undo, key=lambda move: move.line_id or 0)}
    done, refused = post_possible(
        conn, [move for move in undo if back[move.move_id] is None], replace(circumstance, reason="amended")
    )
    why_not = [(move, f"{why.detail} ({why.reason})") for move, why in refused]
    why_not += [(move, why) for move in undo if (why := back[move.move_id]) is not None]
    held = [
        Finding(
            FindingKind.REFUSED,
            f"movement {move.reverses} should be undone, but: {why}",
            tuple(tag.epc for tag in move.tags),
            item_id=move.item_id,
            quantity=move.quantity,
        )
        for move, why in why_not
    ]
    discrepancies.record(conn, discrepancies.Asked.of(load), held, part="undo")
    return tuple(move.move_id for move, _ in done)


def _back_already(conn: Conn, move: NewMove) -> str | None:
    """What a return has brought back is not undone as well: by command it is refused, here it is a finding."""
    if move.line_id is None or move.line_role is not LineRole.FULFIL:
        return None
    return undone_already(conn, move.line_id, move.lot_id, move.serial_id, move.quantity)
