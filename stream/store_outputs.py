"""What the operators decided, as rows: passages, signals, dead letters, and the warehouse's part by way of `Books`.

Every function works inside the caller's transaction. Broken connections, deadlocks and serialisation failures
(`psycopg.OperationalError`) pass through for the caller to try again.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
import psycopg
from psycopg.types.json import Jsonb

from stream.batch_codec import encode_sightings
from stream.books import Books
from stream.live import shown_passage
from stream.model import Passage, Sightings, Signal, TagVerdict
from stream.places import Failure, FailureKind, failure
from warehouse.loads import Load, LocationUpdate, Weighing
from warehouse.times import from_us


def text(value: str) -> str:
    """Text that PostgreSQL takes: it refuses NUL, which a device may well send."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}")


def heard_by(evidence: Sightings) -> dict[str, list[str]]:
    """By tag the antennas that heard it, the one with the strongest read first; without RSSI by how often."""
    pairs, at = np.unique(evidence.tag.astype(np.int64) << 16 | evidence.antenna, return_inverse=True)
    tag, antenna = pairs >> 16, pairs & 0xFFFF
    peak_dbm = np.full(len(pairs), -np.inf)
    np.maximum.at(peak_dbm, at, np.where(np.isnan(evidence.peak_dbm), -np.inf, evidence.peak_dbm))
    reads = np.bincount(at, weights=evidence.reads, minlength=len(pairs))
    order = np.lexsort((antenna, -reads, -peak_dbm, tag))
    names = [text(str(ref)) for ref in evidence.antennas]
    found: dict[str, list[str]] = {}
    for of, by in zip(tag[order].tolist(), antenna[order].tolist(), strict=True):
        found.setdefault(text(evidence.tags[of]), []).append(names[by])
    return found


def write_passages(connection: psycopg.Connection[Any], passages: Iterable[Passage]) -> None:
    """Decided passages with tags and evidence, and a message each for the feed; those stored already stay."""
    for passage in passages:
        if not passage.is_decided:
            continue
        counts = {verdict: sum(tag.verdict is verdict for tag in passage.tags) for verdict in TagVerdict}
        stored = connection.execute(
            "insert into passage (passage_id, revision, portal, opened_at, closed_at, direction, direction_score,"
            " belongs, unsure, strays, evidence) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " on conflict do nothing",
            (
                passage.passage_id,
                passage.revision,
                passage.portal,
                from_us(passage.opened_us),
                from_us(passage.closed_us),
                passage.direction,
                passage.direction_score,
                counts[TagVerdict.BELONGS],
                counts[TagVerdict.UNSURE],
                counts[TagVerdict.STRAY],
                None if passage.evidence is None else encode_sightings(passage.evidence),
            ),
        )
        if stored.rowcount == 0:
            continue
        heard = {} if passage.evidence is None else heard_by(passage.evidence)
        rows = [
            {
                "epc": tag.epc,
                "verdict": tag.verdict,
                "score": tag.score,
                "first_at": from_us(tag.first_us),
                "last_at": from_us(tag.last_us),
                "reads": tag.reads,
                "features": tag.features,
                "antennas": heard.get(tag.epc, []),
            }
            for tag in passage.tags
        ]
        connection.execute(
            "insert into passage_tag (passage_id, revision, epc, verdict, score, first_at, last_at, reads, features,"
            " antennas) select %s, %s, epc, verdict, score, first_at, last_at, reads, features, antennas"
            " from jsonb_to_recordset(%s) as t (epc text, verdict text, score double precision, first_at timestamptz,"
            " last_at timestamptz, reads integer, features jsonb, antennas text[])",
            (passage.passage_id, passage.revision, Jsonb(rows, dumps=msgspec.json.encode)),
        )
        _tell(
            connection,
            "passage",
            passage.portal,
            {
                "passage_id": str(passage.passage_id),
                "revision": passage.revision,
                "portal": passage.portal,
                "direction": passage.direction,
                "direction_score": passage.direction_score,
                "opened_at": from_us(passage.opened_us).isoformat(),
                "closed_at": from_us(passage.closed_us).isoformat(),
                **{str(verdict): count for verdict, count in counts.items()},
            },
        )


def write_live_loads(connection: psycopg.Connection[Any], passages: Iterable[Passage]) -> None:
    """What is in each door now, in place of what was; only the newest counts, and not what is said of a load gone."""
    newest = {passage.portal: passage for passage in passages if not passage.is_amendment}
    if newest:
        connection.cursor().executemany(
            "insert into live_load (portal, passage_id, revision, final, body) values (%s, %s, %s, %s, %s)"
            " on conflict (portal) do update set passage_id = excluded.passage_id, revision = excluded.revision,"
            " final = excluded.final, body = excluded.body, updated_at = now()",
            [
                (
                    text(portal),
                    passage.passage_id,
                    passage.revision,
                    passage.final,
                    Jsonb(shown_passage(passage), dumps=msgspec.json.encode),
                )
                for portal, passage in sorted(newest.items())
            ],
        )


def apply_locations(
    connection: psycopg.Connection[Any], books: Books, updates: Sequence[LocationUpdate]
) -> list[Failure]:
    """Where tags are now. Returns those the warehouse could not take, as dead letters."""
    if not updates:
        return []
    try:
        with connection.transaction():
            books.apply(connection, updates)
    except psycopg.OperationalError:
        raise
    except Exception as error:
        if len(updates) > 1:
            half = len(updates) // 2
            return apply_locations(connection, books, updates[:half]) + apply_locations(
                connection, books, updates[half:]
            )
        update = updates[0]
        reason = f"{type(error).__name__}: {error}"
        body = msgspec.msgpack.encode(update)
        return [failure(FailureKind.LOCATION, str(update.update_id), update.epc, reason, body)]
    return []


def post_loads(
    connection: psycopg.Connection[Any], books: Books, loads: Sequence[Load]
) -> tuple[list[object], list[Failure]]:
    """The warehouse's postings, and the loads it could not take, as dead letters. A refusal is a posting."""
    posted: list[object] = []
    letters: list[Failure] = []
    for load in loads:
        try:
            with connection.transaction():
                posted.append(books.post_load(connection, load))
        except psycopg.OperationalError:
            raise
        except Exception as error:
            source = f"{load.passage_id}/{load.revision}"
            reason = f"{type(error).__name__}: {error}"
            letters.append(failure(FailureKind.POSTING, source, load.portal, reason, msgspec.msgpack.encode(load)))
    return posted, letters


def post_weighings(
    connection: psycopg.Connection[Any], books: Books, weighings: Sequence[Weighing]
) -> tuple[list[object], list[Failure]]:
    """The warehouse's answers to weighings, given after loads, and those it could not take, as dead letters."""
    answers: list[object] = []
    letters: list[Failure] = []
    for weighing in weighings:
        try:
            with connection.transaction():
                answers.append(books.post_weighing(connection, weighing))
        except psycopg.OperationalError:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            body = msgspec.msgpack.encode(weighing)
            letters.append(failure(FailureKind.WEIGHING, str(weighing.weighing_id), weighing.scale, reason, body))
    return answers, letters


def write_signals(connection: psycopg.Connection[Any], signals: Iterable[Signal]) -> None:
    """What portals told people, and a message each for the feed; saying it again is no news."""
    for signal in signals:
        if signal.renewed:
            continue
        connection.execute(
            "insert into signal (at, portal, colour, reason, valid_until, passage_id, expected, seen, missing, extra,"
            " barred) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                from_us(signal.at_us),
                signal.portal,
                signal.colour,
                signal.reason,
                from_us(signal.valid_until_us),
                signal.passage_id,
                signal.expected,
                signal.seen,
                list(signal.missing),
                list(signal.extra),
                Jsonb(msgspec.to_builtins(signal.barred)),
            ),
        )
        _tell(connection, "signal", signal.portal, msgspec.to_builtins(signal))


def write_letters(connection: psycopg.Connection[Any], letters: Sequence[Failure]) -> None:
    """Dead letters; one that is there already stays, but opens again when its replay failed."""
    connection.cursor().executemany(
        "insert into dead_letter (dead_letter_id, kind, source, key, reason, body) values (%s, %s, %s, %s, %s, %s)"
        " on conflict (dead_letter_id) do update set status = 'open', reason = excluded.reason"
        " where dead_letter.status in ('replay', 'replayed')",
        [(f.letter_id, f.kind, text(f.source), text(f.key), text(f.reason), f.body) for f in letters],
    )


def _tell(connection: psycopg.Connection[Any], topic: str, key: str, payload: Any) -> None:
    connection.execute(
        "insert into outbox (topic, key, payload) values (%s, %s, %s)",
        (topic, key, Jsonb(payload, dumps=msgspec.json.encode)),
    )
