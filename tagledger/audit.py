"""Fetches what the auditor compares with the truth. Plain rows out of the database; the judging is the simulators'."""

# ruff: noqa: S608  (what is put into the queries here is the constant below, never a value)

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from simulators.auditor import MovementRow, PassageRow, Score, StockRow, audit
from simulators.auditor_bins import PutawayRows
from simulators.auditor_scales import WeighingRow
from simulators.auditor_store import TransferRow, VarianceRow
from simulators.plant_scales import PlantWeighing
from simulators.plant_truth import PlantTruth
from warehouse.site import Direction

# Bins, and the vehicles that serve them, count as the place they are in: truth knows what is inside.
_OUTERMOST = """with recursive up (location_id, code, level, parent_id, depth) as (
        select location_id, code, level, parent_id, 0 from location
        union all select u.location_id, p.code, p.level, p.parent_id, u.depth + 1 from location p
        join up u on p.location_id = u.parent_id where u.depth < 10),
    outermost as (
        select distinct on (location_id) location_id, case level when 'vehicle' then %(inside)s else code end as code
        from up order by location_id, depth desc)"""


def score_of(
    dsn: str,
    truth: PlantTruth,
    plan: Sequence[PlantWeighing] = (),
    standing: Mapping[str, str] | None = None,
) -> Score:
    """The ledger in this database against a plant's truth: what moved, what stood on its scales by `plan`, and where
    the pallets stand that came in.
    """
    inside = next((line.location for line in truth.stock), "")
    with psycopg.connect(dsn) as connection:
        passages = [
            PassageRow(str(passage), portal, Direction(direction), opened, closed, tuple(belongs), tuple(unsure))
            for passage, portal, direction, opened, closed, belongs, unsure in connection.execute(
                """select p.passage_id, p.portal, p.direction,
                          (extract(epoch from p.opened_at) * 1000000)::bigint,
                          (extract(epoch from p.closed_at) * 1000000)::bigint,
                          coalesce(array_agg(t.epc) filter (where t.verdict = 'belongs'), '{}'),
                          coalesce(array_agg(t.epc) filter (where t.verdict = 'unsure'), '{}')
                   from passage_latest p
                   left join passage_tag t using (passage_id, revision)
                   group by p.passage_id, p.portal, p.direction, p.opened_at, p.closed_at"""
            )
        ]
        movements = [
            MovementRow(str(move), str(passage or ""), item, quantity, source, target)
            for move, passage, item, quantity, source, target in connection.execute(
                f"""{_OUTERMOST}
                   select m.move_id, m.passage_id, i.code, m.quantity, f.code, t.code
                   from move m join item i using (item_id)
                   join outermost f on f.location_id = m.from_location_id
                   join outermost t on t.location_id = m.to_location_id
                   where m.passage_id is not null order by m.seq""".encode(),
                {"inside": inside},
            )
        ]
        stock = [
            StockRow(item, location, quantity)
            for item, location, quantity in connection.execute(
                f"""{_OUTERMOST}
                   select i.code, l.code, sum(b.on_hand) from balance b join item i using (item_id)
                   join outermost l using (location_id) group by i.code, l.code
                   having sum(b.on_hand) <> 0""".encode(),
                {"inside": inside},
            )
        ]
        weighings = [
            WeighingRow(scale, epc or "", at_us, weight, outcome == "mismatch")
            for scale, epc, at_us, weight, outcome in connection.execute(
                """select w.scale, t.epc, (extract(epoch from w.at) * 1000000)::bigint, w.weight_kg, w.outcome
                   from weighing w left join tag t on t.hu_id = w.hu_id order by w.at"""
            )
        ]
        books = _putaway(connection)
        transfers = [
            TransferRow(*row)
            for row in connection.execute(
                """select d.number, sum(l.shipped), sum(l.fulfilled), coalesce((
                       select sum(m.quantity) from move m join request r using (request_id)
                       join location t on t.location_id = m.to_location_id and t.kind = 'adjustment'
                       where m.kind = 'transfer' and r.response ->> 'number' = d.number), 0)
                   from document d join document_line l using (document_id) where d.kind = 'transfer'
                   group by d.document_id, d.number"""
            )
        ]
        counted = [
            VarianceRow(*row)
            for row in connection.execute(
                """select s.number, l.code, i.code, x.difference from count_line x join count_sheet s using (count_id)
                   join location l using (location_id) join item i using (item_id) where x.difference <> 0"""
            )
        ]
    return audit(truth, passages, movements, stock, plan, weighings, standing, books, transfers, counted)


def _putaway(connection: psycopg.Connection[Any]) -> PutawayRows:
    places = connection.execute(
        """select distinct on (h.code) h.code, l.code from balance b join handling_unit h using (hu_id)
           join location l using (location_id) where b.on_hand > 0 order by h.code, l.code"""
    ).fetchall()
    states = connection.execute("select state, count(*) from task group by 1").fetchall()
    shipped = connection.execute(
        """select count(distinct m.from_hu_id) from move m join location f on f.location_id = m.from_location_id
           join location t on t.location_id = m.to_location_id
           where f.level = 'bin' and t.kind in ('customer', 'production')"""
    ).fetchone()
    return PutawayRows(dict(places), dict(states), shipped[0] if shipped is not None else 0)
