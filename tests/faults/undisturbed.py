"""A plant's paper in a database, and what one embedded host makes of the plant's recording when nothing goes wrong.

`undisturbed.py paper|host DSN PLANT` does it with whatever checkout `PYTHONPATH` names: how an upgrade's old version
says what it would have made of it.
"""

import sys

import psycopg

from stream.embedded import EmbeddedHost
from stream.store import Store
from tagledger.plant_entry import document_commands, opening_commands
from tests.faults.plants import plant, sealed, site_of
from warehouse.commands import ALL_RIGHTS, Actor, Command, Result
from warehouse.postgres.commands import execute
from warehouse.postgres.database.migrate import migrate
from warehouse.postgres.goods.places import ensure_places


def enter_paper(dsn: str, number: int) -> None:
    """Migrate, and enter opening stock and documents, with the same ids every time."""
    migrate(dsn)
    made = plant(number)
    commands: list[Command] = list(opening_commands(made))
    known = {standing.unit.sscc for standing in made.opening}
    for document in made.documents:
        commands += document_commands(document, known)
    actor = Actor("test", rights=ALL_RIGHTS)
    with psycopg.connect(dsn, autocommit=True) as connection:
        ensure_places(connection, site_of(number))
        for n, command in enumerate(commands):
            done = execute(connection, command, actor=actor, source="test", client_event_id=f"{number}-{n}")
            assert isinstance(done, Result), done


def process(dsn: str, number: int, skew_ms: int = 0) -> None:
    """The whole recording through one host."""
    site = site_of(number)
    EmbeddedHost(site, Store(dsn, site)).process_sync(sealed(number, skew_ms))


if __name__ == "__main__":
    what, dsn, number = sys.argv[1:]
    {"paper": enter_paper, "host": process}[what](dsn, int(number))
