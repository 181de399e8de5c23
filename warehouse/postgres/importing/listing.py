"""What runs found, as people read it: problems and changes as CSV, and the reconciliation with the ledger."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

from warehouse.exports import csv_lines
from warehouse.postgres.books.balances import Conn

_PROBLEMS = """select row_no as row, column_name as "column", severity, code, value, message, fix from import_problem
    where run_id = %s order by n"""
_CHANGES = """select row_no as row, column_name as "column", kind, before, after from import_change
    where run_id = %s order by n"""

# `difference` is what the ledger has less than the file says, by this run's own movements; 0 when all is well.
RECONCILE = """
    select i.code as item, i.name, i.unit, t.rows, t.quantity as in_file, coalesce(m.quantity, 0) as in_ledger,
           t.quantity - coalesce(m.quantity, 0) as difference,
           (select coalesce(sum(b.on_hand), 0) from balance b where b.item_id = t.item_id) as on_hand_now
    from import_total t join item i using (item_id)
    left join (select m.item_id, sum(m.quantity) as quantity
               from import_effect e
               join move m on m.seq between split_part(e.key, '-', 1)::bigint and split_part(e.key, '-', 2)::bigint
                    and m.request_id = e.run_id and m.reverses is null
               where e.run_id = %(run_id)s and e.entity = 'move' group by 1) m using (item_id)
    where t.run_id = %(run_id)s order by i.code"""


def problems_csv(conn: Conn, run_id: UUID) -> Iterator[bytes]:
    cursor = conn.execute(_PROBLEMS, (run_id,))
    return csv_lines([column.name for column in cursor.description or ()], cursor)


def changes_csv(conn: Conn, run_id: UUID) -> Iterator[bytes]:
    cursor = conn.execute(_CHANGES, (run_id,))
    return csv_lines([column.name for column in cursor.description or ()], cursor)


def shown_problems(conn: Conn, run_id: UUID, limit: int) -> list[dict[str, Any]]:
    """The first of them, errors before warnings."""
    cursor = conn.execute(
        """select row_no as row, column_name as "column", severity, code, value, message, fix from import_problem
           where run_id = %s order by n limit %s""",
        (run_id, limit),
    )
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def reconciliation(conn: Conn, run_id: UUID) -> Iterator[dict[str, str | int | Decimal]]:
    """By item: what the file says, what this run's movements say, and what is on hand now."""
    cursor = conn.execute(RECONCILE, {"run_id": run_id})
    names = [column.name for column in cursor.description or ()]
    for row in cursor:
        yield dict(zip(names, row, strict=True))
