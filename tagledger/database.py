"""Where a command finds its database: the site's DSN, or the embedded server under the site's state directory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from warehouse.postgres.migrate import migrate
from warehouse.postgres.places import ensure_places
from warehouse.postgres.server import EmbeddedServer
from warehouse.site import Site


@contextmanager
def open_database(site: Site, *, migrated: bool = True) -> Iterator[str]:
    """A DSN that answers, for as long as the context lasts; `migrated` brings schema and places up to date.

    Raises NoServerError, ServerInUseError, ServerError, MigrationError, psycopg.OperationalError.
    """
    if site.database.dsn:
        if migrated:
            _prepare(site, site.database.dsn)
        yield site.database.dsn
        return
    with EmbeddedServer(Path(site.state_dir)) as server:
        if migrated:
            _prepare(site, server.dsn)
        yield server.dsn


def _prepare(site: Site, dsn: str) -> None:
    """This version's schema, and the site file's zones as places of the ledger: a portal posts into nothing less."""
    migrate(dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        ensure_places(connection, site)
