"""Findings of a load as open discrepancies, with ids that follow from the passage and from what they are about."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

from psycopg.types.json import Jsonb

from warehouse.fulfilment import Finding, FindingKind
from warehouse.loads import Load
from warehouse.postgres import outbox
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.posting_record import encode_line
from warehouse.times import from_us


@dataclass(frozen=True, slots=True)
class Asked:
    """The load that a question is about."""

    passage_id: UUID
    revision: int
    portal: str
    at: datetime

    @classmethod
    def of(cls, load: Load) -> Self:
        """A load as what questions are about."""
        return cls(load.passage_id, load.revision, load.portal, from_us(load.at_us))


def record(
    conn: Conn, asked: Asked, findings: Sequence[Finding], part: str = "", other: Asked | None = None
) -> tuple[UUID, ...]:
    """Write findings as open discrepancies; ids derived, existing ones left alone. `other`: they are about it too."""
    ids = _ids(asked, findings, part if other is None else f"{other.passage_id}/{other.revision}")
    with conn.cursor() as cursor:
        cursor.executemany(
            """insert into discrepancy (discrepancy_id, kind, passage_id, revision, portal, document_id, line_id,
                                        item_id, epcs, quantity, detail, held, at, other_passage_id)
               values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
               on conflict (discrepancy_id) do nothing""",
            [
                (
                    discrepancy_id,
                    finding.kind,
                    asked.passage_id,
                    asked.revision,
                    asked.portal,
                    finding.document_id,
                    finding.line_id,
                    finding.item_id,
                    list(finding.epcs),
                    finding.quantity,
                    finding.detail,
                    Jsonb([encode_line(line) for line in finding.held]) if finding.held else None,
                    asked.at,
                    None if other is None else other.passage_id,
                )
                for discrepancy_id, finding in zip(ids, findings, strict=True)
            ],
        )
    return ids


def _ids(asked: Asked, findings: Sequence[Finding], part: str) -> tuple[UUID, ...]:
    """By kind and tags, so that what else was found does not matter; those of no tag, or of the same, are numbered."""
    alike: Counter[tuple[str, tuple[str, ...]]] = Counter()
    ids = []
    for finding in findings:
        key = finding.kind, finding.epcs
        ids.append(
            uuid5(
                asked.passage_id,
                f"{asked.revision}/{part}finding/{finding.kind}/{' '.join(finding.epcs)}/{alike[key]}",
            )
        )
        alike[key] += 1
    return tuple(ids)


def announce(conn: Conn, asked: Asked, ids: Sequence[UUID], findings: Sequence[Finding], alarms: bool = False) -> None:
    """Tell others of them; with `alarms`, goods that nobody ordered out are one."""
    for discrepancy_id, finding in zip(ids, findings, strict=True):
        alarm = alarms and finding.kind is FindingKind.NO_DOCUMENT
        outbox.add(
            conn,
            "alarm" if alarm else "discrepancy",
            str(discrepancy_id),
            {
                "kind": finding.kind,
                "portal": asked.portal,
                "passage_id": str(asked.passage_id),
                "detail": finding.detail,
                "tags": len(finding.epcs),
                "quantity": None if finding.quantity is None else str(finding.quantity),
            },
        )


def supersede(conn: Conn, load: Load, at: datetime) -> None:
    """Settle what earlier revisions of this passage found and nobody decided: this revision finds anew."""
    conn.execute(
        """update discrepancy set state = 'superseded', resolved_by = 'stream', resolved_at = %s, note = %s
           where (passage_id = %s and revision < %s or other_passage_id = %s) and state = 'open'""",
        (at, f"revision {load.revision}", load.passage_id, load.revision, load.passage_id),
    )
