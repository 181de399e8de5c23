"""What goes wrong in a run: one seed decides who, when, how and for how long. Pure.

`at` is how much of the recording the edge has spooled by then, 0 to 1. Kinds of site: `embedded` (edge, Mosquitto,
`tagledger stream`, PostgreSQL, API), `cluster` (edge, Mosquitto, bridge, Kafka, two workers, PostgreSQL, API) and
`replicated` (the same with three nodes of Kafka, every topic on all of them, two of which must have a message).
"""

import random
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a run consists of."""

    EMBEDDED = "embedded"
    CLUSTER = "cluster"
    REPLICATED = "replicated"

    @property
    def kafka_nodes(self) -> int:
        """How many nodes of Kafka a site of this kind has."""
        return {Kind.EMBEDDED: 0, Kind.CLUSTER: 1, Kind.REPLICATED: 3}[self]


class Action(StrEnum):
    """What is done to a part; all but `kill` and `restart` end after `seconds`."""

    KILL = "kill"  # SIGKILL, started again after `seconds`
    RESTART = "restart"  # SIGTERM, started again
    PAUSE = "pause"  # SIGSTOP
    CUT = "cut"  # its network: connections broken and refused
    SLOW = "slow"  # its network: everything arrives later
    FULL = "full"  # its disk: no file may grow
    RESTORE = "restore"  # the database as it was backed up before
    UPGRADE = "upgrade"  # SIGTERM, started again from the newer of two checkouts; only in an upgrade's plan


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong."""

    at: float
    part: str
    action: Action
    seconds: float


_PROCESS = (Action.KILL, Action.KILL, Action.RESTART, Action.PAUSE)
_NETWORK = (Action.CUT, Action.SLOW)
_SHARED: dict[str, tuple[Action, ...]] = {
    "edge": (*_PROCESS, Action.FULL),
    "api": _PROCESS,
    "mosquitto": _PROCESS,
    "postgres": (Action.KILL, Action.RESTORE),
    "network of mosquitto": _NETWORK,
    "network of postgres": _NETWORK,
}
_WORKERS = dict.fromkeys(("bridge", "worker-1", "worker-2"), _PROCESS)
_NODE = (Action.KILL, Action.KILL, Action.PAUSE)
_PARTS: dict[Kind, dict[str, tuple[Action, ...]]] = {
    Kind.EMBEDDED: {**_SHARED, "stream": _PROCESS},
    Kind.CLUSTER: {**_SHARED, **_WORKERS, "kafka-1": _NODE, "network of kafka": _NETWORK},
    Kind.REPLICATED: {**_SHARED, **_WORKERS, **dict.fromkeys(("kafka-1", "kafka-2", "kafka-3"), _NODE)},
}
_SKEWS_MS = (0, 0, -200, -60, 90, 200)
"""A few, because what an undisturbed site makes of each is found once."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One run. `plant` chooses the recording; `skew_ms` is how wrong the reader's clock is."""

    kind: Kind
    seed: int
    plant: int
    skew_ms: int
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        told = ", ".join(f"{f.at:.0%} {f.action} {f.part} {f.seconds:.1f} s" for f in self.faults)
        return f"{self.kind} seed {self.seed}: plant {self.plant}, clock {self.skew_ms:+d} ms; {told}"


def plan_of(kind: Kind, seed: int, plants: int = 4) -> Plan:
    """The plan of a seed."""
    rng = random.Random(f"{kind}/{seed}")
    faults = []
    for _ in range(rng.randint(2, 5)):
        part = rng.choice(sorted(_PARTS[kind]))
        action = rng.choice(_PARTS[kind][part])
        if action is Action.RESTORE and any(fault.action is Action.RESTORE for fault in faults):
            action = Action.KILL
        at = rng.uniform(0.5, 0.9) if action is Action.RESTORE else rng.uniform(0.05, 0.95)
        faults.append(Fault(round(at, 3), part, action, round(rng.uniform(0.1, 2.5), 2)))
    skew_ms = rng.choice(_SKEWS_MS)
    return Plan(kind, seed, rng.randrange(1, plants + 1), skew_ms, tuple(sorted(faults, key=lambda fault: fault.at)))


ORDERS: dict[str, tuple[str, ...]] = {
    "servers": ("worker-1", "worker-2", "bridge", "api", "edge"),
    "edge": ("edge", "bridge", "worker-1", "worker-2", "api"),
}
"""Which process is upgraded when: as deploy/README.md has it, and the other way round."""


def upgrade_of(order: str, plant: int) -> Plan:
    """A rolling upgrade of a cluster, spread over the whole recording: every mixture of versions sees loads."""
    parts = ORDERS[order]
    at = [round((n + 1) / (len(parts) + 1), 3) for n in range(len(parts))]
    faults = tuple(Fault(when, part, Action.UPGRADE, 0.1) for when, part in zip(at, parts, strict=True))
    return Plan(Kind.CLUSTER, list(ORDERS).index(order), plant, 0, faults)
