"""One value of every kind of message between processes that may be of different versions, with fields all set."""

from uuid import UUID

import numpy as np

from stream.log import Redelivery, ReportsTaken, SourceLeftOut
from stream.model import BarredTag, BatchId, Colour, DeviceEvent, DeviceEventKind, EdgeBatch, Sightings, Signal
from stream.mqtt_topics import BatchAck, Resend
from stream.operators.presence import ZoneReport
from stream.places import FailureKind
from warehouse.loads import Barred, Expectation, ExpectedDocument
from warehouse.site import AntennaRef

_ID = UUID("5a3f0f53-5dd8-5b05-9c61-7b3a24b9e0aa")
_T = 1_800_000_000_000_000
_TAGS = ("3034257BF7194E4000000001", "3034257BF7194E4000000002")

SIGHTINGS = Sightings(
    tags=_TAGS,
    antennas=(AntennaRef("dock", 1), AntennaRef("dock", 2)),
    tag=np.array([0, 1], np.uint32),
    antenna=np.array([1, 0], np.uint16),
    first_us=np.array([_T, _T + 7], np.int64),
    last_us=np.array([_T + 5, _T + 9], np.int64),
    reads=np.array([3, 1], np.uint32),
    power_mw=np.array([1e-5, 2e-6], np.float64),
    peak_dbm=np.array([-50.0, -57.0], np.float32),
    channel=np.array([4, 0], np.uint16),
    phase_rad=np.array([1.5, 0.25], np.float32),
    phase_slope_rad_s=np.array([-2.0, 0.5], np.float32),
    doppler_hz=np.array([3.5, -1.0], np.float32),
)
EVENT = DeviceEvent("dock", DeviceEventKind.GPI, _T + 3, port=1, state=True, value=0.5, detail="eye")

BATCH = EdgeBatch(BatchId("edge", "epoch1", 7), _T + 10, _T + 12, SIGHTINGS, (EVENT,))
EXPECTATION = Expectation(
    "dock1", _T, (ExpectedDocument("ASN-1", _TAGS, (("BOLT", 12),), (Barred("lot_blocked", "L7", _TAGS[:1]),)),)
)
LEFT_OUT = SourceLeftOut("edge", _T, "dock1")
REDELIVERY = Redelivery(_ID, FailureKind.PLACE_SLICE, "dock1", b"body", _T)
REPORTS = ReportsTaken("shelf", _T, 4, 5, ((4, ZoneReport(_TAGS[0], "shelf", _T, -51.5, 3)),), silent=True)
SIGNAL = Signal(
    "dock1",
    Colour.RED,
    "wrong tag",
    _T,
    _T + 5,
    _ID,
    12,
    11,
    (_TAGS[0],),
    (_TAGS[1],),
    False,
    (BarredTag(_TAGS[0], "lot_blocked", "L7"),),
)
ACK = BatchAck("epoch1", 7)
RESEND = Resend("epoch1", 8)
