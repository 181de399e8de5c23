"""What a barcode names, for those who only ask."""

from warehouse.barcodes import Barcode
from warehouse.postgres.goods.scanned import NAMED, Named, names_of
from warehouse.postgres.queries.paging import AConn, one


async def named(conn: AConn, scanned: Barcode) -> Named:
    """What is known of it."""
    found = await one(conn, Named, NAMED, names_of(scanned))
    assert found is not None
    return found
