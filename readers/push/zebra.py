"""Zebra IoT Connector (FX7500, FX9600, ATR7000; and the RFD40/90 sleds): tag data events over HTTP POST and MQTT.

A fixed reader sends one event a read, or an array when it batches: `type` is the operating mode's, `timestamp` the
time, `data` has `idHex`, and what the mode's metadata enables: `antenna`, `peakRssi` (dBm), `phase` (degrees), `reads`.
A sled sends `data.tagData`, an array of the same with `EPC` or `EPCid`, `seenCount` and no antenna: that is 1. Events
without tag data (heartbeats, GPI) are passed over.

    {"type": "SIMPLE", "timestamp": "2026-03-01T08:00:00.123+0000",
     "data": {"eventNum": 17, "format": "epc", "idHex": "3034257bf7194e4000001a85", "antenna": 1, "peakRssi": -53,
              "phase": 33.75, "reads": 3}}
"""

import math
from typing import Any

from readers.push.pushed_tag import PushedTag, PushFormatError, epc_of, number, objects_of, time_us, whole

NAME = "zebra-iotc"
_EPC_NAMES = ("idHex", "EPC", "EPCid")


def tags_of(body: bytes) -> list[PushedTag]:
    """The reads in a message. Raises `PushFormatError`."""
    tags = []
    for at, event in objects_of(body):
        data = event.get("data")
        if not isinstance(data, dict):
            if "type" in event:
                continue  # a heartbeat or an alert
            raise PushFormatError(f"{at}/data", "missing")
        batch = data.get("tagData")
        if isinstance(batch, list):
            reads = [(f"{at}/data/tagData/{n}", one) for n, one in enumerate(batch)]
        elif any(name in data for name in _EPC_NAMES):
            reads = [(f"{at}/data", data)]
        else:
            continue
        at_us = time_us(event.get("timestamp"), f"{at}/timestamp")
        for inner, read in reads:
            if not isinstance(read, dict):
                raise PushFormatError(inner, "not an object")
            tags.append(_tag(read, inner, at_us, sled=isinstance(batch, list)))
    return tags


def _tag(read: dict[str, Any], at: str, at_us: int, *, sled: bool) -> PushedTag:
    name = next((name for name in _EPC_NAMES if name in read), _EPC_NAMES[0])
    rssi, phase = read.get("peakRssi"), read.get("phase")
    antenna = read.get("antenna", 1 if sled else None)
    return PushedTag(
        epc_of(read.get(name), f"{at}/{name}"),
        whole(antenna, f"{at}/antenna", 1, 65535),
        at_us,
        None if rssi is None else number(rssi, f"{at}/peakRssi", -200, 50),
        None if phase is None else math.radians(number(phase, f"{at}/phase", -360, 360)),
        whole(read.get("reads", read.get("seenCount", 1)), f"{at}/reads", 1, 65535),
    )
