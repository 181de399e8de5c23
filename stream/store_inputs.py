"""What a chunk took in, as rows: the log, device events, how far each epoch is taken, notes, the operators' state.

Every function works inside the caller's transaction, as those of `stream.store_outputs` do.
"""

from typing import Any
from uuid import UUID, uuid5

import psycopg
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from stream.chunk import Chunk
from stream.log import BatchTaken, SliceTaken, SourceLeftOut, at_of, encode_entry, kind_of
from stream.places import Failure, FailureKind, failure
from stream.routing import Router
from stream.store_outputs import text
from warehouse.times import from_us

_GAPS = UUID("4d0e3b5c-64a5-5a0e-9f2f-1c3c1b1f0a6e")


def write_log(connection: psycopg.Connection[Any], consumer: str, chunk: Chunk) -> None:
    """The chunk's entries, by binary COPY."""
    if not chunk.entries:
        return
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "copy stream_log (at, consumer, seq, kind, agent, epoch, counter, sightings, late, body)"
            " from stdin (format binary)"
        ) as copy,
    ):
        copy.set_types(["timestamptz", "text", "int8", "int2", "text", "text", "int8", "int4", "bool", "bytea"])
        for seq, entry in enumerate(chunk.entries, chunk.after_seq + 1):
            agent, epoch, counter, rows, late = "", "", 0, 0, False
            if isinstance(entry, BatchTaken | SliceTaken):
                name = entry.batch.id
                agent, epoch, counter = text(name.agent), text(name.epoch), name.counter
                rows, late = len(entry.batch.sightings), isinstance(entry, BatchTaken) and entry.late
            elif isinstance(entry, SourceLeftOut):
                agent = text(entry.agent)
            copy.write_row(
                (
                    from_us(at_of(entry)),
                    consumer,
                    seq,
                    int(kind_of(entry)),
                    agent,
                    epoch,
                    counter,
                    rows,
                    late,
                    encode_entry(entry),
                )
            )


def write_device_events(connection: psycopg.Connection[Any], chunk: Chunk, router: Router) -> list[Failure]:
    """What devices told, each once: in a cluster one place's slices record for an agent. Returns, as dead letters, the
    messages that could not be read; the same message of the same reader is one letter.
    """
    told = [
        (entry.batch.id.agent, event)
        for entry in chunk.entries
        if isinstance(entry, BatchTaken)
        or (isinstance(entry, SliceTaken) and entry.place == router.recorder(entry.batch.id.agent))
        for event in entry.batch.events
    ]
    events = [
        (
            from_us(event.at_us),
            text(agent),
            text(event.device),
            event.kind,
            event.port,
            event.state,
            event.value,
            text(event.detail),
        )
        for agent, event in told
    ]
    if events:
        connection.cursor().executemany(
            "insert into device_event (at, agent, device, kind, port, state, value, detail)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s)",
            events,
        )
    return [
        failure(FailureKind.PUSHED_READS, f"{agent}/{event.device}", event.device, event.detail, event.body)
        for agent, event in told
        if event.body
    ]


def write_inbox(connection: psycopg.Connection[Any], consumer: str, chunk: Chunk) -> None:
    """How far each epoch is taken, and what was declared lost or turned up after all."""
    marks: dict[tuple[str, str], int] = {}
    late: list[tuple[str, str, int]] = []
    for entry in chunk.entries:
        if isinstance(entry, BatchTaken | SliceTaken):
            name = entry.batch.id
            agent = name.agent if isinstance(entry, BatchTaken) else f"{name.agent}@{entry.place}"
            marks[agent, name.epoch] = entry.batch.watermark_us
            if isinstance(entry, BatchTaken) and entry.late:
                late.append((name.agent, name.epoch, name.counter))
    connection.cursor().executemany(
        "insert into stream_inbox (consumer, agent, epoch, counter, lost, watermark_us)"
        " values (%s, %s, %s, %s, %s, %s) on conflict (consumer, agent, epoch) do update set"
        " counter = excluded.counter, lost = excluded.lost,"
        " watermark_us = greatest(stream_inbox.watermark_us, excluded.watermark_us), updated_at = now()",
        [
            (
                consumer,
                p.agent,
                p.epoch,
                p.counter,
                Multirange([Range(first, last + 1) for first, last in p.lost]),
                marks.get((p.agent, p.epoch), 0),
            )
            for p in chunk.positions
        ],
    )
    connection.cursor().executemany(
        "insert into data_gap (gap_id, agent, epoch, first, last) values (%s, %s, %s, %s, %s)"
        " on conflict (gap_id) do nothing",
        [
            (uuid5(_GAPS, f"{g.agent}/{g.epoch}/{g.first}"), text(g.agent), text(g.epoch), g.first, g.last)
            for g in chunk.gaps
        ],
    )
    connection.cursor().executemany(
        "update data_gap set filled = filled + 1 where agent = %s and epoch = %s and %s between first and last",
        late,
    )


def write_notes(connection: psycopg.Connection[Any], chunk: Chunk) -> None:
    """What people should know of the input, and the dead letters that were taken again."""
    now_us = max((at_of(entry) for entry in chunk.entries), default=0)
    notes = [
        (from_us(entry.at_us), "source_left_out", text(entry.agent), _silent(entry), 1)
        for entry in chunk.entries
        if isinstance(entry, SourceLeftOut)
    ]
    notes += [
        (from_us(now_us), "source_left_out", text(agent), f"too much waited for it at {place}", 1)
        for place, agent in chunk.out.left_out
    ]
    notes += [(from_us(now_us), "unknown_antenna", "", text(str(ref)), count) for ref, count in chunk.unknown.items()]
    notes += [(from_us(now_us), "epoch_begun", text(agent), text(epoch), 1) for agent, epoch in chunk.epochs_begun]
    connection.cursor().executemany(
        "insert into stream_note (at, kind, agent, detail, count) values (%s, %s, %s, %s, %s)", notes
    )
    connection.cursor().executemany(
        "update dead_letter set status = 'replayed', decided_at = now() where dead_letter_id = %s",
        [(letter,) for letter in chunk.letters_replayed],
    )


def write_snapshot(
    connection: psycopg.Connection[Any], consumer: str, seq: int, states: dict[tuple[str, str], bytes]
) -> None:
    """The operators' state as of `seq`."""
    connection.cursor().executemany(
        "insert into operator_state (consumer, node, key, seq, body) values (%s, %s, %s, %s, %s)"
        " on conflict (consumer, node, key) do update set seq = excluded.seq, body = excluded.body",
        [(consumer, node, key, seq, body) for (node, key), body in sorted(states.items())],
    )
    connection.execute("update stream_head set snapshot_seq = %s where consumer = %s", (seq, consumer))


def _silent(entry: SourceLeftOut) -> str:
    return f"silent for too long at {entry.place}" if entry.place else "silent for too long"
