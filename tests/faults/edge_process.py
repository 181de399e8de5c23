"""The edge of a fault run as a process: `edge_process.py BATCHES FOLDER MQTT_PORT SITE RATE`.

Spools recorded batches at `RATE` a second and sends them over MQTT, exactly as an edge agent does; begun again, it goes
on with the first that is not in its spool. A refused batch (a full disk) is sealed again: the recording waits.
Writes `spooled` and `acked` into FOLDER/progress after every step, until it is ended.
"""

import asyncio
import sys
from pathlib import Path

import msgspec

from edge.clock import WallClock
from edge.spool import Spool
from edge.spool_values import AppendResult
from edge.uplink_mqtt import MqttUplink
from stream.batch_codec import decode_batch
from tests.faults.plants import AGENT, EPOCH
from tests.stream.quiet_edge import NoOrders
from warehouse.site_settings import UplinkSettings

AHEAD_MAX = 80


async def main(bodies: list[bytes], folder: Path, port: int, site: str, rate: float) -> None:
    spool = Spool(folder / "spool.sqlite", AGENT, 64, 24.0, new_epoch=lambda: EPOCH)
    uplink = MqttUplink(UplinkSettings("mqtt", "127.0.0.1", port), site, AGENT, WallClock(), stalled_s=3.0)
    sending = asyncio.create_task(uplink.run(spool, NoOrders()))
    while not sending.done():
        number = spool.next_id.counter
        # Not far ahead of the books, so that what goes wrong goes wrong in the middle of things.
        if (
            number <= len(bodies)
            and spool.depth().unacked < AHEAD_MAX
            and spool.append(decode_batch(bodies[number - 1])) is AppendResult.STORED
        ):
            uplink.notify()
        depth = spool.depth()
        tell(folder / "progress", spool.next_id.counter - 1, depth.retained - depth.unacked)
        await asyncio.sleep(1 / rate if number <= len(bodies) else 0.1)
    await sending


def tell(path: Path, spooled: int, acked: int) -> None:
    try:
        path.with_suffix(".new").write_text(f"{spooled} {acked}")
        path.with_suffix(".new").rename(path)
    except OSError:
        pass  # the disk is full


if __name__ == "__main__":
    recording, folder, port, site, rate = sys.argv[1:]
    bodies = msgspec.msgpack.decode(Path(recording).read_bytes(), type=list[bytes])
    asyncio.run(main(bodies, Path(folder), int(port), site, float(rate)))
