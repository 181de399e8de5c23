"""The GS1 EPC binary coding schemes as data (EPC Tag Data Standard 1.13 and 2.1, section 14.6, coding tables).

All have the layout header (8 bits), filter (3), partition (3), company prefix, reference, serial. The partition says
how many bits and digits the company prefix and the reference have; together they always fill the same number of bits.
"""

from dataclasses import dataclass
from enum import StrEnum


class Scheme(StrEnum):
    """The EPC schemes by the name their URIs carry."""

    SGTIN = "sgtin"
    SSCC = "sscc"
    SGLN = "sgln"
    GRAI = "grai"
    GIAI = "giai"


class SerialCoding(StrEnum):
    """How the serial part is coded."""

    NONE = "none"  # zero bits to fill (SSCC-96), or the reference itself is the serial (GIAI)
    INTEGER = "integer"
    STRING = "string"  # 7-bit characters, ended by a zero


# Bits of the company prefix for partitions 0..6, whose digits are 12 - partition.
COMPANY_BITS = (40, 37, 34, 30, 27, 24, 20)


@dataclass(frozen=True, slots=True)
class Coding:
    """One binary coding. `reference_digits_at_0` is the reference's digits (GIAI: at most) at partition 0."""

    header: int
    scheme: Scheme
    bits: int
    reference_bits_at_0: int
    reference_digits_at_0: int
    serial_bits: int
    serial_coding: SerialCoding
    reference_is_string: bool = False

    @property
    def name(self) -> str:
        """As in tag URIs: `sgtin-96`."""
        return f"{self.scheme}-{self.bits}"

    def reference_bits(self, partition: int) -> int:
        return self.reference_bits_at_0 + COMPANY_BITS[0] - COMPANY_BITS[partition]

    def reference_digits(self, partition: int) -> int:
        return self.reference_digits_at_0 + partition


CODINGS = (
    Coding(0x30, Scheme.SGTIN, 96, 4, 1, 38, SerialCoding.INTEGER),
    Coding(0x36, Scheme.SGTIN, 198, 4, 1, 140, SerialCoding.STRING),
    Coding(0x31, Scheme.SSCC, 96, 18, 5, 24, SerialCoding.NONE),
    Coding(0x32, Scheme.SGLN, 96, 1, 0, 41, SerialCoding.INTEGER),
    Coding(0x39, Scheme.SGLN, 195, 1, 0, 140, SerialCoding.STRING),
    Coding(0x33, Scheme.GRAI, 96, 4, 0, 38, SerialCoding.INTEGER),
    Coding(0x37, Scheme.GRAI, 170, 4, 0, 112, SerialCoding.STRING),
    Coding(0x34, Scheme.GIAI, 96, 42, 13, 0, SerialCoding.NONE),
    Coding(0x38, Scheme.GIAI, 202, 148, 18, 0, SerialCoding.NONE, reference_is_string=True),
)
BY_HEADER = {coding.header: coding for coding in CODINGS}
BY_NAME = {coding.name: coding for coding in CODINGS}

# GS1 AI encodable character set 82 (GS1 General Specifications, figure 7.11-1).
AI_82 = frozenset("!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")
# Those that an EPC URI writes as %hh (TDS, Annex A, table A-1).
URI_ESCAPED = frozenset('"%&/<>?')
