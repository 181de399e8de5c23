"""Electronic Product Codes: from a tag's bits to the GS1 keys people and systems use, and back.

`decode` never raises. What is no valid GS1 coding (an unknown header such as E2 or C3, partition 7, a field with more
digits than its partition allows, bits set in the padding, no hexadecimal at all) stays raw: `scheme` is None and the
URI is `urn:epc:raw:…` (TDS 12). Codings with a plus (`epc_plus`) have the GS1 key whole, `key`, and no company prefix:
their URI is the GS1 Digital Link. Traps the standard sets: the company prefix keeps its leading zeros; the indicator or
extension digit leads the reference in the URI but comes first in the GTIN or SSCC; the filter is not part of the pure
identity; GIAI-96 references and 96-bit serials are numbers, so they have no leading zeros.

Source: GS1 EPC Tag Data Standard 1.13 and 2.1, sections 6 (URIs), 7 (GS1 element strings), 12 (tag URIs), 14 (binary).
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from warehouse.epc_plus import PLUS_BY_HEADER, PLUS_BY_NAME, NotEncodableError, PlusCoding, decode_plus, encode_plus
from warehouse.epc_schemes import (
    AI_82,
    BY_HEADER,
    BY_NAME,
    COMPANY_BITS,
    URI_ESCAPED,
    Coding,
    Scheme,
    SerialCoding,
)

# Tags seen on a busy site in a day fit; beyond it the least recently used is decoded again.
CACHE_MAX = 65_536

_HEXADECIMAL = re.compile(r"[0-9A-F]+")


class EpcError(ValueError):
    """What was asked to be encoded has no such coding; the message names the field."""


@dataclass(frozen=True, slots=True)
class Epc:
    """One decoded EPC. Raw ones have scheme and coding None and empty fields.

    `reference` is the part after the company prefix as the URI writes it; `serial` unescaped, empty for SSCC and GIAI.
    """

    hex: str
    scheme: Scheme | None = None
    coding: str | None = None
    filter: int | None = None
    company_prefix: str = ""
    reference: str = ""
    serial: str = ""
    # Of codings with a plus: the key as it is in the tag, the date (application identifier, YYMMDD), data after it.
    whole: str = ""
    date: tuple[str, str] | None = None
    more: bool = False

    @property
    def uri(self) -> str:
        """The pure identity, `urn:epc:id:sgtin:0614141.812345.6789`, of a plus the Digital Link; or the raw URI."""
        if self.scheme is None:
            return self._raw_uri()
        if self.whole:
            return self._link(())
        return f"urn:epc:id:{self.scheme}:{self._fields()}"

    @property
    def tag_uri(self) -> str:
        """With coding and filter, `urn:epc:tag:sgtin-96:3.0614141.812345.6789`, or (also of a plus) the raw URI."""
        if self.scheme is None or self.whole:
            return self._raw_uri()
        return f"urn:epc:tag:{self.coding}:{self.filter}.{self._fields()}"

    @property
    def gtin(self) -> str | None:
        """GTIN-14 of an SGTIN."""
        if self.scheme is not Scheme.SGTIN:
            return None
        return self.whole or with_check_digit(self.reference[0] + self.company_prefix + self.reference[1:])

    @property
    def key(self) -> str | None:
        """The GS1 key: GTIN-14, SSCC-18, GLN-13, GRAI (with its serial) or GIAI; None when raw."""
        if self.whole:
            return self.whole + self.serial if self.scheme is Scheme.GRAI else self.whole
        match self.scheme:
            case Scheme.SGTIN:
                return self.gtin
            case Scheme.SSCC:
                return with_check_digit(self.reference[0] + self.company_prefix + self.reference[1:])
            case Scheme.SGLN:
                return with_check_digit(self.company_prefix + self.reference)
            case Scheme.GRAI:
                return with_check_digit("0" + self.company_prefix + self.reference) + self.serial
            case Scheme.GIAI:
                return self.company_prefix + self.reference
            case _:
                return None

    @property
    def element_string(self) -> str | None:
        """With GS1 application identifiers, `(01)80614141123458(21)6789`; None when raw."""
        if self.scheme is None:
            return None
        return "".join(f"({ai}){value}" for ai, value in (*self._elements(), *self._dates()))

    @property
    def digital_link(self) -> str | None:
        """GS1 Digital Link at the canonical host; None when raw."""
        if self.scheme is None:
            return None
        return self._link(self._dates())

    def _link(self, query: tuple[tuple[str, str], ...]) -> str:
        path = "".join(f"/{ai}/{quote(value, safe='')}" for ai, value in self._elements())
        return f"https://id.gs1.org{path}" + "".join(f"?{ai}={value}" for ai, value in query)

    def _dates(self) -> tuple[tuple[str, str], ...]:
        return () if self.date is None else (self.date,)

    def _elements(self) -> tuple[tuple[str, str], ...]:
        key = self.key or ""
        match self.scheme:
            case Scheme.SGTIN:
                return ("01", key), ("21", self.serial)
            case Scheme.SSCC:
                return (("00", key),)
            case Scheme.SGLN:  # extension 0 means the GLN alone (TDS 7.4)
                return (("414", key),) if self.serial == "0" else (("414", key), ("254", self.serial))
            case Scheme.GRAI:
                return (("8003", key),)
            case _:
                return (("8004", key),)

    def _fields(self) -> str:
        match self.scheme:
            case Scheme.SSCC | Scheme.GIAI:
                return f"{self.company_prefix}.{_escape(self.reference)}"
            case _:
                return f"{self.company_prefix}.{self.reference}.{_escape(self.serial)}"

    def _raw_uri(self) -> str:
        return f"urn:epc:raw:{len(self.hex) * 4}.x{self.hex}"


@lru_cache(maxsize=CACHE_MAX)
def decode(epc_hex: str) -> Epc:
    """The EPC behind a tag's hexadecimal text (any case); raw when it is no valid GS1 coding. Never raises."""
    text = epc_hex.upper()
    if _HEXADECIMAL.fullmatch(text) is None or len(text) < 2:
        return Epc(text)
    header = int(text[:2], 16)
    plus = PLUS_BY_HEADER.get(header)
    if plus is not None:
        return _decode_plus(plus, text) or Epc(text)
    coding = BY_HEADER.get(header)
    if coding is None:
        return Epc(text)
    return _decode_as(coding, text) or Epc(text)


def _decode_plus(coding: PlusCoding, text: str) -> Epc | None:
    fields = decode_plus(coding, text)
    if fields is None or (coding.scheme is not Scheme.GIAI and check_digit(fields.key[:-1]) != fields.key[-1]):
        return None
    return Epc(
        text, coding.scheme, coding.name, fields.filter, serial=fields.serial, whole=fields.key, date=fields.date,
        more=fields.more,
    )  # fmt: skip


def _decode_as(coding: Coding, text: str) -> Epc | None:
    spare = len(text) * 4 - coding.bits
    if spare < 0:
        return None
    bits = int(text, 16)
    if bits & ((1 << spare) - 1):
        return None
    bits >>= spare
    width = coding.bits

    def take(count: int) -> int:
        nonlocal width
        width -= count
        return (bits >> width) & ((1 << count) - 1)

    take(8)
    filter_value = take(3)
    partition = take(3)
    if partition >= len(COMPANY_BITS):
        return None
    company = _digits(take(COMPANY_BITS[partition]), 12 - partition)
    reference = _reference(coding, partition, take(coding.reference_bits(partition)))
    serial = _serial(coding, take(coding.serial_bits))
    if company is None or reference is None or serial is None:
        return None
    return Epc(text, coding.scheme, coding.name, filter_value, company, reference, serial)


def _reference(coding: Coding, partition: int, value: int) -> str | None:
    digits = coding.reference_digits(partition)
    if coding.reference_is_string:
        text = _characters(value, coding.reference_bits(partition))
        return text if text and len(text) <= digits else None
    if coding.scheme is Scheme.GIAI:
        return str(value) if value < 10**digits else None
    return _digits(value, digits)


def _serial(coding: Coding, value: int) -> str | None:
    match coding.serial_coding:
        case SerialCoding.INTEGER:
            return str(value)
        case SerialCoding.STRING:
            return _characters(value, coding.serial_bits) or None
        case _:
            return "" if value == 0 else None


def _digits(value: int, digits: int) -> str | None:
    if value >= 10**digits:
        return None
    return f"{value:0{digits}d}" if digits else ""


def _characters(value: int, bits: int) -> str | None:
    """7-bit characters up to the first zero, after which all must be zero."""
    text = ""
    for shift in range(bits - 7, -1, -7):
        code = (value >> shift) & 0x7F
        if code == 0:
            return text if value & ((1 << shift) - 1) == 0 else None
        if chr(code) not in AI_82:
            return None
        text += chr(code)
    return text


def encode(coding_name: str, filter_value: int, company_prefix: str, reference: str, serial: str = "") -> str:
    """The hexadecimal EPC, padded to whole 16-bit words. Raises EpcError.

    `coding_name` as in tag URIs (`sgtin-96`), the other fields as the pure identity writes them, unescaped.
    """
    coding = BY_NAME.get(coding_name)
    if coding is None:
        raise EpcError(f"no coding {coding_name!r}: one of {', '.join(BY_NAME)}")
    if not 0 <= filter_value <= 7:
        raise EpcError(f"filter {filter_value} is not 0..7")
    if not _is_digits(company_prefix) or not 6 <= len(company_prefix) <= 12:
        raise EpcError(f"company prefix {company_prefix!r} is not 6 to 12 digits")
    partition = 12 - len(company_prefix)
    bits = coding.header << 6 | filter_value << 3 | partition
    bits = bits << COMPANY_BITS[partition] | int(company_prefix)
    width = coding.reference_bits(partition)
    bits = bits << width | _encode_reference(coding, partition, reference)
    bits = bits << coding.serial_bits | _encode_serial(coding, serial)
    spare = -coding.bits % 16
    return f"{bits << spare:0{(coding.bits + spare) // 4}X}"


def _encode_reference(coding: Coding, partition: int, reference: str) -> int:
    digits = coding.reference_digits(partition)
    if coding.reference_is_string:
        return _encode_characters("reference", reference, coding.reference_bits(partition), digits)
    number = _is_digits(reference)
    if coding.scheme is Scheme.GIAI:
        if not number or len(reference) > digits or str(int(reference)) != reference:
            raise EpcError(f"reference {reference!r} is not a number of at most {digits} digits without leading zeros")
        if int(reference) >> coding.reference_bits(partition):
            raise EpcError(f"reference {reference!r} does not fit {coding.reference_bits(partition)} bits")
        return int(reference)
    if len(reference) != digits or (digits and not number):
        raise EpcError(f"reference {reference!r} is not {digits} digits")
    return int(reference or "0")


def _encode_serial(coding: Coding, serial: str) -> int:
    match coding.serial_coding:
        case SerialCoding.STRING:
            return _encode_characters("serial", serial, coding.serial_bits, coding.serial_bits // 7)
        case SerialCoding.INTEGER:
            if not _is_digits(serial) or str(int(serial)) != serial or int(serial) >> coding.serial_bits:
                raise EpcError(f"serial {serial!r} is not a number below 2^{coding.serial_bits} without leading zeros")
            return int(serial)
        case _:
            if serial:
                raise EpcError(f"{coding.name} has no serial, got {serial!r}")
            return 0


def _encode_characters(field: str, text: str, bits: int, count_max: int) -> int:
    if not 1 <= len(text) <= count_max or not set(text) <= AI_82:
        raise EpcError(f"{field} {text!r} is not 1 to {count_max} characters of GS1 set 82")
    value = 0
    for character in text:
        value = value << 7 | ord(character)
    return value << (bits - 7 * len(text))


def encode_whole(
    coding_name: str, filter_value: int, key: str, serial: str = "", date: tuple[str, str] | None = None
) -> str:
    """The hexadecimal EPC of a coding with a plus (`sgtin+`, `dsgtin+`, `sscc+`, `sgln+`, `grai+`, `giai+`).

    `key` as in the tag: GTIN-14, SSCC-18, GLN-13, GRAI's first 14 digits, GIAI; check digits are checked. `date` is the
    (application identifier, YYMMDD) of a DSGTIN+. Raises EpcError.
    """
    coding = PLUS_BY_NAME.get(coding_name)
    if coding is None:
        raise EpcError(f"no coding {coding_name!r}: one of {', '.join(PLUS_BY_NAME)}")
    if coding.scheme is not Scheme.GIAI:
        _checked(key, coding.key_digits, f"{coding.scheme.upper()} key")
    try:
        return encode_plus(coding, filter_value, key, serial, date)
    except NotEncodableError as error:
        raise EpcError(str(error)) from None


def encode_sgtin96(gtin14: str, serial: int, company_prefix_digits: int, filter: int = 1) -> str:
    """SGTIN-96 of a GTIN-14 (check digit included, and checked). Raises EpcError."""
    body = _checked(gtin14, 14, "GTIN-14")
    end = 1 + company_prefix_digits
    return encode("sgtin-96", filter, body[1:end], body[0] + body[end:], str(serial))


def encode_sscc96(sscc18: str, company_prefix_digits: int, filter: int = 2) -> str:
    """SSCC-96 of an SSCC-18 (check digit included, and checked). Raises EpcError."""
    body = _checked(sscc18, 18, "SSCC-18")
    end = 1 + company_prefix_digits
    return encode("sscc-96", filter, body[1:end], body[0] + body[end:])


def encode_grai96(grai14: str, serial: int, company_prefix_digits: int, filter: int = 0) -> str:
    """GRAI-96 of a GRAI's first 14 digits (leading 0 and check digit included) and its serial. Raises EpcError."""
    body = _checked(grai14, 14, "GRAI")
    if body[0] != "0":
        raise EpcError(f"GRAI {grai14!r} does not begin with 0")
    end = 1 + company_prefix_digits
    return encode("grai-96", filter, body[1:end], body[end:], str(serial))


def check_digit(body: str) -> str:
    """GS1 modulo-10 check digit of the digits before it (GS1 General Specifications 7.9); 10 becomes 0."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body)))
    return str(-total % 10)


def with_check_digit(body: str) -> str:
    return body + check_digit(body)


def _checked(key: str, length: int, name: str) -> str:
    """The key without its check digit."""
    if len(key) != length or not _is_digits(key):
        raise EpcError(f"{name} {key!r} is not {length} digits")
    if check_digit(key[:-1]) != key[-1]:
        raise EpcError(f"{name} {key!r} has check digit {key[-1]}, should be {check_digit(key[:-1])}")
    return key[:-1]


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _escape(text: str) -> str:
    return "".join(f"%{ord(c):02X}" if c in URI_ESCAPED else c for c in text)
