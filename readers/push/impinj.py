"""Impinj IoT device interface (R700, R720; reader API 1.x): events over HTTP stream, webhook and MQTT.

An event is an object with `timestamp` and `eventType`; `tagInventory` has a `tagInventoryEvent`, whose fields are those
that the preset's `eventConfig` enables: `epcHex` or `epc` (base64), `antennaPort`, `peakRssiCdbm` (hundredths of a
dBm), `phaseAngle` (degrees), `lastSeenTime`. Webhooks and MQTT send one event or an array, the stream one a line. Other
kinds of event say nothing of tags and are passed over. `antennaPort` has to be enabled: without it nobody knows the
place.

    [{"timestamp": "2026-03-01T08:00:00.123456789Z", "hostname": "impinj-14-01-aa", "eventType": "tagInventory",
      "tagInventoryEvent": {"epcHex": "3034257BF7194E4000001A85", "antennaPort": 1, "peakRssiCdbm": -5350,
                            "phaseAngle": 33.75, "frequency": 902750, "lastSeenTime": "2026-03-01T08:00:00.120Z"}}]
"""

import math

from readers.push.pushed_tag import PushedTag, PushFormatError, epc_of, number, objects_of, time_us, whole

NAME = "impinj-iot"


def tags_of(body: bytes) -> list[PushedTag]:
    """The reads in a message. Raises `PushFormatError`."""
    tags = []
    for at, event in objects_of(body):
        kind = event.get("eventType")
        if not isinstance(kind, str):
            raise PushFormatError(f"{at}/eventType", "missing")
        if kind != "tagInventory":
            continue
        inventory, inner = event.get("tagInventoryEvent"), f"{at}/tagInventoryEvent"
        if not isinstance(inventory, dict):
            raise PushFormatError(inner, "missing")
        if "epcHex" in inventory:
            epc = epc_of(inventory["epcHex"], f"{inner}/epcHex")
        else:
            epc = epc_of(inventory.get("epc"), f"{inner}/epc", base64_text=True)
        rssi, phase = inventory.get("peakRssiCdbm"), inventory.get("phaseAngle")
        seen = inventory.get("lastSeenTime")
        tags.append(
            PushedTag(
                epc,
                whole(inventory.get("antennaPort"), f"{inner}/antennaPort", 1, 65535),
                time_us(event.get("timestamp"), f"{at}/timestamp")
                if seen is None
                else time_us(seen, f"{inner}/lastSeenTime"),
                None if rssi is None else number(rssi, f"{inner}/peakRssiCdbm", -20_000, 5_000) / 100,
                None if phase is None else math.radians(number(phase, f"{inner}/phaseAngle", -360, 360)),
            )
        )
    return tags
