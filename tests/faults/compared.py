"""A run's books against the auditor, who knows what truly happened, and against books that nothing disturbed."""

from typing import Any

import psycopg

from simulators.auditor import Score
from tagledger.audit import score_of
from tests.faults.plan import Kind, Plan
from tests.faults.plants import plant
from warehouse.postgres.books.integrity import check

TOLD = 3
"""Rows of a difference that are told."""

_BOOKS = {
    "movements": "select move_id, item_id, quantity, from_location_id, to_location_id, passage_id from move",
    "passages": "select passage_id, revision, portal, direction, opened_at, closed_at, belongs, unsure from passage",
    "tags": "select passage_id, revision, epc, verdict, score from passage_tag",
    "discrepancies": "select discrepancy_id, kind, detail, epcs, quantity, state from discrepancy",
    "locations": "select update_id, epc, location_id, event, at from location_history",
    "balances": "select item_id, lot_id, location_id, hu_id, status, on_hand, reserved from balance where on_hand <> 0",
}
Books = dict[str, list[Any]]


def problems_of(dsn: str, plan: Plan, expected: tuple[Books, Score], other: Books | None = None) -> list[str]:
    """What is wrong, as text. `other`: the old version's books, when two had a hand in it: a row may be either's, and
    what both have must be there.
    """
    books, score = expected
    problems = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        problems += [str(problem) for problem in check(connection)]
        for name, query in (
            ("data gaps", "select count(*) from data_gap"),
            ("dead letters", "select count(*) from dead_letter"),
        ):
            row = connection.execute(query).fetchone()  # type: ignore[call-overload]
            problems += [f"{name}: {row[0]}"] if row[0] else []
    found = score_of(dsn, plant(plan.plant).truth)
    for name in ("cartons_lost", "cartons_doubled", "cartons_astray", "loads_without_passage", "stock_lines_different"):
        if getattr(found, name) != getattr(score, name):
            problems.append(f"auditor: {name} {getattr(found, name)}, undisturbed {getattr(score, name)}")
    ours = books_of(dsn)
    for name, rows in books.items():
        wanted, seen = (_comparable(plan.kind, name, table) for table in (rows, ours[name]))
        either = _comparable(plan.kind, name, other[name]) if other else wanted
        missing = _without(wanted if wanted == either else [row for row in wanted if row in either], seen)
        more = _without(seen, [*wanted, *either])
        if missing or more or (wanted == either and len(seen) != len(wanted)):
            problems.append(f"{name}: {len(missing)} missing or different, {len(seen) - len(wanted):+d} rows")
            problems += [f"  missing {row}" for row in missing[:TOLD]] + [f"  instead {row}" for row in more[:TOLD]]
    return problems


def _without(rows: list[Any], known: list[Any]) -> list[str]:
    return sorted(set(map(repr, rows)) - set(map(repr, known)))


def _comparable(kind: Kind, name: str, rows: list[Any]) -> list[Any]:
    """Partitions promise no order between doors, so what was asked until the other one was posted may differ."""
    if kind is Kind.EMBEDDED or name != "discrepancies":
        return rows
    return [row for row in rows if row[-1] != "superseded"]


def books_of(dsn: str) -> Books:
    """Every table that is compared, in an order of its own."""
    with psycopg.connect(dsn) as connection:
        return {
            name: sorted(connection.execute(query).fetchall(), key=repr)  # type: ignore[call-overload]
            for name, query in _BOOKS.items()
        }
