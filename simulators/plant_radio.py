"""The plant in front of a simulated LLRP reader: `simulators.llrp.radio.Radio` over the physics.

The air protocol's mode is the plant's (the fastest), whatever mode the inventory names; antennas, power and session
are the inventory's. Plant time is true time: the reader simulator adds its own clock error.
"""

import zlib
from collections.abc import Sequence

import numpy as np

from simulators.llrp.radio import AntennaDrive, Singulations, TagMemory, no_singulations
from simulators.physics.parameters import Physics, Session
from simulators.physics.radio import ReaderRadio
from simulators.physics.world import World
from simulators.scenarios.site_plan import ReaderPlan

EPC_BYTES = 12
USER_WORDS = 32
PC_96 = 6 << 11
"""Protocol control word of a 96-bit EPC: the length in words in its top five bits (GS1 EPC Gen2v2, PC)."""


class PlantRadio:
    """One reader's antennas. Asked for stretches of plant time that do not go back."""

    def __init__(self, world: World, plan: ReaderPlan, physics: Physics, start_us: int, seed: int) -> None:
        self._radio = ReaderRadio(world, plan.mounts, physics, plan.inventory, start_us, seed, exact_clock=True)
        self._ports = frozenset(mount.port for mount in plan.mounts)
        epcs = [bytes.fromhex(epc) for body in world.bodies for epc in body.tags.epcs]
        self._epc = np.frombuffer(b"".join(epcs), dtype=np.uint8).reshape(-1, EPC_BYTES)
        self._known = frozenset(epcs)
        self._memories: dict[bytes, TagMemory] = {}

    def reads(self, start_us: int, end_us: int, antennas: Sequence[AntennaDrive]) -> Singulations:
        """Every singulation in [start_us, end_us) on these antennas; a port with nothing on it hears nothing."""
        power = {antenna.port: antenna.power_dbm for antenna in antennas if antenna.port in self._ports}
        if not power:
            return no_singulations(EPC_BYTES)
        self._radio.drive(start_us, power, Session(antennas[0].session))
        rows = self._radio.reads_between(start_us, end_us)
        return Singulations(
            epc=self._epc[rows.tag],
            epc_bits=np.full(len(rows), 8 * EPC_BYTES, dtype=np.uint16),
            antenna=rows.antenna,
            time_us=rows.time_us,
            rssi_dbm=rows.rssi_dbm,
            channel=rows.channel,
            phase_rad=rows.phase_rad,
            doppler_hz=rows.doppler_hz,
        )

    def memory(self, epc: bytes) -> TagMemory | None:
        """Banks of a tag of this plant, made when first asked for; at most one per tag there is."""
        if epc not in self._known:
            return None
        if epc not in self._memories:
            words = [int.from_bytes(epc[at : at + 2]) for at in range(0, EPC_BYTES, 2)]
            serial = zlib.crc32(epc)
            tid = [0xE280, 0x1160, 0x2000, serial >> 16, serial & 0xFFFF, 0x0001]
            banks = {0: [0] * 4, 1: [0, PC_96, *words], 2: tid, 3: [0] * USER_WORDS}
            self._memories[epc] = TagMemory(banks)
        return self._memories[epc]
