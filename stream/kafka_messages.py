"""What the two topics carry, as bytes: `value` of a message, whose key is a place (places topic) or a zone (reports).

| topic | value | from |
|---|---|---|
| places | an edge batch cut to the place (`stream.batch_codec`, a msgpack array) | bridge |
| places | an input of another kind: an expectation, a silent agent left out, a dead letter given again | bridge |
| reports | a zone's reports and time (`ReportsTaken`), or a dead letter given again | workers, bridge |

Inputs of other kinds are a msgpack map of schema, kind and body, which are those of the log (`stream.log`): what is in
the topics is what will be in the log. So one look at the first byte tells a batch from the rest. A schema this program
does not know raises `BatchFormatError`, as an unknown batch schema does, and becomes a dead letter.
"""

import msgspec

from stream.batch_codec import BATCH_BYTES_MAX, BatchFormatError
from stream.log import Entry, Redelivery, ReportsTaken, SliceTaken, SourceLeftOut, decode_entry, encode_entry, kind_of
from stream.places import FailureKind
from warehouse.loads import Expectation

SCHEMA = 1

PlaceInput = Expectation | SourceLeftOut | Redelivery
"""What a place is told besides batches."""


class _WireInput(msgspec.Struct, frozen=True):
    schema: int
    kind: int
    body: bytes


_decoder = msgspec.msgpack.Decoder(_WireInput)


def is_batch(value: bytes) -> bool:
    """Whether a value of the places topic is meant as an edge batch: anything but a small msgpack map."""
    return not (value and 0x80 <= value[0] <= 0x8F)


def encode_input(entry: PlaceInput | ReportsTaken) -> bytes:
    """The value of a message."""
    return msgspec.msgpack.encode(_WireInput(SCHEMA, int(kind_of(entry)), encode_entry(entry)))


def decode_place_input(value: bytes) -> PlaceInput:
    """What a place is told besides batches. Raises `BatchFormatError`."""
    entry = _decoded(value)
    if not isinstance(entry, Expectation | SourceLeftOut | Redelivery):
        raise BatchFormatError(f"{type(entry).__name__} is nothing for a place")
    return entry


def decode_report(value: bytes) -> ReportsTaken | Redelivery:
    """What tags are told. Raises `BatchFormatError`."""
    entry = _decoded(value)
    if not isinstance(entry, ReportsTaken | Redelivery):
        raise BatchFormatError(f"{type(entry).__name__} is nothing for tags")
    return entry


def home_of(letter: Redelivery) -> str:
    """Which topic a dead letter belongs to: `reports` for what tags could not take, `places` for the rest."""
    return "reports" if letter.kind is FailureKind.TAG_REPORT else "places"


def _decoded(value: bytes) -> Entry:
    if len(value) > BATCH_BYTES_MAX:
        raise BatchFormatError(f"{len(value)} bytes, the bound is {BATCH_BYTES_MAX}")
    try:
        wire = _decoder.decode(value)
        if wire.schema != SCHEMA:
            raise BatchFormatError(f"input schema {wire.schema}, this program knows {SCHEMA}")
        entry = decode_entry(wire.kind, False, wire.body)
    except BatchFormatError:
        raise
    except (ValueError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BatchFormatError(f"not an input: {error}") from error
    if isinstance(entry, SliceTaken):
        raise BatchFormatError("a batch goes as it is")
    return entry
