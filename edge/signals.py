"""Local control of stack lights: Signals in, GPO writes out, through the reader that the light is wired to.

A light shows the portal's last signal while it is valid and is dark otherwise. A signal that is past its
`valid_until_us` on the edge's clock when it comes is refused: a replay, a backlog or a recovery never drives a light
(law 7 of the design). While the uplink is lost and nothing valid is to be shown, amber blinks once a second: the door
is not being watched.

Only changes are written. A reader that is not connected is tried again every `RETRY_S` with what is then to be shown,
one that refuses (it has no such port) every `REFUSED_RETRY_S`.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import structlog

from edge.clock import Clock
from readers.llrp.errors import LlrpError
from readers.port import ReaderDriver, ReaderUnavailable
from stream.model import Colour, Signal
from warehouse.site import Portal, StackLight

_TICK_S = 0.1
RETRY_S = 1.0
REFUSED_RETRY_S = 60.0
_BLINK_US = 500_000
_LAST_WRITE_S = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Lamps:
    """What the three lamps of a stack light show."""

    green: bool = False
    amber: bool = False
    red: bool = False

    def outputs(self, light: StackLight) -> dict[int, bool]:
        """State by GPO port."""
        return {light.green_gpo: self.green, light.amber_gpo: self.amber, light.red_gpo: self.red}


def lamps(signal: Signal | None, uplink_lost: bool, now_us: int) -> Lamps:
    """What a light shows now, given the last signal of its portal."""
    colour = signal.colour if signal is not None and now_us <= signal.valid_until_us else Colour.OFF
    if colour is Colour.OFF:
        return Lamps(amber=uplink_lost and now_us // _BLINK_US % 2 == 0)
    return Lamps(green=colour is Colour.GREEN, amber=colour is Colour.AMBER, red=colour is Colour.RED)


class StackLights:
    """All stack lights of one edge."""

    def __init__(self, portals: tuple[Portal, ...], drivers: Mapping[str, ReaderDriver], clock: Clock) -> None:
        self._lights = {
            portal.name: portal.stack_light
            for portal in portals
            if portal.stack_light is not None and portal.stack_light.reader in drivers
        }
        self._drivers = drivers
        self._clock = clock
        self._signals: dict[str, Signal] = {}
        self._written: dict[tuple[str, int], bool] = {}
        self._retry_at_us: dict[str, int] = {}
        self._wake = asyncio.Event()
        self.uplink_lost = False
        self.refused = 0

    def on_signal(self, signal: Signal) -> bool:
        """Show a signal; False when it is refused because its time is over or it is older than the one shown."""
        shown = self._signals.get(signal.portal)
        stale = signal.valid_until_us < self._clock.now_us()
        if stale or (shown is not None and signal.at_us < shown.at_us):
            self.refused += 1
            return False
        self._signals[signal.portal] = signal
        self._wake.set()
        return True

    def forget(self, reader: str) -> None:
        """What a reader's outputs show is unknown (it was away): write them all again."""
        for key in [key for key in self._written if key[0] == reader]:
            del self._written[key]
        self._retry_at_us.pop(reader, None)
        self._wake.set()

    async def run(self) -> None:
        """Keep the lights as they should be, until cancelled; then put them out."""
        if not self._lights:
            return
        try:
            while True:
                await self.apply()
                waker = asyncio.ensure_future(self._wake.wait())
                timer = asyncio.ensure_future(self._clock.sleep(_TICK_S))
                try:
                    await asyncio.wait((waker, timer), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waker.cancel()
                    timer.cancel()
                self._wake.clear()
        finally:
            self._signals.clear()
            self.uplink_lost = False
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WRITE_S):
                    await self.apply()

    async def apply(self) -> None:
        """Write every output that differs from what it should be now."""
        now_us = self._clock.now_us()
        for portal, light in self._lights.items():
            if now_us < self._retry_at_us.get(light.reader, 0):
                continue
            wanted = lamps(self._signals.get(portal), self.uplink_lost, now_us).outputs(light)
            for port, state in wanted.items():
                if self._written.get((light.reader, port)) == state:
                    continue
                try:
                    await self._drivers[light.reader].write_gpo(port, state)
                except (ReaderUnavailable, LlrpError) as error:
                    retry_s = RETRY_S if isinstance(error, ReaderUnavailable) else REFUSED_RETRY_S
                    self._retry_at_us[light.reader] = now_us + int(retry_s * 1e6)
                    _log.warning("light not written", reader=light.reader, port=port, error=str(error))
                    break
                self._written[light.reader, port] = state
