"""Where a command finds its database: the site's DSN, or the embedded server under the site's state directory.

What serves works as the service's role, which cannot change what is append-only; only what migrates or looks into the
schema itself connects as the user that the DSN names. A site may give the service a user that is no more than a member
of that role: then `tagledger migrate` is run by another, once a version.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse.postgres.control.people import ensure_roles
from warehouse.postgres.database.connect import connect, service_dsn
from warehouse.postgres.database.hypertables import tune
from warehouse.postgres.database.migrate import migrate, pending
from warehouse.postgres.database.server import EmbeddedServer, owner_of, running_dsn
from warehouse.postgres.goods.places import ensure_places
from warehouse.site import Site


@contextmanager
def open_database(site: Site, *, as_owner: bool = False, beside: bool = False) -> Iterator[str]:
    """A DSN that answers while the context lasts: schema and places are up to date, connections work as the service.

    `as_owner` changes nothing and gives the DSN as it is. `beside` uses the embedded server of a site that runs. Raises
    NoServerError, ServerInUseError, ServerError, MigrationError, psycopg.OperationalError.
    """
    if site.database.dsn:
        yield site.database.dsn if as_owner else _prepared(site, site.database.dsn)
        return
    if beside and owner_of(site.state_dir) is not None:
        running = running_dsn(site.state_dir)
        yield running if as_owner else service_dsn(running)
        return
    with EmbeddedServer(Path(site.state_dir)) as server:
        yield server.dsn if as_owner else _prepared(site, server.dsn)


def _prepared(site: Site, dsn: str) -> str:
    """This version's schema, and the site file's zones as places of the ledger: a portal posts into nothing less."""
    if pending(dsn):
        migrate(dsn)
    with connect(dsn) as connection:
        ensure_places(connection, site)
        tune(connection, site.database.sightings_per_s)
        ensure_roles(connection)
    return service_dsn(dsn)
