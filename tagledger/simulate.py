"""`tagledger simulate`: the plant's LLRP readers alone, for any client, with the truth beside them."""

import asyncio
import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from simulators.plant import Plant
from tagledger.lifecycle import run_until_signalled
from tagledger.logs import configure_logs
from tagledger.plant_process import running_plant
from tagledger.site_text import site_text
from tagledger.terminal import console, known_failures


def run_simulate(seed: int, speed: float, duration_s: float, state_dir: Path) -> None:
    """Serve until the plant's day is over or a signal comes."""
    configure_logs()
    plant = Plant(seed, duration_s)
    site_file, truth_file = state_dir / "site.toml", state_dir / "truth.json"
    with known_failures():
        state_dir.mkdir(parents=True, exist_ok=True)
        truth_file.write_text(json.dumps(asdict(plant.truth), indent=1), encoding="utf-8")

    async def main() -> None:
        with running_plant(plant, duration_s, speed) as running:
            site_file.write_text(site_text(running.site), encoding="utf-8")
            for reader in running.site.readers:
                console.print(f"{reader.name:<8} LLRP on {reader.host}:{reader.port}, {len(reader.antennas)} antennas")
            console.print(f"site file {site_file}, truth {truth_file}; Ctrl-C ends it", soft_wrap=True)
            running.start()
            while running.clock.now_us() < plant.end_us:
                await running.clock.sleep_until(plant.end_us)

    with known_failures(), suppress(asyncio.CancelledError):
        run_until_signalled(main())
