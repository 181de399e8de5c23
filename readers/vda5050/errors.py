"""The error tree of the VDA 5050 codec.

Vda5050Error
├── MessageError   the peer's: a topic or payload that is not a message of this interface
└── EncodeError    ours: a value that the chosen version cannot say
"""


class Vda5050Error(ValueError):
    """Anything that goes wrong between values and the wire."""


class MessageError(Vda5050Error):
    """A topic or payload that cannot be read; the text names the field."""


class EncodeError(Vda5050Error):
    """A value that has no form in this version of the standard."""
