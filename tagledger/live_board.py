"""What portals show now: the last event of each kind of each portal that still stands, and who hears of the next."""

from collections.abc import Callable, Sequence

from api.ports import LiveEvent


class LiveBoard:
    """Implements `LiveSource`; whoever follows a stream writes on it. `now_us` is the clock signals are valid by."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._latest: dict[tuple[str, str], LiveEvent] = {}
        self._deliver: list[Callable[[LiveEvent], None]] = []

    def portals(self) -> Sequence[LiveEvent]:
        """The last event of each kind of each portal that still stands."""
        now_us = self._now_us()
        return tuple(event for event in self._latest.values() if event.data.get("valid_until_us", now_us) >= now_us)

    def subscribe(self, deliver: Callable[[LiveEvent], None]) -> Callable[[], None]:
        """Every event from now on."""
        self._deliver.append(deliver)
        return lambda: self._deliver.remove(deliver)

    def show(self, event: LiveEvent, *, stands: bool) -> None:
        """Tell it; one that does not stand takes its predecessor from the board."""
        if stands:
            self._latest[event.portal, event.kind] = event
        else:
            self._latest.pop((event.portal, event.kind), None)
        for deliver in list(self._deliver):
            deliver(event)
