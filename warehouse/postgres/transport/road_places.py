"""Vehicles as places of the ledger, and how far it is over the roads from where goods come in; made at start."""

from warehouse.postgres.books.balances import Conn
from warehouse.roads import StationKind
from warehouse.routes import Routes
from warehouse.site import Site


def ensure_vehicles(conn: Conn, site: Site) -> tuple[str, ...]:
    """Make a place of every vehicle that is none yet; those made now."""
    made = []
    for vehicle in site.fleet.vehicles:
        row = conn.execute(
            """insert into location (code, kind, level) values (%s, 'internal', 'vehicle')
               on conflict (code) do nothing returning code""",
            (vehicle.name,),
        ).fetchone()
        if row is not None:
            made.append(row[0])
    return tuple(made)


def write_distances(conn: Conn, site: Site) -> None:
    """From the stations of portals and zones to every station where something can be handed over."""
    routes = Routes(site.roads)
    stations = [s for s in site.roads.stations if s.kind is StationKind.TRANSFER and s.node in routes.nodes]
    zones = {zone.location_code for zone in site.zones}
    metres: dict[tuple[str, str], float] = {}
    for start in stations:
        pickups = [start.portal] if start.portal else []
        pickups += [start.location_code] if start.location_code in zones else []
        lengths = routes.lengths_from(start.node) if pickups else {}
        for goal in stations:
            if goal.node in lengths:
                for pickup in pickups:
                    key = pickup, goal.location_code
                    metres[key] = min(lengths[goal.node], metres.get(key, lengths[goal.node]))
    with conn.transaction():
        conn.execute("delete from road_distance")
        conn.execute(
            "insert into road_distance select * from unnest(%s::text[], %s::text[], %s::float8[])",
            ([pickup for pickup, _ in metres], [goal for _, goal in metres], list(metres.values())),
        )
