"""What goes wrong with a vehicle and when, from a seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """ACTION_FAILS: the next pick or drop does not succeed. STOPPED: a FATAL error for a while. OFFLINE: the connection
    is lost without a word, the vehicle drives on. LOW_BATTERY: it is at ten percent from one moment to the next.
    AMNESIA: it starts again and knows no order."""

    ACTION_FAILS = "action_fails"
    STOPPED = "stopped"
    OFFLINE = "offline"
    LOW_BATTERY = "low_battery"
    AMNESIA = "amnesia"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, in plant time."""

    at_us: int
    kind: FaultKind
    for_s: float = 0.0


def seeded(
    seed: int, vehicle: str, from_us: int, length_s: float, mean_every_s: float, kinds: Sequence[FaultKind]
) -> list[Fault]:
    """Faults of one vehicle over a span: exponentially spaced, of any of the kinds, lasting 2 to 20 s."""
    chance = random.Random(f"{seed}:{vehicle}")
    found: list[Fault] = []
    at_s = 0.0
    while True:
        at_s += chance.expovariate(1 / mean_every_s)
        if at_s >= length_s:
            return found
        found.append(Fault(from_us + int(at_s * 1e6), chance.choice(list(kinds)), chance.uniform(2.0, 20.0)))
