"""Connection and visualization (VDA 5050 2.1.0, 6.14 and 6.13).

Connection is retained and sent with QoS 1. A vehicle leaves its last will, CONNECTION_BROKEN, with the broker when it
connects: the will's header is as old as the connection, so what comes last counts, not what is numbered last.
"""

from enum import StrEnum

from readers.vda5050.order import Wire
from readers.vda5050.state import Position, Velocity


class ConnectionState(StrEnum):
    """2.1 writes CONNECTIONBROKEN, and has no HIBERNATING: it becomes OFFLINE there."""

    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"
    HIBERNATING = "HIBERNATING"
    CONNECTION_BROKEN = "CONNECTION_BROKEN"


class Connection(Wire, frozen=True):
    """Whether a vehicle can be spoken to."""

    connection_state: str


class Visualization(Wire, frozen=True):
    """Position between states, for screens only. 2.1 knows no reference to a state."""

    reference_state_header_id: int
    mobile_robot_position: Position | None = None
    velocity: Velocity | None = None
