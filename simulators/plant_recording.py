"""A plant's day as a recording and its truth, without readers, edge or clock errors: for scoring decisions alone."""

import numpy as np

from simulators.llrp.radio import AntennaDrive
from simulators.physics.recording import Recording, Truth
from simulators.plant import Plant

STRETCH_US = 1_000_000


def recorded(plant: Plant) -> tuple[Recording, Truth]:
    """Every read of every reader at the site's own powers, and every light-barrier change, in plant time."""
    epcs: dict[bytes, int] = {}
    heard, owner, tags = [], [], []
    for number, reader in enumerate(plant.site.readers):
        radio = plant.radio(reader.name)
        drives = [
            AntennaDrive(antenna.port, antenna.power_dbm or 30.0, session=reader.inventory.session)
            for antenna in reader.antennas
        ]
        for start_us in range(plant.start_us, plant.end_us, STRETCH_US):
            reads = radio.reads(start_us, min(start_us + STRETCH_US, plant.end_us), drives)
            heard.append(reads)
            owner.append(np.full(len(reads), number, dtype=np.uint16))
            tags.append(np.array([epcs.setdefault(row.tobytes(), len(epcs)) for row in reads.epc], dtype=np.uint32))
    order = np.argsort(np.concatenate([reads.time_us for reads in heard]), kind="stable")
    recording = Recording(
        name="plant",
        seed=plant.seed,
        site=plant.site,
        epcs=tuple(epc.hex().upper() for epc in epcs),
        readers=tuple(reader.name for reader in plant.site.readers),
        time_us=np.concatenate([reads.time_us for reads in heard])[order],
        tag=np.concatenate(tags)[order],
        reader=np.concatenate(owner)[order],
        antenna=np.concatenate([reads.antenna for reads in heard])[order],
        rssi_dbm=np.concatenate([reads.rssi_dbm for reads in heard])[order],
        channel=np.concatenate([reads.channel for reads in heard])[order],
        phase_rad=np.concatenate([reads.phase_rad for reads in heard])[order],
        doppler_hz=np.concatenate([reads.doppler_hz for reads in heard])[order],
        events=plant.gpi_changes,
    )
    return recording, plant.truth.passed
