"""When people are not to be disturbed, by the clock of where they are. Pure."""

from datetime import datetime, time
from zoneinfo import ZoneInfo


def is_quiet(now: datetime, quiet_from: time | None, quiet_to: time | None, timezone: str) -> bool:
    """From `quiet_from` until before `quiet_to`, over midnight when that is earlier. Equal: the whole day."""
    if quiet_from is None or quiet_to is None:
        return False
    here = now.astimezone(ZoneInfo(timezone)).time()
    if quiet_from < quiet_to:
        return quiet_from <= here < quiet_to
    return here >= quiet_from or here < quiet_to
