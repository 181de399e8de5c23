"""The last value of each optional field of TagReportData, per connection.

LLRP 1.0.1 §13.2.3: a field that is enabled but absent has the value it had when it was last received. We do not ask
what was enabled: a field that never came is unknown, one that came once is carried on. Vendors' fields are not carried,
because that sentence speaks of LLRP's own.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Carry:
    """Values as received, before any correction; None until a field came for the first time."""

    antenna: int | None = None
    first_us: int | None = None
    last_us: int | None = None
    rssi_dbm: int | None = None
    channel: int | None = None
    count: int | None = None
