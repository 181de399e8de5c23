"""What can go wrong in LLRP. One tree:

    LlrpError
    ├── PeerError          the other side's bytes break the protocol: offset, what was expected
    │   ├── FramingError   no message boundary can be found any more: the connection must be closed
    │   └── DecodeError    one message is malformed; the next one is unaffected
    └── EncodeError        our own misuse: a value that does not fit its field, a 1.1 parameter in a 1.0.1 message

Too few bytes is none of these: the framer then waits for more.
"""

from readers.llrp.enums import StatusCode


class LlrpError(Exception):
    """Any error of this package's codec and framing."""


class PeerError(LlrpError):
    """Bytes that break the protocol. `offset` counts from the start of the message (FramingError: of the stream)."""

    def __init__(self, offset: int, expected: str, found: str) -> None:
        super().__init__(f"offset {offset}: expected {expected}, found {found}")
        self.offset = offset
        self.expected = expected
        self.found = found


class FramingError(PeerError):
    """No message starts here. `frames` are the complete messages that came before, in the same call."""

    def __init__(self, offset: int, expected: str, found: str, frames: list[bytes]) -> None:
        super().__init__(offset, expected, found)
        self.frames = frames


class DecodeError(PeerError):
    """A message that its definition does not allow.

    `status` is the StatusCode of LLRP 1.0.1 §14.2 that a reader answers with; `path` names the parameters around the
    error, outermost first, by type number.
    """

    def __init__(self, offset: int, expected: str, found: str, status: StatusCode, path: tuple[int, ...] = ()) -> None:
        super().__init__(offset, expected, found)
        self.status = status
        self.path = path


class EncodeError(LlrpError, ValueError):
    """A message that cannot be put on the wire as it is."""
