"""How the processes of a site run and reach each other: the sections of the site file that are not about places."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """One edge agent's own settings.

    The uplink counts as lost when there was no connection, or no answer to what was sent, for `uplink_lost_s`, and
    as found again once answers come within half of it.
    """

    agent: str = "edge"
    flush_ms: int = 250
    heartbeat_ms: int = 500
    window_ms: int = 250
    spool_max_mb: int = 2048
    retain_h: float = 24.0
    capture: str = ""
    uplink_lost_s: float = 3.0


@dataclass(frozen=True, slots=True)
class UplinkSettings:
    """How batches reach the stream: `inproc` (same process) or `mqtt`.

    `tls_ca` is a PEM file with the authority of the broker's certificate, where the system does not trust it.
    """

    kind: str = "inproc"
    host: str = "127.0.0.1"
    port: int = 1883
    username: str = ""
    password: str = ""
    tls: bool = False
    tls_ca: str = ""


@dataclass(frozen=True, slots=True)
class TaskExchangeSettings:
    """The broker over which fleet controllers of others take tasks; without a `host` there is none.

    Only `clients` are answered: names of controllers, which the broker's access list ties to its users. `tls_ca` as in
    the uplink.
    """

    host: str = ""
    port: int = 1883
    username: str = ""
    password: str = ""
    tls: bool = False
    tls_ca: str = ""
    clients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """How the stream waits and when it leaves a silent source out."""

    gap_wait_s: float = 5.0
    source_silent_s: float = 10.0
    snapshot_every_s: float = 10.0


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where the books are kept; an empty `dsn` means the embedded server under the state directory.

    `sightings_per_s`, the site's daily mean, decides how long a chunk of the log lasts where the database has chunks.
    """

    dsn: str = ""
    pool_max: int = 8
    sightings_per_s: float = 500.0


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Where the API listens, and the origins (`https://host:port`) whose pages may ask it from a browser.

    Pages that come from the API's own origin need no entry.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    allow_origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How the bridge and the workers reach Kafka, at sites that outgrow one machine.

    The topics are made with `partitions` and `replicas` when they are missing; changing `partitions` afterwards is a
    drain with a new `topic_epoch` (deploy/README.md). With a `username` the password goes over SCRAM-SHA-512.
    """

    bootstrap: str = "127.0.0.1:9092"
    group: str = "tagledger"
    prefix: str = "tagledger"
    topic_epoch: str = "1"
    partitions: int = 8
    replicas: int = 1
    retention_h: float = 168.0
    username: str = ""
    password: str = ""
    tls: bool = False
    tls_ca: str = ""


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Messages to partners. They go to public addresses only, and to `allow_networks` (`10.0.0.0/8`), there also
    without TLS.
    """

    allow_networks: tuple[str, ...] = ()
    timeout_s: float = 15.0


@dataclass(frozen=True, slots=True)
class MailSettings:
    """How alerts are mailed; no mail without a `host`. `security` is starttls, tls or none."""

    host: str = ""
    port: int = 587
    security: str = "starttls"
    username: str = ""
    password: str = ""
    sender: str = ""
    tls_ca: str = ""
