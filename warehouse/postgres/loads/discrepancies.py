"""Findings of a load as open discrepancies, with ids that follow from the passage."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid5

from psycopg.types.json import Jsonb

from warehouse.fulfilment import Finding
from warehouse.loads import Load
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.posting_record import encode_line
from warehouse.times import from_us


def record(conn: Conn, load: Load, findings: Sequence[Finding], part: str = "") -> tuple[UUID, ...]:
    """Write findings as open discrepancies; ids derived, existing ones left alone."""
    ids = tuple(
        uuid5(load.passage_id, f"{load.revision}/{part}finding/{ordinal}/{finding.kind}")
        for ordinal, finding in enumerate(findings)
    )
    with conn.cursor() as cursor:
        cursor.executemany(
            """insert into discrepancy (discrepancy_id, kind, passage_id, revision, portal, document_id, line_id,
                                        item_id, epcs, quantity, detail, held, at)
               values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict (discrepancy_id) do nothing""",
            [
                (
                    discrepancy_id,
                    finding.kind,
                    load.passage_id,
                    load.revision,
                    load.portal,
                    finding.document_id,
                    finding.line_id,
                    finding.item_id,
                    list(finding.epcs),
                    finding.quantity,
                    finding.detail,
                    Jsonb([encode_line(line) for line in finding.held]) if finding.held else None,
                    from_us(load.at_us),
                )
                for discrepancy_id, finding in zip(ids, findings, strict=True)
            ],
        )
    return ids


def supersede(conn: Conn, load: Load, at: datetime) -> None:
    """Settle what earlier revisions of this passage found and nobody decided: this revision finds anew."""
    conn.execute(
        """update discrepancy set state = 'superseded', resolved_by = 'stream', resolved_at = %s, note = %s
           where passage_id = %s and revision < %s and state = 'open'""",
        (at, f"revision {load.revision}", load.passage_id, load.revision),
    )
