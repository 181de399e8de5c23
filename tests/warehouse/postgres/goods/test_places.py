"""The site's places become locations once, with the kind their part in portals says."""

import psycopg

from warehouse.postgres.goods.places import ensure_places
from warehouse.postgres.loads.load_facts import ensure_locations
from warehouse.site import Portal, Site, Zone

SITE = Site(
    "s",
    zones=(Zone("dock"), Zone("yard", location="YARD-1"), Zone("lane"), Zone("shelf")),
    portals=(Portal("D1", "dock", "yard"), Portal("P2", "shelf", "dock"), Portal("D3", "dock", "street")),
)


def test_outside_only_when_no_portal_has_it_inside(database: str) -> None:
    with psycopg.connect(database) as conn:
        ensure_locations(conn, ["lane"])  # seen before anyone described it
        assert set(ensure_places(conn, SITE)) == {"dock", "YARD-1", "lane", "shelf", "street"}
        assert ensure_places(conn, SITE) == ()
        kinds = dict(conn.execute("select code, kind from location where level = 'zone'").fetchall())
    assert {k: kinds[k] for k in ("dock", "YARD-1", "lane", "shelf", "street")} == {
        "dock": "internal", "YARD-1": "outside", "lane": "internal", "shelf": "internal", "street": "outside",
    }  # fmt: skip
