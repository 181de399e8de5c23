"""What a door shows and whether its way is open, from what the edge was told. Pure: wall time is an argument.

In this order: what a person ordered (`Override`), the portal's last signal while it is valid, nothing. A signal is
refused when its time is over as it comes, when it is older than the one before, or when it would stand for longer than
`VALID_S_MAX`. It also ends when the edge's clock goes back behind the moment it came, because its end could then be any
time away: a replay, a backlog, a recovery or a clock that is set never drives an output (law 7 of the design).

While the uplink is lost and nothing valid is to be shown, amber blinks once a second: the door is not being watched. An
interlock is open while the door is green, and closed otherwise, but for `on_lost = "release"` while the uplink is lost
and nothing valid is to be shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from stream.model import Colour, Signal
from warehouse.loads import Override
from warehouse.site import Interlock, OnLost, StackLight

VALID_S_MAX = 60.0
_BLINK_US = 500_000


@dataclass(frozen=True, slots=True)
class Lamps:
    """What the three lamps of a stack light show."""

    green: bool = False
    amber: bool = False
    red: bool = False

    def outputs(self, light: StackLight) -> dict[int, bool]:
        """State by output."""
        return {light.green_gpo: self.green, light.amber_gpo: self.amber, light.red_gpo: self.red}


def lamps(colour: Colour, uplink_lost: bool, now_us: int) -> Lamps:
    """What a light shows."""
    if colour is Colour.OFF:
        return Lamps(amber=uplink_lost and now_us // _BLINK_US % 2 == 0)
    return Lamps(green=colour is Colour.GREEN, amber=colour is Colour.AMBER, red=colour is Colour.RED)


def is_released(interlock: Interlock, colour: Colour, uplink_lost: bool) -> bool:
    """Whether the way is open."""
    if colour is Colour.OFF and uplink_lost:
        return interlock.on_lost is OnLost.RELEASE
    return colour is Colour.GREEN


@dataclass(slots=True)
class _Given:
    signal: Signal
    came_us: int


class DoorSigns:
    """What each portal was told last. Bounded by the portals of the site file."""

    def __init__(self, portals: Iterable[str]) -> None:
        self._signals: dict[str, _Given | None] = dict.fromkeys(portals)
        self._overrides: dict[str, Override] = {}
        self.refused = 0

    def watch(self, portals: Iterable[str]) -> None:
        """These are the portals from now on; what those that stay were told stands."""
        self._signals = {portal: self._signals.get(portal) for portal in portals}
        self._overrides = {portal: one for portal, one in self._overrides.items() if portal in self._signals}

    def on_signal(self, signal: Signal, now_us: int) -> bool:
        """Take a signal; False when it is refused."""
        if signal.portal not in self._signals:
            return False
        shown = self._signals[signal.portal]
        late = signal.valid_until_us < now_us or signal.valid_until_us - now_us > VALID_S_MAX * 1e6
        if late or (shown is not None and signal.at_us < shown.signal.at_us):
            self.refused += 1
            return False
        self._signals[signal.portal] = _Given(signal, now_us)
        return True

    def on_override(self, override: Override, now_us: int) -> bool:
        """Take a person's order, or its end; False when its time is over or a newer one stands."""
        standing = self._overrides.get(override.portal)
        if override.portal not in self._signals or (standing is not None and override.at_us < standing.at_us):
            return False
        if override.colour is None or override.until_us < now_us:
            self._overrides.pop(override.portal, None)
            return override.colour is None
        self._overrides[override.portal] = override
        return True

    def colour(self, portal: str, now_us: int) -> Colour:
        """What the portal shows now."""
        override = self._overrides.get(portal)
        if override is not None and override.colour is not None and now_us <= override.until_us:
            return Colour(override.colour)
        given = self._signals.get(portal)
        if given is None or not given.came_us <= now_us <= given.signal.valid_until_us:
            return Colour.OFF
        return given.signal.colour

    def forget(self) -> None:
        """Nothing is to be shown any more."""
        self._signals = dict.fromkeys(self._signals)
        self._overrides.clear()
