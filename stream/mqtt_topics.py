"""What edges and stream say to each other over MQTT: topic names and payloads, in one place for both ends.

| topic under `tagledger/v1/{site}/edge/{agent}/` | from | QoS | retained | payload |
|---|---|---|---|---|
| `batch` | edge | 1 | no | one edge batch (`stream.batch_codec`) |
| `ack` | stream | 1 | yes | `BatchAck`: every batch of that epoch up to that counter is committed |
| `resend` | stream | 1 | no | `Resend`: send again from there on, for a restored database |
| `signal/{portal}` | stream | 1 | no | a `Signal`; the edge refuses it past its `valid_until_us` |
| `expected/{portal}` | stream | 1 | yes | an `Expectation`, what the edge decides from while the uplink is down |
| `override/{portal}` | stream | 1 | yes | an `Override`, what a person ordered; the edge ends it at its `until_us` |

The ack is published after the database commit: a broker's PUBACK says only that the broker has a message. It covers a
prefix, so a lost ack costs nothing, and it is repeated for a duplicate, so an edge that missed it gets it by sending
again. It is retained, so an edge that comes back hears at once where it stood; the ack of one epoch says nothing of
another, and epochs are acknowledged in the order they are sent: oldest first.

Payloads other than batches are JSON. Anything else raises `ControlFormatError`.
"""

from typing import TypeVar

import msgspec

from stream.model import Signal
from warehouse.loads import Expectation, Override

ROOT = "tagledger/v1"
CONTROL_BYTES_MAX = 4 * 1024 * 1024
"""Larger control payloads are refused before they are parsed."""

T = TypeVar("T")


class ControlFormatError(ValueError):
    """A topic or control payload that is not one of ours; the text says what is wrong."""


class BatchAck(msgspec.Struct, frozen=True):
    """Every batch of `epoch` up to and including `counter` is committed."""

    epoch: str
    counter: int


class Resend(msgspec.Struct, frozen=True):
    """Send again from `counter` of `epoch` on, and what was spooled after it.

    An empty epoch means everything the spool still holds. For an epoch it does not hold, or a counter it has not come
    to, nothing follows: a stream that lacks the beginning of another epoch finds out by the gap, and asks for that.
    """

    epoch: str
    counter: int


PositionedT = TypeVar("PositionedT", BatchAck, Resend)


def batch_topic(site: str, agent: str) -> str:
    """Where an edge publishes its batches; `agent` may be `+` to subscribe to every edge."""
    return _topic(site, agent, "batch")


def ack_topic(site: str, agent: str) -> str:
    """Where the stream acknowledges, retained."""
    return _topic(site, agent, "ack")


def resend_topic(site: str, agent: str) -> str:
    """Where the stream asks an edge to send again."""
    return _topic(site, agent, "resend")


def signal_topic(site: str, agent: str, portal: str) -> str:
    """Where the stream sends a portal's signals; `portal` may be `+`."""
    return _topic(site, agent, "signal", portal)


def expected_topic(site: str, agent: str, portal: str) -> str:
    """Where the stream keeps a portal's expectation, retained; `portal` may be `+`."""
    return _topic(site, agent, "expected", portal)


def override_topic(site: str, agent: str, portal: str) -> str:
    """Where the stream keeps what a person ordered a portal to show, retained; `portal` may be `+`."""
    return _topic(site, agent, "override", portal)


def agent_of(topic: str) -> str:
    """The agent named by one of these topics. Raises `ControlFormatError`."""
    parts = topic.split("/")
    if len(parts) < 6 or "/".join(parts[:2]) != ROOT or parts[3] != "edge" or not parts[4]:
        raise ControlFormatError(f"{topic!r} is not an edge topic")
    return parts[4]


def encode_ack(ack: BatchAck) -> bytes:
    """An acknowledgement's payload."""
    return msgspec.json.encode(ack)


def decode_ack(payload: bytes) -> BatchAck:
    """Raises `ControlFormatError`."""
    return _positioned(_decode(payload, BatchAck), counter_min=1)


def encode_resend(resend: Resend) -> bytes:
    """A resend request's payload."""
    return msgspec.json.encode(resend)


def decode_resend(payload: bytes) -> Resend:
    """Raises `ControlFormatError`."""
    return _positioned(_decode(payload, Resend), counter_min=0)


def encode_signal(signal: Signal) -> bytes:
    """A signal's payload."""
    return msgspec.json.encode(signal)


def decode_signal(payload: bytes) -> Signal:
    """Raises `ControlFormatError`."""
    return _decode(payload, Signal)


def encode_expectation(expectation: Expectation) -> bytes:
    """An expectation's payload."""
    return msgspec.json.encode(expectation)


def decode_expectation(payload: bytes) -> Expectation:
    """Raises `ControlFormatError`."""
    return _decode(payload, Expectation)


def encode_override(override: Override) -> bytes:
    """An override's payload."""
    return msgspec.json.encode(override)


def decode_override(payload: bytes) -> Override:
    """Raises `ControlFormatError`."""
    return _decode(payload, Override)


def _topic(site: str, *levels: str) -> str:
    agent, *rest = levels
    for level in (site, *levels):
        bad = not level or "/" in level or "#" in level or "\0" in level or ("+" in level and level != "+")
        if bad:
            raise ControlFormatError(f"{level!r} cannot be a level of an MQTT topic (MQTT 5.0, 4.7)")
    return "/".join((ROOT, site, "edge", agent, *rest))


def _decode(payload: bytes, kind: type[T]) -> T:
    if len(payload) > CONTROL_BYTES_MAX:
        raise ControlFormatError(f"{len(payload)} bytes, the bound is {CONTROL_BYTES_MAX}")
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ControlFormatError(f"not a {kind.__name__}: {error}") from error


def _positioned(message: PositionedT, counter_min: int) -> PositionedT:
    if not counter_min <= message.counter < 2**63:
        raise ControlFormatError(f"counter {message.counter} is out of range")
    return message
