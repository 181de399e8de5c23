"""Where a command finds its database: the site's DSN, or the embedded server under the site's state directory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse.postgres.migrate import migrate
from warehouse.postgres.server import EmbeddedServer
from warehouse.site import Site


@contextmanager
def open_database(site: Site, *, migrated: bool = True) -> Iterator[str]:
    """A DSN that answers, for as long as the context lasts; `migrated` brings the schema up to this version.

    Raises NoServerError, ServerInUseError, ServerError, MigrationError, psycopg.OperationalError.
    """
    if site.database.dsn:
        if migrated:
            migrate(site.database.dsn)
        yield site.database.dsn
        return
    with EmbeddedServer(Path(site.state_dir)) as server:
        if migrated:
            migrate(server.dsn)
        yield server.dsn
