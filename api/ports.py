"""What the API needs from the rest of the process, as protocols over plain values.

The composition root implements these; the API imports neither the edge, the readers nor the stream. Queries on what was
committed go to the database directly (`warehouse.postgres`) and are not here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from api.principal import Principal
from warehouse.commands import Actor, Command, Refusal, Result
from warehouse.postgres.control.accounts import NotSignedIn, PasswordRefused
from warehouse.postgres.control.feed_tickets import TicketHolder
from warehouse.postgres.control.sessions import Session
from warehouse.postgres.control.signing_keys import SigningKey


@dataclass(frozen=True, slots=True)
class AntennaHealth:
    """One antenna port as the edge sees it. `last_read_us` is reader time; None when it has read nothing yet."""

    port: int
    place: str
    connected: bool | None
    reads_total: int
    last_read_us: int | None


@dataclass(frozen=True, slots=True)
class ReaderState:
    """One reader as the edge sees it. `clock_offset_us` is what is added to the reader's own timestamps."""

    name: str
    connected: bool
    driver: str
    address: str
    since_us: int | None
    last_event: str
    clock_offset_us: int | None
    reconnects_total: int
    antennas: tuple[AntennaHealth, ...] = ()


class ReaderHealth(Protocol):
    """The readers of this site, and how they are."""

    def readers(self) -> Sequence[ReaderState]:
        """All configured readers, in site-file order. Never blocks."""


@dataclass(frozen=True, slots=True)
class DependencyState:
    """Whether one thing the service needs is there; `detail` says in a line why not, or how well."""

    name: str
    ready: bool
    detail: str = ""


class Dependencies(Protocol):
    """What this process needs to be ready."""

    async def check(self) -> Sequence[DependencyState]:
        """The state of each by name (`database`, `stream`, `uplink`, …). Answers within 2 s, never raises."""


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """Something true now and not stored as an event: a signal, a load in the door. `data` is JSON-able."""

    kind: str
    portal: str
    data: Mapping[str, Any]


class LiveSource(Protocol):
    """What portals show at this moment."""

    def portals(self) -> Sequence[LiveEvent]:
        """The last event of each kind of each portal that is still valid. Never blocks."""

    def subscribe(self, deliver: Callable[[LiveEvent], None]) -> Callable[[], None]:
        """Call `deliver`, which never blocks, in this event loop for every event; returns what ends it."""


@dataclass(frozen=True, slots=True)
class VehicleError:
    """What a vehicle complains about."""

    kind: str
    level: str
    detail: str


@dataclass(frozen=True, slots=True)
class VehicleState:
    """One vehicle as the built-in master hears it; None where it has not said. `phase` is what the master does with it.

    Positions in metres on the map `map_id`; `heard_us` is when the last state arrived, by our clock.
    """

    name: str
    connection: str
    heard_us: int | None
    battery_percent: float | None
    charging: bool | None
    x_m: float | None
    y_m: float | None
    map_id: str | None
    node: str | None
    driving: bool | None
    mode: str | None
    errors: tuple[VehicleError, ...]
    order_id: str | None
    phase: str
    task_id: str | None
    loads: tuple[str, ...]


class FleetHealth(Protocol):
    """The vehicles of this site that our own master drives."""

    def vehicles(self) -> Sequence[VehicleState]:
        """In site-file order; empty while another process is the master. Never blocks."""

    async def instant(self, vehicle: str, action_type: str) -> bool:
        """Send an instant action; False while another process is the master. KeyError for an unknown vehicle."""


class StreamGauges(Protocol):
    """Numbers of the stream host for `/metrics`, by metric name and bounded labels."""

    def gauges(self) -> Sequence["Gauge"]:
        """Their values now. Never blocks."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """One number: `name` without the `tagledger_` prefix, its help line, and labels among reader, antenna, portal."""

    name: str
    help: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EvidenceColumns:
    """Sightings as columns of equal length; `tag` and `antenna` index `tags` and `antennas` (`reader:port`)."""

    tags: tuple[str, ...]
    antennas: tuple[str, ...]
    tag: Sequence[int]
    antenna: Sequence[int]
    first_us: Sequence[int]
    last_us: Sequence[int]
    reads: Sequence[int]
    power_mw: Sequence[float | None]
    peak_dbm: Sequence[float | None]
    phase_rad: Sequence[float | None]
    doppler_hz: Sequence[float | None]


class EvidenceReader(Protocol):
    """Unpacks what the stream keeps with a passage."""

    def sightings(self, packed: bytes, epc: str | None) -> EvidenceColumns:
        """The sightings, ordered by `first_us`; only those of one tag when `epc` is given. NaN becomes None."""


class CommandBus(Protocol):
    """Executes commands; a capture records them here."""

    def execute(self, command: Command, actor: Actor, source: str, client_event_id: str) -> Result | Refusal:
        """Run in a worker thread, several at once: blocks until committed. Raises what the database raises."""


class KeyRing(Protocol):
    """Who holds an API key or an access token."""

    async def find(self, key: str) -> Principal | None:
        """The holder of a live key or token; None when there is none. Raises when the database cannot be asked."""

    async def behind(self, holder: TicketHolder) -> Principal | None:
        """Who had a ticket made, as they are now; None when the key or session has ended. Raises likewise."""


class Accounts(Protocol):
    """People signing in and out, and secrets that commands leave to be made. Methods run in worker threads."""

    def sign_in(self, name: str, password: str, device: str) -> Session | NotSignedIn:
        """One attempt; as much work for a name nobody has. Raises what the database raises."""

    def refresh(self, token: str) -> Session | None:
        """The session of a refresh token, with its next; None when it is none any more."""

    def sign_out(self, session_id: UUID) -> bool:
        """Whether it was open."""

    def session_of(self, refresh_token: str) -> UUID | None:
        """The session a refresh token was given to."""

    def change_password(self, name: str, device: str, old: str, new: str) -> Session | NotSignedIn | PasswordRefused:
        """By the person; ends their sessions and begins one."""

    def signing_key(self) -> SigningKey:
        """What access tokens are signed with now."""

    def make_ticket(self, holder: TicketHolder) -> str:
        """For the feed, good once and for `feed_tickets.HOLDS_S`."""

    def redeem_ticket(self, ticket: str) -> TicketHolder | None:
        """Whose it was; None when it is none any more."""

    def secret_for(self, command: Command, response: Mapping[str, Any]) -> str | None:
        """The one-time password or key that an executed command leaves to be made; made once."""
