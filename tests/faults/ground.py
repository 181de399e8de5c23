"""The ground all runs stand on: a PostgreSQL, Kafka where the kind has it, and what undisturbed hosts led to."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from simulators.auditor import Score
from tagledger.audit import score_of
from tests.faults.compared import Books, books_of
from tests.faults.plan import Kind
from tests.faults.plants import plant
from tests.faults.proxy import Proxy
from tests.faults.undisturbed import enter_paper, process
from tests.kafka import Kafka, a_kafka, free_pairs
from tests.postgres import with_database
from warehouse.postgres.database.migrate import migrate
from warehouse.postgres.database.server import EmbeddedServer


@dataclass(slots=True)
class Ground:
    """The server all runs share, and what undisturbed runs led to. `old`: the checkout that runs are upgraded from."""

    server: EmbeddedServer
    folder: Path
    kafka: Kafka | None = None
    kafka_proxy: Proxy | None = None
    old: Path | None = None
    _known: dict[tuple[int, int], tuple[Books, Score]] = field(default_factory=dict)

    @property
    def bootstrap(self) -> str:
        """Where a run's processes find Kafka; empty without one."""
        if self.kafka_proxy is not None:
            return f"127.0.0.1:{self.kafka_proxy.port}"
        return self.kafka.bootstrap if self.kafka is not None else ""

    def database(self, name: str, number: int) -> str:
        """A database with a plant's paper entered, the same ids in each."""
        template = f"plant_{number}"
        with psycopg.connect(self.server.dsn, autocommit=True) as connection:
            if not connection.execute("select 1 from pg_database where datname = %s", (template,)).fetchone():
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(template)))
                dsn = with_database(self.server.dsn, template)
                enter_paper(dsn, number) if self.old is None else self._in_old("paper", dsn, number)
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
            connection.execute(
                sql.SQL("create database {} template {} strategy file_copy").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        return with_database(self.server.dsn, name)

    def drop(self, name: str) -> None:
        with psycopg.connect(self.server.dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def undisturbed(self, number: int, skew_ms: int) -> tuple[Books, Score]:
        """The books and the score of the same recording without faults."""
        if (number, skew_ms) not in self._known:
            dsn = self.database("undisturbed", number)
            migrate(dsn)
            process(dsn, number, skew_ms)
            self._known[number, skew_ms] = books_of(dsn), score_of(dsn, plant(number).truth)
        return self._known[number, skew_ms]

    def undisturbed_old(self, number: int) -> Books | None:
        """The books of the same recording as the old checkout alone would have them; None without one."""
        if self.old is None:
            return None
        dsn = self.database("undisturbed_old", number)
        self._in_old("host", dsn, number)
        return books_of(dsn)

    def _in_old(self, what: str, dsn: str, number: int) -> None:
        assert self.old is not None
        command = [sys.executable, str(Path(__file__).with_name("undisturbed.py")), what, dsn, str(number)]
        subprocess.run(command, cwd=self.old, env={**os.environ, "PYTHONPATH": str(self.old)}, check=True)


@contextmanager
def ground(folder: Path, kind: Kind, old: Path | None = None) -> Iterator[Ground]:
    """A server on `folder`, and Kafka where the kind has it; their data survive `kill -9`, which needs no fsync while
    the machine stays up. One node of Kafka is reached through a proxy, which it tells its clients itself.
    """
    with ExitStack() as stack:
        kafka, proxy = None, None
        if kind is Kind.CLUSTER:
            (port,) = free_pairs(1)
            proxy = Proxy(port)
            stack.callback(proxy.close)
            told = folder / "kafka.properties"
            told.write_text(f"advertised.listeners=PLAINTEXT://127.0.0.1:{proxy.port}\n")
            kafka = stack.enter_context(a_kafka([port], told))
        elif kind.kafka_nodes:
            kafka = stack.enter_context(a_kafka(free_pairs(kind.kafka_nodes)))
        settings = {"fsync": "off", "max_connections": "60"}
        server = stack.enter_context(EmbeddedServer(folder / "postgres", settings))
        yield Ground(server, folder, kafka, proxy, old)
