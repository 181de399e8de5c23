"""One site as configured: readers, antennas, zones, portals. Plain values; `tagledger.config` reads the file.

Places are what antennas see. A `Zone` is a place; a `Portal` is a place with two sides and so a direction: `IN` is from
its `outside` zone to its `inside` zone, `OUT` the other way. Every antenna belongs to exactly one place.
Units come last in names; time is integer microseconds since the Unix epoch, UTC, unless a name says otherwise.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from warehouse.roads import FleetSettings, RoadMap
from warehouse.site_settings import (
    ApiSettings,
    DatabaseSettings,
    EdgeSettings,
    KafkaSettings,
    MailSettings,
    StreamSettings,
    TaskExchangeSettings,
    UplinkSettings,
    WebhookSettings,
)


class Side(StrEnum):
    """Which side of its portal an antenna or photo-eye is mounted on."""

    INSIDE = "inside"
    OUTSIDE = "outside"


class Direction(StrEnum):
    """Which way a load went through a portal."""

    IN = "in"
    OUT = "out"
    UNSURE = "unsure"


class Effect(StrEnum):
    """What a place's decisions may do to the books."""

    OBSERVE = "observe"
    SUGGEST = "suggest"
    POST = "post"


@dataclass(frozen=True, slots=True, order=True)
class AntennaRef:
    """One antenna port of one reader; written `reader:port` everywhere people read it."""

    reader: str
    port: int

    def __str__(self) -> str:
        return f"{self.reader}:{self.port}"


@dataclass(frozen=True, slots=True)
class Antenna:
    """An antenna port and the place it watches."""

    port: int
    place: str
    side: Side | None = None
    power_dbm: float | None = None


@dataclass(frozen=True, slots=True)
class TagFilter:
    """Only tags with `mask_hex` from bit `pointer` of `bank` on take part (Gen2 Select; bank 1 is the EPC's)."""

    mask_hex: str
    bank: int = 1
    pointer: int = 32


@dataclass(frozen=True, slots=True)
class MemoryArea:
    """Words of a memory bank read from every tag: bank 2 is the TID, 3 user memory; 0 words is the rest of the bank."""

    bank: int
    word: int = 0
    words: int = 0


@dataclass(frozen=True, slots=True)
class Inventory:
    """How a reader takes inventory (LLRP 1.0.1 §10.2.1 ROSpec, §15.2.1.2.1 C1G2InventoryCommand).

    Reports come every `report_every_n_tags` when that is set, else every `report_every_ms` where the reader speaks
    LLRP 1.1. A 1.0.1 reader reports each tag at once, or, with `poll_ms`, is asked that often. `impinj_extensions` asks
    an Impinj reader for phase, Doppler and fine RSSI, `impinj_tid` also for each tag's TID with its EPC.
    """

    session: int = 1
    tag_population: int = 64
    mode_identifier: int | None = None
    report_every_n_tags: int | None = None
    report_every_ms: int = 100
    impinj_extensions: bool = False
    impinj_tid: bool = False
    poll_ms: int = 0
    search_mode: int | None = None
    filters: tuple[TagFilter, ...] = ()
    memory: tuple[MemoryArea, ...] = ()


@dataclass(frozen=True, slots=True)
class Reader:
    """One RFID reader and how to reach it; `agent` is the edge agent that drives it (empty: any agent may).

    With `listen` the reader connects to us: `host` and `port` are then our own address. `tls_ca` is a PEM file with the
    certificate authority of the reader's certificate, the system's authorities when empty; `tls_cert` one with our own
    certificate and key, which listening with TLS needs. LLRP's own port is 5084, with TLS 5085.

    With the drivers `impinj-iot` and `zebra-iotc` the reader pushes what it reads, as JSON, to the API or to the MQTT
    `topic` on the uplink's broker; nothing connects to it.
    """

    name: str
    host: str
    port: int = 5084
    tls: bool = False
    driver: str = "native"
    antennas: tuple[Antenna, ...] = ()
    inventory: Inventory = Inventory()
    keepalive_ms: int = 10_000
    agent: str = ""
    listen: bool = False
    tls_ca: str = ""
    tls_cert: str = ""
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Zone:
    """A place where things can be; `location` is its code in the ledger (its name when empty)."""

    name: str
    effect: Effect = Effect.OBSERVE
    location: str = ""
    depart_after_s: float = 30.0

    @property
    def location_code(self) -> str:
        return self.location or self.name


@dataclass(frozen=True, slots=True)
class PhotoEye:
    """A light barrier wired to a reader's GPI port; `blocked_state` is the GPI level while something is in the beam."""

    reader: str
    gpi: int
    side: Side
    blocked_state: bool = True


@dataclass(frozen=True, slots=True)
class StackLight:
    """A stack light wired to the GPO ports of `reader`, or to the coils of the I/O module of that name."""

    reader: str
    green_gpo: int
    amber_gpo: int
    red_gpo: int


class OnLost(StrEnum):
    """What an interlock does while the edge has nothing valid to show and the stream is not heard."""

    HOLD = "hold"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Interlock:
    """Keeps a conveyor or gate closed until the door is green. A process interlock, never a safety function.

    `output` is a GPO port of the reader, or a coil of the I/O module, named `device`; it has the level
    `released_state` while the way is open.
    """

    device: str
    output: int
    released_state: bool = True
    on_lost: OnLost = OnLost.HOLD


@dataclass(frozen=True, slots=True)
class SignalSettings:
    """When a door decides what it shows, and for how long; times in seconds.

    `certain_score` is the least score that counts a tag as present; without a decision it is amber `decide_after_s`
    after the load came; the last colour stays `hold_s` after the load has left; a signal is driven for `valid_s` unless
    it is renewed.
    """

    certain_score: float = 0.9
    decide_after_s: float = 3.0
    hold_s: float = 4.0
    valid_s: float = 5.0


INFERRED_SHARE_MAX = 0.05


@dataclass(frozen=True, slots=True)
class Portal:
    """A door: loads pass between its `outside` and its `inside` zone.

    `neighbours` are the portals whose antennas may hear this door's tags; their reads are evidence here.
    `inferred_share_max` is the largest share (0 to 1) of a handling unit's tagged contents that may go unread and still
    be booked with the unit; above it they are short. An ordinary door misses at most one in a hundred of the tags that
    pass (`python -m bench accuracy`; more where loads meet or tags answer only once), so one missing in twenty is the
    door's doing; what is missed beyond that is somebody's to look at. 0 infers nothing. For `beams_clear_s` all beams
    of photo-eyes are clear between two loads: longer than a load's own gaps (a forklift's mast), shorter than what is
    between boxes on a belt.
    """

    name: str
    inside: str
    outside: str
    effect: Effect = Effect.OBSERVE
    neighbours: tuple[str, ...] = ()
    photo_eyes: tuple[PhotoEye, ...] = ()
    stack_light: StackLight | None = None
    interlock: Interlock | None = None
    signal: SignalSettings = SignalSettings()
    inferred_share_max: float = INFERRED_SHARE_MAX
    beams_clear_s: float = 0.7


@dataclass(frozen=True, slots=True)
class IoModule:
    """Digital outputs on Modbus coils; `link`, `host`, `port`, `unit` and `agent` as for scales.

    Outputs are written on change and again every `refresh_ms`, so that a module with a watchdog of its own lets go of
    them when nobody writes any more.
    """

    name: str
    host: str
    link: str = "tcp"
    port: int = 502
    unit: int = 1
    baudrate: int = 9600
    refresh_ms: int = 1000
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Scale:
    """A weighing indicator on Modbus and the place its platform is in; `agent` as for readers.

    `link` is tcp, rtu_over_tcp or rtu (then `host` is a serial device). `profile` names a shipped register map or a
    .toml file; `scale` and `word_order` replace the profile's. Up to `empty_below` the platform is empty, a weight that
    moves by more than `change` is weighed again, both in the profile's unit. A load may weigh `tolerance_kg`, or
    `tolerance_percent` of its expected weight, whichever is more, beside what the books have on it. In a portal the
    load that passed at most `tie_within_s` before is on the scale, in a zone the handling unit that antennas see there.
    """

    name: str
    host: str
    profile: str
    link: str = "tcp"
    port: int = 502
    unit: int = 1
    baudrate: int = 9600
    scale: Decimal | None = None
    word_order: str = ""
    poll_ms: int = 200
    empty_below: Decimal = Decimal(20)
    change: Decimal = Decimal(2)
    place: str = ""
    agent: str = ""
    tolerance_kg: Decimal = Decimal(1)
    tolerance_percent: Decimal = Decimal("0.5")
    tie_within_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Site:
    """Everything one site file says."""

    name: str
    readers: tuple[Reader, ...] = ()
    zones: tuple[Zone, ...] = ()
    portals: tuple[Portal, ...] = ()
    timezone: str = "UTC"
    state_dir: str = ".state"
    edge: EdgeSettings = field(default_factory=EdgeSettings)
    uplink: UplinkSettings = field(default_factory=UplinkSettings)
    stream: StreamSettings = field(default_factory=StreamSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    api: ApiSettings = field(default_factory=ApiSettings)
    scales: tuple[Scale, ...] = ()
    io_modules: tuple[IoModule, ...] = ()
    roads: RoadMap = field(default_factory=RoadMap)
    fleet: FleetSettings = field(default_factory=FleetSettings)
    task_exchange: TaskExchangeSettings = field(default_factory=TaskExchangeSettings)
    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    webhooks: WebhookSettings = field(default_factory=WebhookSettings)
    mail: MailSettings = field(default_factory=MailSettings)

    def portal(self, name: str) -> Portal:
        """The portal of that name; KeyError when there is none."""
        for portal in self.portals:
            if portal.name == name:
                return portal
        raise KeyError(name)

    def zone(self, name: str) -> Zone:
        """The zone of that name; KeyError when there is none."""
        for zone in self.zones:
            if zone.name == name:
                return zone
        raise KeyError(name)

    def antennas_of(self, place: str) -> tuple[AntennaRef, ...]:
        """The antennas that watch a place, in site-file order."""
        return tuple(
            AntennaRef(reader.name, antenna.port)
            for reader in self.readers
            for antenna in reader.antennas
            if antenna.place == place
        )

    def antenna_at(self, ref: AntennaRef) -> Antenna | None:
        """The configured antenna behind a reference; None for a port the site file does not name."""
        for reader in self.readers:
            if reader.name == ref.reader:
                for antenna in reader.antennas:
                    if antenna.port == ref.port:
                        return antenna
        return None
