"""Fetches what the auditor compares with the truth. Plain rows out of the database; the judging is the simulators'."""

from collections.abc import Sequence

import psycopg

from simulators.auditor import MovementRow, PassageRow, Score, StockRow, audit
from simulators.auditor_scales import WeighingRow
from simulators.plant_scales import PlantWeighing
from simulators.plant_truth import PlantTruth
from warehouse.site import Direction


def score_of(dsn: str, truth: PlantTruth, plan: Sequence[PlantWeighing] = ()) -> Score:
    """The ledger in this database against a plant's truth, and against what stood on its scales by `plan`."""
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
                """select m.move_id, m.passage_id, i.code, m.quantity, f.code, t.code
                   from move m join item i using (item_id)
                   join location f on f.location_id = m.from_location_id
                   join location t on t.location_id = m.to_location_id
                   where m.passage_id is not null order by m.seq"""
            )
        ]
        stock = [
            StockRow(item, location, quantity)
            for item, location, quantity in connection.execute(
                """select i.code, l.code, sum(b.on_hand) from balance b join item i using (item_id)
                   join location l using (location_id) group by i.code, l.code having sum(b.on_hand) <> 0"""
            )
        ]
        weighings = [
            WeighingRow(scale, epc or "", at_us, weight, outcome == "mismatch")
            for scale, epc, at_us, weight, outcome in connection.execute(
                """select w.scale, t.epc, (extract(epoch from w.at) * 1000000)::bigint, w.weight_kg, w.outcome
                   from weighing w left join tag t on t.hu_id = w.hu_id order by w.at"""
            )
        ]
    return audit(truth, passages, movements, stock, plan, weighings)
