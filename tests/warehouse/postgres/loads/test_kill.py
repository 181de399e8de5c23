"""kill -9 of the process that posts, and of the server under it, any number of times: the same ledger in the end."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg

from tests.warehouse.postgres.store import Store, open_store
from warehouse.postgres.books.integrity import check
from warehouse.postgres.database.migrate import migrate
from warehouse.postgres.database.server import EmbeddedServer

LOADS = 20

POSTER = """
import sys
from uuid import UUID
import psycopg
from tests.warehouse.postgres.store import Store, sgtin
from warehouse.postgres.loads.posting import post_load

with psycopg.connect(sys.argv[1], autocommit=True) as conn:
    store = Store(conn)
    for n in range(int(sys.argv[2])):
        epcs = tuple(sgtin(1, 10 * n + k) for k in range(8)) + tuple(sgtin(2, 10 * n + k) for k in range(5))
        with conn.transaction():
            post_load(conn, store.load(epcs, passage=UUID(int=n + 1), minute=n))
        print(n, flush=True)
"""


def ledger(store: Store) -> list[tuple[object, ...]]:
    return store.conn.execute(
        """select m.move_id, i.code, s.code, m.quantity, m.effective_at from move m join item i using (item_id)
           left join serial s using (serial_id) order by m.move_id"""
    ).fetchall()


def prepared(dsn: str) -> Store:
    store = open_store(dsn)
    store.items(1, 2)
    store.document("purchase_receipt", "ASN", {"I1": 1000, "I2": 1000})
    return store


def test_the_same_ledger_after_any_number_of_kills(tmp_path: Path, database: str) -> None:
    undisturbed = prepared(database)
    subprocess.run([sys.executable, "-c", POSTER, database, str(LOADS)], check=True, stdout=subprocess.DEVNULL)
    rng = random.Random(11)
    with EmbeddedServer(tmp_path, {"fsync": "off"}) as server:  # the machine itself stays up
        migrate(server.dsn)
        prepared(server.dsn).conn.close()
        for kill in range(4):
            poster = subprocess.Popen([sys.executable, "-c", POSTER, server.dsn, str(LOADS)], stdout=subprocess.PIPE)
            assert poster.stdout is not None
            for _ in range(rng.randrange(1, 12)):  # so many loads are acknowledged, the next is on its way
                poster.stdout.readline()
            victim = poster.pid if kill % 2 == 0 else server.pid
            assert victim is not None
            os.kill(victim, signal.SIGKILL)
            if kill % 2:
                wait_dead(victim)
                server.start()
            poster.kill()
            poster.wait()
            poster.stdout.close()
        subprocess.run([sys.executable, "-c", POSTER, server.dsn, str(LOADS)], check=True, stdout=subprocess.DEVNULL)
        with psycopg.connect(server.dsn, autocommit=True) as conn:
            disturbed = Store(conn)
            assert check(conn) == []
            assert ledger(disturbed) == ledger(undisturbed)
            assert disturbed.fulfilled("ASN") == undisturbed.fulfilled("ASN") == [8 * LOADS, 5 * LOADS]
    undisturbed.conn.close()


def wait_dead(pid: int) -> None:
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
