"""The tags that a barcode's key may be written to: every EPC with that GS1 key.

A barcode does not say how long the company prefix is, nor a tag's filter value or coding. So there are a hundred EPCs
for one key, of which a warehouse knows at most a few: look which.
"""

from collections.abc import Iterator

from warehouse.barcodes import Barcode
from warehouse.epc import EpcError, encode

_PREFIXES = range(6, 13)
_FILTERS = range(8)


def epcs_of(scanned: Barcode) -> list[str]:
    """Of an SSCC, a GTIN with serial, a GRAI with serial or a GIAI; none for what is no single thing."""
    found = []
    for coding, company, reference, serial in _parts(scanned):
        for filter_value in _FILTERS:
            try:
                found.append(encode(coding, filter_value, company, reference, serial))
            except EpcError:  # a serial with letters has no 96-bit coding, a short one no long prefix
                break
    return found


def _parts(scanned: Barcode) -> Iterator[tuple[str, str, str, str]]:
    gtin, serial = scanned.value("01"), scanned.serial
    grai, giai = scanned.value("8003"), scanned.value("8004")
    for digits in _PREFIXES:
        if scanned.sscc is not None:
            yield "sscc-96", scanned.sscc[1 : 1 + digits], scanned.sscc[0] + scanned.sscc[1 + digits : 17], ""
        elif gtin is not None and serial is not None:
            for coding in ("sgtin-96", "sgtin-198"):
                yield coding, gtin[1 : 1 + digits], gtin[0] + gtin[1 + digits : 13], serial
        elif grai is not None and len(grai) > 14:
            for coding in ("grai-96", "grai-170"):
                yield coding, grai[1 : 1 + digits], grai[1 + digits : 13], grai[14:]
        elif giai is not None and len(giai) > digits:
            for coding in ("giai-96", "giai-202"):
                yield coding, giai[:digits], giai[digits:], ""
