"""An edge that does nothing with what the stream tells it."""

from stream.model import Signal
from warehouse.loads import Expectation, Override


class NoOrders:
    """Implements `EdgeOrders`."""

    def on_signal(self, signal: Signal) -> None: ...

    def on_expectation(self, expectation: Expectation) -> None: ...

    def on_override(self, override: Override) -> None: ...
