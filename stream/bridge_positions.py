"""What the workers have committed, as the bridge needs it: by agent and epoch, what every place has. And the lock.

A worker's transaction records, for every place, the agent's last batch it holds (`stream_inbox`, agent `agent@place`).
An agent's batch is stored when all places that the agent serves have it, so the minimum over these places is what may
be acknowledged to the edge; a place that has nothing of an epoch yet holds all of it back. A place whose topic was made
anew (`topic_epoch`) counts with the highest it has.

The lock keeps a second bridge of the same name waiting instead of quarrelling over the MQTT session. It is a session
lock of PostgreSQL, gone with its connection, which the server ends when the bridge has said nothing for `SILENT_S`: one
that stands still must not keep the other waiting. What makes two bridges harmless is the fence at Kafka.

Blocking, for one thread at a time; every call has `TIMEOUT_S`.
"""

from dataclasses import dataclass
from typing import Any

import psycopg

from stream.database_session import SILENT_S, session
from stream.routing import Router, places_of
from warehouse.postgres.database.connect import service_dsn
from warehouse.site import Site

TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Stored:
    """The last counter that every place has (0: one has none), and the last that any has."""

    everywhere: int
    anywhere: int


def connected(dsn: str, name: str) -> psycopg.Connection[Any]:
    """A connection that does not wait for ever on anything. Raises psycopg.OperationalError."""
    limits = f"-c statement_timeout={TIMEOUT_S * 1000} -c idle_session_timeout={int(SILENT_S * 1000)}"
    return session(service_dsn(dsn), name, options=limits, connect_s=TIMEOUT_S)


class CommittedPositions:
    """One connection to the database, made again when it broke. `topic` is the places topic."""

    def __init__(self, dsn: str, site: Site, group: str, topic: str) -> None:
        self._dsn = dsn
        self._site = site
        self._router = Router(site)
        self._consumers = f"{group}/{topic}/"
        self._lock_name = f"tagledger bridge {group}/{topic}"
        self._connection: psycopg.Connection[Any] | None = None

    def locked(self) -> bool:
        """Whether we are the bridge, now. Raises psycopg.OperationalError."""
        if self._connection is not None and not (self._connection.closed or self._connection.broken):
            return True
        self._connection = connection = connected(self._dsn, "tagledger bridge")
        query = "select pg_try_advisory_lock(hashtextextended(%s, 0))"
        row = connection.execute(query, (self._lock_name,)).fetchone()
        if row is None or not row[0]:
            self.close()
            return False
        return True

    def read(self) -> dict[tuple[str, str], Stored]:
        """By (agent, epoch). Raises psycopg.OperationalError."""
        assert self._connection is not None
        rows = self._connection.execute(
            "select agent, epoch, max(counter) from stream_inbox where starts_with(consumer, %s) group by agent, epoch",
            (self._consumers,),
        )
        places: dict[tuple[str, str], dict[str, int]] = {}
        for key, epoch, counter in rows:
            agent, _, place = key.rpartition("@")
            places.setdefault((agent, epoch), {})[place] = counter
        return {
            (agent, epoch): Stored(min(at.get(place, 0) for place in served), max(at.values()))
            for (agent, epoch), at in places.items()
            if (served := self._served_by(agent))
        }

    def _served_by(self, agent: str) -> list[str]:
        return [place for place in places_of(self._site) if self._router.serves(agent, place)]

    def close(self) -> None:
        """End the connection and with it the lock."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
