"""Bridge and worker on a Kafka that lets in nobody without TLS, a password and the rights that are written down, and a
database that proves who it is (`sslmode=verify-full`).

The rights are those of `deploy/kafka/server.properties`; the program's settings are those of a site file.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from stream.batch_codec import encode_batch
from stream.partition import slices_of
from stream.routing import Router
from tagledger.site_text import site_text
from tests.kafka import Kafka, a_kafka, free_pairs
from tests.stream.plant_books import prepare, query
from tests.stream.traffic import site, traffic
from tests.timescaledb import ROOT as ROOT_OF_TIMESCALEDB
from warehouse.postgres.database.binaries import installations
from warehouse.postgres.database.dump import DumpError, dump
from warehouse.postgres.database.migrate import migrate
from warehouse.site import SignalSettings
from warehouse.site_settings import KafkaSettings

pytest.importorskip("confluent_kafka", reason="needs the kafka extra")
pytest.importorskip("faust", reason="needs the kafka extra")
pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "deploy" / "kafka" / "server.properties"
PATIENCE_S = 120.0
ADMIN, PASSWORD = "admin", "admin-secret"
_CERTIFICATE = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1"
    " -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
)
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required"


def broker_settings(port: int, pem: Path, ca: Path) -> str:
    """What makes a node of `kafka.sh` one that asks who is there."""
    return f"""
listeners=SASL_SSL://127.0.0.1:{port},CONTROLLER://127.0.0.1:{port + 1}
advertised.listeners=SASL_SSL://127.0.0.1:{port}
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
security.inter.broker.protocol=SASL_SSL
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={_SCRAM} username="{ADMIN}" password="{PASSWORD}";
ssl.keystore.type=PEM
ssl.keystore.location={pem}
ssl.truststore.type=PEM
ssl.truststore.location={ca}
super.users=User:{ADMIN};User:ANONYMOUS
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
"""


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kafka, Path]]:
    """A broker behind TLS, SCRAM and access lists with the user `tagledger`; and its certificate's authority."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here: apt-get install openssl")
    folder = tmp_path_factory.mktemp("kafka")
    key, ca, pem = folder / "server.key", folder / "ca.pem", folder / "server.pem"
    subprocess.run([*_CERTIFICATE.split(), "-keyout", key, "-out", ca], check=True, capture_output=True)
    pem.write_text(key.read_text() + ca.read_text())
    (port,) = free_pairs(1)
    properties = folder / "locked.properties"
    properties.write_text(broker_settings(port, pem, ca))
    client = {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(ca),
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": ADMIN,
        "sasl.password": PASSWORD,
    }
    with a_kafka([port], properties, f"name={ADMIN},password={PASSWORD}", client) as broker:
        let_in(broker)
        yield broker, ca


def let_in(broker: Kafka) -> None:
    """The user `tagledger` and its rights, as the shipped file tells an operator to give them."""
    from confluent_kafka.admin import (
        AclBinding,
        AclOperation,
        AclPermissionType,
        AdminClient,
        ResourcePatternType,
        ResourceType,
        ScramCredentialInfo,
        ScramMechanism,
        UserScramCredentialUpsertion,
    )

    admin: Any = AdminClient(broker.client)
    scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    upsert = UserScramCredentialUpsertion("tagledger", scram, b"secret", b"some salt of ours")
    for done in admin.alter_user_scram_credentials([upsert]).values():
        done.result(PATIENCE_S)
    text = re.sub(r"\\\n#", "", SHIPPED.read_text())
    kinds = {"--topic": ResourceType.TOPIC, "--group": ResourceType.GROUP}
    kinds["--transactional-id"] = ResourceType.TRANSACTIONAL_ID
    acls = []
    for line in re.findall(r"kafka-acls\.sh --add (.*)", text):
        words = shlex.split(line)
        pairs = list(zip(words[::2], words[1::2], strict=True))
        given = dict(pairs)
        (what,) = kinds.keys() & given.keys()
        prefixed = given.get("--resource-pattern-type") == "prefixed"
        pattern = ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL
        for operation in (value for name, value in pairs if name == "--operation"):
            acls.append(
                AclBinding(
                    kinds[what],
                    given[what],
                    pattern,
                    given["--allow-principal"],
                    "*",
                    AclOperation[operation.upper()],
                    AclPermissionType.ALLOW,
                )
            )
    assert len(acls) == 7
    for done in admin.create_acls(acls).values():
        done.result(PATIENCE_S)


@pytest.fixture
def encrypted(locked: tuple[Kafka, Path], timescaledb_dsn: str) -> Iterator[str]:
    """A migrated database, by TLS with the same certificate; the DSN takes that and no other server."""
    _, ca = locked
    with psycopg.connect(timescaledb_dsn, autocommit=True) as admin:
        row = admin.execute("show data_directory").fetchone()
        assert row is not None
        data = ROOT_OF_TIMESCALEDB / str(row[0]).lstrip("/")
        if not data.is_dir():
            pytest.skip("the TimescaleDB server is not on this machine")
        for source, name in (("ca.pem", "server.crt"), ("server.key", "server.key")):
            shutil.copy(ca.parent / source, data / name)
            os.chown(data / name, data.stat().st_uid, data.stat().st_gid)
            (data / name).chmod(0o600)
        admin.execute("create database encrypted")
        admin.execute("alter system set ssl = on")
        admin.execute("select pg_reload_conf()")
        dsn = make_conninfo(timescaledb_dsn, dbname="encrypted", sslmode="verify-full", sslrootcert=str(ca))
        end_s = time.monotonic() + PATIENCE_S
        while not answers(dsn):  # the server takes its settings up when it comes to it
            assert time.monotonic() < end_s
            time.sleep(0.05)
        migrate(dsn)
        yield dsn
        admin.execute("drop database encrypted with (force)")
        admin.execute("alter system reset ssl")
        admin.execute("select pg_reload_conf()")


def answers(dsn: str) -> bool:
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture
def settings(locked: tuple[Kafka, Path]) -> KafkaSettings:
    """As a site file has them."""
    broker, ca = locked
    return KafkaSettings(
        broker.bootstrap, partitions=2, username="tagledger", password="secret", tls=True, tls_ca=str(ca)
    )


@pytest.mark.timescaledb
def test_a_batch_goes_through_the_bridges_producer_to_a_worker_that_follows_its_site_file(
    settings: KafkaSettings, encrypted: str, tmp_path: Path
) -> None:
    from stream.bridge_kafka import KafkaSink, ensure_topics

    database = encrypted
    prepare(database)
    plant = replace(site(), kafka=settings, state_dir=str(tmp_path / "state"))
    (tmp_path / "site.toml").write_text(site_text(plant))
    stop = threading.Event()
    ensure_topics(settings, stop)
    sink = KafkaSink(settings, "tagledger-bridge-plant", stop)
    assert sink.open()
    pieces = [piece for batch in traffic(3) for piece in slices_of(Router(plant), batch)]
    values = [(piece.place, encode_batch(piece.batch)) for piece in pieces]
    half = len(values) // 2
    assert sink.send(values[:half])
    command = [sys.executable, "-m", "tagledger", "worker", "--site", str(tmp_path / "site.toml")]
    secrets = {"TAGLEDGER_DATABASE__DSN": database, "TAGLEDGER_KAFKA__PASSWORD": settings.password}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **secrets}
    log = tmp_path / "log"
    with log.open("wb") as output:
        worker = subprocess.Popen(command, stdout=output, stderr=output, env=environment)

    def until(condition: Callable[[], bool]) -> None:
        end_s = time.monotonic() + PATIENCE_S
        while not condition():
            assert worker.poll() is None, log.read_text()
            assert time.monotonic() < end_s, log.read_text()
            time.sleep(0.05)

    try:
        taken = "select count(*) from stream_log where kind = 5"
        until(lambda: query(database, taken) == [(half,)])
        sessions = "select bool_and(ssl) from pg_stat_ssl join pg_stat_activity using (pid) where datname = 'encrypted'"
        assert query(database, f"{sessions} and backend_type = 'client backend'") == [(True,)]
        snapshots = "select count(*) from stream_head where snapshot_seq > 0"
        assert query(database, snapshots) == [(0,)]
        portals = tuple(replace(portal, signal=SignalSettings(hold_s=9.0)) for portal in plant.portals)
        (tmp_path / "site.toml").write_text(site_text(replace(plant, portals=portals)))
        kept = tmp_path / "state" / "site.last-good.toml"
        until(lambda: kept.exists() and "9.0" in kept.read_text())
        assert sink.send(values[half:])
        until(lambda: query(database, taken) == [(len(values),)])
        # What a door is set up as is not in the log: the first chunk after the change has a snapshot.
        assert query(database, snapshots) != [(0,)]
    finally:
        worker.kill()
        worker.wait()


@pytest.mark.timescaledb
def test_a_database_that_is_another_is_not_taken_and_a_backup_needs_a_client_that_speaks_tls(
    encrypted: str, tmp_path: Path
) -> None:
    # The certificate is for 127.0.0.1.
    with pytest.raises(psycopg.OperationalError, match="does not match host name"):
        psycopg.connect(make_conninfo(encrypted, host="127.0.0.2", hostaddr="127.0.0.1"))
    assert query(encrypted, "select count(*) from move") == [(0,)]
    if any(found.origin == "system" and found.major >= 17 for found in installations()):
        assert dump(encrypted, tmp_path / "backup")[1] == []
    else:
        with pytest.raises(DumpError, match=r"speaks TLS\. Fix: install postgresql-client-17"):
            dump(encrypted, tmp_path / "backup")


def test_nobody_gets_in_without_the_password_or_beyond_the_rights(settings: KafkaSettings) -> None:
    from confluent_kafka import KafkaException, Producer

    from stream.bridge_kafka import KafkaSink, KafkaSinkError, client_settings, ensure_topics

    stop = threading.Event()
    with pytest.raises(KafkaSinkError, match=r"(?i)authorization"):
        ensure_topics(replace(settings, prefix="others"), stop)
    with pytest.raises((KafkaSinkError, KafkaException), match=r"(?i)authorization"):
        KafkaSink(settings, "somebody-else", stop).open()
    guess = {**client_settings(replace(settings, password="guess")), "transactional.id": "tagledger-bridge-x"}
    with pytest.raises(KafkaException, match=r"(?i)authentication|timed out"):
        Producer(guess).init_transactions(3)
