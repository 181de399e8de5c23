"""Captures: what an edge received, recorded so that a replay gives the same edge batches with the same ids.

A capture is a folder of files (or one of them), in order of their names. A file is a header, then blocks. A block is a
list of records behind a sync marker, lengths and a CRC-32, optionally compressed. It is written whole at each seal, so
a killed edge loses at most the block it had not written, and a reader skips a damaged block and finds the next marker.

What is recorded: every message a reader sent, with its arrival; clock corrections and connections, which decoding
depends on; device events; commands and expectations; and each seal, with the counter and watermark it had. Messages of
one reader between two seals lie together: the reduction does not depend on how readers interleave.

What is not: the state a decoder had before the first record. A reader may leave out fields that have not changed, so a
capture whose older files were deleted lacks those until they are sent again. Clock offsets are written again at the
start of each file.
"""

from edge.capture.format import (
    CaptureHeader,
    ClockRecord,
    CommandRecord,
    DisconnectedRecord,
    EventRecord,
    ExpectationRecord,
    FramesRecord,
    Record,
    SealRecord,
    StartRecord,
    StopRecord,
)
from edge.capture.reader import CaptureProblem, CaptureReader
from edge.capture.writer import CaptureWriter

__all__ = [
    "CaptureHeader",
    "CaptureProblem",
    "CaptureReader",
    "CaptureWriter",
    "ClockRecord",
    "CommandRecord",
    "DisconnectedRecord",
    "EventRecord",
    "ExpectationRecord",
    "FramesRecord",
    "Record",
    "SealRecord",
    "StartRecord",
    "StopRecord",
]
