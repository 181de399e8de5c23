"""GS1 keys and 96-bit EPCs as simulated tags carry them; written for the simulator alone, so it can check others.

SGTIN-96 and SSCC-96 as in GS1 TDS 2.x ("SGTIN-96 coding table", "SSCC-96 coding table"). Company prefixes here have 7
digits, so the partition value is 5 and the company field has 24 bits.
"""

SGTIN_96_HEADER = 0x30
SSCC_96_HEADER = 0x31
PARTITION_OF_7_DIGITS = 5


def check_digit(digits: str) -> str:
    """The GS1 mod-10 check digit for all digits before it."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def gtin14(company: str, item_reference: int, indicator: int = 0) -> str:
    """GTIN-14 of a 7-digit company prefix and a 5-digit item reference."""
    body = f"{indicator}{company}{item_reference:05d}"
    return body + check_digit(body)


def sscc18(company: str, serial: int, extension: int = 0) -> str:
    """SSCC of a 7-digit company prefix and a 9-digit serial reference."""
    body = f"{extension}{company}{serial:09d}"
    return body + check_digit(body)


def sgtin96_hex(company: str, item_reference: int, serial: int, indicator: int = 0, filter_value: int = 2) -> str:
    """SGTIN-96 as 24 hexadecimal digits. ValueError when a field does not fit."""
    if len(company) != 7 or not 0 <= item_reference <= 99_999 or not 0 <= serial < 1 << 38:
        raise ValueError(f"no SGTIN-96 for {company!r}, {item_reference}, {serial}")
    item = indicator * 100_000 + item_reference
    value = SGTIN_96_HEADER
    for field, bits in ((filter_value, 3), (PARTITION_OF_7_DIGITS, 3), (int(company), 24), (item, 20), (serial, 38)):
        value = value << bits | field
    return f"{value:024X}"


def sscc96_hex(company: str, serial: int, extension: int = 0, filter_value: int = 2) -> str:
    """SSCC-96 as 24 hexadecimal digits. ValueError when a field does not fit."""
    if len(company) != 7 or not 0 <= serial <= 999_999_999:
        raise ValueError(f"no SSCC-96 for {company!r}, {serial}")
    reference = extension * 1_000_000_000 + serial
    value = SSCC_96_HEADER
    for field, bits in ((filter_value, 3), (PARTITION_OF_7_DIGITS, 3), (int(company), 24), (reference, 34), (0, 24)):
        value = value << bits | field
    return f"{value:024X}"
