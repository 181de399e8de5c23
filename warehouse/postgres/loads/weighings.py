"""Weighings in the books: which handling unit stood on the scale, whether it weighs what it holds, and what if not.

Once per weighing, by its id. The unit is the one whose tag, or whose contents' tags, the passage carried; in a zone the
one that antennas had there when it was weighed. Of several that a passage carried it is the one the passage moved in
the books: a pallet that only went by is asked about and not posted. More than one even so, or none, is `untied`. What a
unit holds is what the books have on it and on the units inside it; before anything was posted, its packing list. When
the passage is amended, what it weighed is compared anew (`weigh_again`): a mismatch that was ours alone is settled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid5

from warehouse.fulfilment import FindingKind
from warehouse.loads import Weighing
from warehouse.postgres import outbox
from warehouse.postgres.books.balances import Conn
from warehouse.times import from_us
from warehouse.weighing import Content, WeighOutcome, WeighVerdict, judge

# Where a unit was seen before that is not where it stands.
SEEN_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Weighed:
    """What the books answered to a weighing; `repeated` when it was there already."""

    weighing: Weighing
    unit: str | None
    verdict: WeighVerdict
    repeated: bool = False


def post_weighing(conn: Conn, weighing: Weighing) -> Weighed:
    """Record it in the caller's transaction; a mismatch is a discrepancy for a person."""
    units = _units(conn, weighing)
    hu_id, code, tare_kg = (None, None, Decimal(0)) if len(units) != 1 else units[0]
    if hu_id is None:
        verdict = WeighVerdict(WeighOutcome.UNTIED, _why_untied(weighing, [unit[1] for unit in units]))
    else:
        tolerances = (weighing.tolerance_kg, weighing.tolerance_percent)
        verdict = judge(weighing.weight_kg, _contents(conn, hu_id), tare_kg, *tolerances)
    stored = conn.execute(
        """insert into weighing (weighing_id, scale, place, at, on_since, weight_kg, passage_id, hu_id, expected_kg,
                                 tolerance_kg, outcome, detail)
           values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict (weighing_id) do nothing""",
        (
            weighing.weighing_id,
            weighing.scale,
            weighing.place,
            from_us(weighing.at_us),
            from_us(weighing.on_since_us),
            weighing.weight_kg,
            weighing.passage_id,
            hu_id,
            verdict.expected_kg,
            verdict.tolerance_kg,
            verdict.outcome,
            verdict.detail,
        ),
    )
    if stored.rowcount == 0:
        return Weighed(weighing, code, verdict, repeated=True)
    _announce(conn, weighing.weighing_id, weighing.scale, weighing.place, weighing.weight_kg, code, verdict)
    if hu_id is not None and verdict.outcome is WeighOutcome.MISMATCH:
        mismatch = uuid5(weighing.weighing_id, FindingKind.WEIGHT_MISMATCH)
        at = from_us(weighing.at_us)
        _report(conn, mismatch, weighing.passage_id, weighing.place, at, hu_id, verdict)
    return Weighed(weighing, code, verdict)


def weigh_again(conn: Conn, passage_id: UUID, revision: int, at: datetime) -> None:
    """Compare what a passage's load weighed with the books once more: a later revision has changed what is on it.

    In the caller's transaction, at `at`. A mismatch that is none any more is superseded, a new one is a discrepancy.
    """
    rows = conn.execute(
        """select w.weighing_id, w.scale, w.place, w.at, w.weight_kg, w.tolerance_kg, w.outcome, w.detail,
                  u.hu_id, u.code, coalesce(u.tare_kg, 0)
           from weighing w join handling_unit u using (hu_id)
           where w.passage_id = %s and w.tolerance_kg is not null order by w.seq""",
        (passage_id,),
    ).fetchall()
    for weighing_id, scale, place, weighed_at, weight_kg, tolerance_kg, before, detail, hu_id, code, tare_kg in rows:
        verdict = judge(weight_kg, _contents(conn, hu_id), tare_kg, tolerance_kg, Decimal(0))
        if (verdict.outcome, verdict.detail) == (before, detail):
            continue
        conn.execute(
            "update weighing set expected_kg = %s, outcome = %s, detail = %s where weighing_id = %s",
            (verdict.expected_kg, verdict.outcome, verdict.detail, weighing_id),
        )
        _announce(conn, weighing_id, scale, place, weight_kg, code, verdict)
        conn.execute(
            """update discrepancy set state = 'superseded', resolved_by = 'stream', resolved_at = %s, note = %s
               where passage_id = %s and kind = %s and detail = %s and state = 'open'""",
            (at, f"revision {revision}", passage_id, FindingKind.WEIGHT_MISMATCH, detail),
        )
        if verdict.outcome is WeighOutcome.MISMATCH:
            mismatch = uuid5(weighing_id, f"{FindingKind.WEIGHT_MISMATCH}/{revision}")
            _report(conn, mismatch, passage_id, place, weighed_at, hu_id, verdict)


def _announce(
    conn: Conn, weighing_id: UUID, scale: str, place: str, weight_kg: Decimal, unit: str | None, verdict: WeighVerdict
) -> None:
    words = {
        "scale": scale,
        "place": place,
        "weight_kg": str(weight_kg),
        "unit": unit,
        "outcome": verdict.outcome,
        "detail": verdict.detail,
    }
    outbox.add(conn, "weighing", str(weighing_id), words)


def _report(
    conn: Conn,
    discrepancy_id: UUID,
    passage_id: UUID | None,
    portal: str,
    at: datetime,
    hu_id: int,
    verdict: WeighVerdict,
) -> None:
    epcs = [epc for (epc,) in conn.execute("select epc from tag where hu_id = %s", (hu_id,)).fetchall()]
    conn.execute(
        """insert into discrepancy (discrepancy_id, kind, passage_id, portal, epcs, detail, at)
           values (%s, %s, %s, %s, %s, %s, %s) on conflict (discrepancy_id) do nothing""",
        (discrepancy_id, FindingKind.WEIGHT_MISMATCH, passage_id, portal, epcs, verdict.detail, at),
    )
    outbox.add(
        conn,
        "discrepancy",
        str(discrepancy_id),
        {
            "kind": FindingKind.WEIGHT_MISMATCH,
            "portal": portal,
            "passage_id": None if passage_id is None else str(passage_id),
            "detail": verdict.detail,
            "tags": len(epcs),
            "quantity": None,
        },
    )


def _why_untied(weighing: Weighing, units: Sequence[str]) -> str:
    if len(units) > 1:
        return f"{len(units)} handling units were there: {', '.join(units[:5])}"
    if weighing.location:
        return f"no handling unit was seen in {weighing.location}"
    return "no load came through before" if weighing.passage_id is None else "the load carried no handling unit"


def _units(conn: Conn, weighing: Weighing) -> list[tuple[int, str, Decimal]]:
    """The outermost handling units that stood there, as (id, code, tare)."""
    if weighing.location:
        at = from_us(weighing.at_us)
        found = conn.execute(
            """with seen as (
                   select distinct h.epc from location_history h join location l using (location_id)
                   where l.code = %(location)s and h.at between %(at)s::timestamptz - %(within)s and %(at)s)
               select distinct t.hu_id from seen join tag t using (epc)
               cross join lateral (
                   select n.location_id, n.event from location_history n where n.epc = seen.epc and n.at <= %(at)s
                   order by n.at desc, n.update_id desc limit 1) newest
               join location l on l.location_id = newest.location_id
               where t.hu_id is not null and l.code = %(location)s and newest.event <> 'departed'""",
            {"location": weighing.location, "at": at, "within": SEEN_WITHIN},
        ).fetchall()
    else:
        epcs = list(weighing.epcs)
        found = conn.execute(
            "select distinct hu_id from tag where epc = any(%s) and hu_id is not null", (epcs,)
        ).fetchall()
        if not found:
            found = conn.execute("select distinct hu_id from hu_content where epc = any(%s)", (epcs,)).fetchall()
    units = _outermost(conn, [hu_id for (hu_id,) in found])
    if len(units) > 1 and weighing.passage_id is not None:
        moved = _moved(conn, weighing.passage_id)
        units = [unit for unit in units if unit[0] in moved] or units
    return units


def _outermost(conn: Conn, ids: Sequence[int]) -> list[tuple[int, str, Decimal]]:
    rows = conn.execute(
        """select hu_id, code, coalesce(tare_kg, 0) from handling_unit
           where hu_id = any(%(ids)s) and (parent_id is null or parent_id <> all(%(ids)s)) order by code""",
        {"ids": list(ids)},
    )
    return [(hu_id, code, tare_kg) for hu_id, code, tare_kg in rows.fetchall()]


def _moved(conn: Conn, passage_id: UUID) -> set[int]:
    """Handling units that the passage moved in the books, those around them too; what was reversed is not counted."""
    rows = conn.execute(
        """with recursive moved as (
               select unnest(array[m.from_hu_id, m.to_hu_id]) as hu_id from move m
               where m.passage_id = %s and m.reverses is null
                 and not exists (select from move r where r.reverses = m.seq)
               union select h.parent_id from handling_unit h join moved using (hu_id) where h.parent_id is not null)
           select hu_id from moved where hu_id is not null""",
        (passage_id,),
    )
    return {hu_id for (hu_id,) in rows.fetchall()}


def _contents(conn: Conn, hu_id: int) -> list[Content]:
    """What the books have on a unit and inside it, else what its packing list says."""
    inside = """with recursive inside as (
                    select %(hu)s::bigint as hu_id union
                    select c.hu_id from handling_unit c join inside i on c.parent_id = i.hu_id)
                select i.code, sum(s.quantity), i.weight_kg from """
    for source in (
        "(select item_id, on_hand as quantity, hu_id from balance where on_hand > 0)",
        "(select item_id, quantity, hu_id from hu_content)",
    ):
        each = " s join inside using (hu_id) join item i using (item_id) group by i.item_id order by i.code"
        rows = conn.execute(inside + source + each, {"hu": hu_id}).fetchall()
        if rows:
            return [Content(code, quantity, unit_kg) for code, quantity, unit_kg in rows]
    return []
