"""The edge's one error tree.

    EdgeError
    ├── SpoolError            the spool cannot be used as it is
    │   ├── SpoolBusy         another process has it open
    │   └── SpoolCorrupt      its file is damaged (`open_or_replace` keeps it aside and starts a new one)
    └── CaptureFormatError    a file is not a capture this program knows

A full spool is not an error but a result (`edge.spool.AppendResult`). Bytes that are no edge batch raise
`stream.batch_codec.BatchFormatError`.
"""


class EdgeError(Exception):
    """Anything the edge raises on purpose."""


class SpoolError(EdgeError):
    """The spool cannot be used as it is; the text says what to do."""


class SpoolBusy(SpoolError):
    """Another process has the spool open: an agent has one spool and a spool one agent."""


class SpoolCorrupt(SpoolError):
    """The spool's file is damaged."""


class CaptureFormatError(EdgeError):
    """Not a capture, or one of a version this program does not know."""
