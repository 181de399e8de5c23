"""The places of the site file as locations of the ledger, and its portals, made at start; vehicles too."""

from warehouse.postgres.books.balances import Conn
from warehouse.postgres.transport.road_places import ensure_vehicles, write_distances
from warehouse.site import Site


def ensure_places(conn: Conn, site: Site) -> tuple[str, ...]:
    """Make what is missing; the codes made now.

    A zone that is some portal's outside and no portal's inside is `outside`: seen, without stock of ours. Every other
    zone is internal. A place that was only seen so far and never had a movement takes the kind the site file says.
    """
    conn.cursor().executemany(
        "insert into portal (name) values (%s) on conflict do nothing", [(portal.name,) for portal in site.portals]
    )
    inside = {portal.inside for portal in site.portals}
    outside = {portal.outside for portal in site.portals} - inside
    code_of = {zone.name: zone.location_code for zone in site.zones}
    names = [*code_of, *sorted((inside | outside) - code_of.keys())]
    made: list[str] = []
    for name in names:
        code = code_of.get(name, name)
        kind = "outside" if name in outside else "internal"
        row = conn.execute(
            """insert into location as l (code, name, kind) values (%s, %s, %s)
               on conflict (code) do update set kind = excluded.kind, name = excluded.name
               where l.kind = 'outside' and l.kind <> excluded.kind and not exists (
                   select from move m where l.location_id in (m.from_location_id, m.to_location_id))
               returning code""",
            (code, name, kind),
        ).fetchone()
        if row is not None:
            made.append(row[0])
    _write_where(conn, site, code_of)
    write_distances(conn, site)
    return (*made, *ensure_vehicles(conn, site))


def _write_where(conn: Conn, site: Site, code_of: dict[str, str]) -> None:
    """Where doors and zones are, for whoever reads within warehouses."""
    conn.cursor().executemany(
        """insert into zone as z (name, location_id) select %s, location_id from location where code = %s
           on conflict (name) do update set location_id = excluded.location_id
           where z.location_id <> excluded.location_id""",
        list(code_of.items()),
    )
    conn.cursor().executemany(
        """update portal p set inside_id = i.location_id, outside_id = o.location_id from location i, location o
           where p.name = %s and i.code = %s and o.code = %s
             and (p.inside_id, p.outside_id) is distinct from (i.location_id, o.location_id)""",
        [
            (portal.name, code_of.get(portal.inside, portal.inside), code_of.get(portal.outside, portal.outside))
            for portal in site.portals
        ],
    )
