"""One fault run from its plan to its verdict.

Everything of a run is real processes; the plan's faults are done to them as the edge gets on with its recording. In the
end the run is held against two things: the auditor, who knows what truly happened and no rule, and the books of an
undisturbed embedded host over the same recording, ids included. Nothing may be lost, doubled, astray or stuck.
"""

import http.client
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import psycopg
from psycopg import sql

from stream.batch_codec import encode_batch
from tagledger.people_desk import do
from tagledger.site_text import site_text
from tests.faults.compared import problems_of
from tests.faults.ground import Ground
from tests.faults.plan import Action, Fault, Kind, Plan
from tests.faults.plants import sealed, site_of
from tests.faults.proxy import Proxy
from tests.faults.site_process import ROOT, SiteProcess
from tests.ports import free_port
from warehouse.commands import CreateKey, Permission
from warehouse.postgres.database.dump import dump, restore
from warehouse.postgres.database.migrate import migrate
from warehouse.site_settings import ApiSettings, KafkaSettings, UplinkSettings

RATE = 60.0
STUCK_S = 240.0
API_S = 240.0
SLOW_S = 0.15
BACKUP_AT = 0.3
PARTITIONS = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a run."""

    plan: Plan
    problems: tuple[str, ...]
    seconds: float
    ended_by_themselves: int
    killed_hanging: int
    notes: tuple[str, ...] = ()


def run(plan: Plan, base: Ground) -> Verdict:
    """Carry a plan out."""
    started_s = time.monotonic()
    folder = base.folder / f"{plan.kind}-{plan.seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    expected = base.undisturbed(plan.plant, plan.skew_ms)
    other = base.undisturbed_old(plan.plant)
    notes = [f"the versions differ in: {name}" for name in other or () if other[name] != expected[0][name]]
    with ExitStack() as stack:
        site = _RunningSite(plan, base, folder, stack)
        problems = site.carry_out() or [*problems_of(site.dsn, plan, expected, other), *site.api_problems()]
        notes += [note for process in site.processes.values() for note in process.notes]
        ended = sum(process.ended_by_itself for process in site.processes.values())
        hung = sum(process.hung for process in site.processes.values())
        logs = {} if not problems else {name: process.tail() for name, process in site.processes.items()}
    for name, tail in logs.items():
        print(f"--- {name}\n{tail}")
    base.drop(site.name)
    return Verdict(plan, tuple(problems), time.monotonic() - started_s, ended, hung, tuple(notes))


class _RunningSite:
    def __init__(self, plan: Plan, base: Ground, folder: Path, stack: ExitStack) -> None:
        self._plan, self._base, self._folder = plan, base, folder
        self.name = f"run_{plan.kind}_{plan.seed}"
        self.dsn = base.database(self.name, plan.plant)
        self._batches = sealed(plan.plant, plan.skew_ms)
        self._until: list[tuple[float, Callable[[], None]]] = []
        (folder / "recording").write_bytes(msgspec.msgpack.encode([encode_batch(batch) for batch in self._batches]))
        mqtt_port = free_port()
        postgres_port = int(psycopg.conninfo.conninfo_to_dict(base.server.dsn)["port"])  # type: ignore[arg-type]
        self._proxies = {"mosquitto": Proxy(mqtt_port), "postgres": Proxy(postgres_port)}
        for proxy in self._proxies.values():
            stack.callback(proxy.close)
        if base.kafka_proxy is not None:
            self._proxies["kafka"] = base.kafka_proxy
        self._api_port = free_port()
        self.processes = self._made(mqtt_port)
        stack.callback(self._end)

    def _made(self, mqtt_port: int) -> dict[str, SiteProcess]:
        plan, folder = self._plan, self._folder
        near = psycopg.conninfo.make_conninfo(self.dsn, port=self._proxies["postgres"].port)
        kafka = KafkaSettings(
            self._base.bootstrap,
            group=self.name,
            prefix=self.name,
            partitions=PARTITIONS,
            replicas=max(1, plan.kind.kafka_nodes),
        )
        site = replace(
            site_of(plan.plant),
            uplink=UplinkSettings("mqtt", "127.0.0.1", self._proxies["mosquitto"].port),
            api=ApiSettings(port=self._api_port),
            state_dir=str(folder / "state"),
            kafka=kafka,
        )
        (folder / "site.toml").write_text(site_text(site))
        (folder / "mosquitto").mkdir()
        (folder / "mosquitto.conf").write_text(
            f"listener {mqtt_port} 127.0.0.1\nallow_anonymous true\npersistence true\nautosave_interval 30\n"
            f"autosave_on_changes true\nmax_queued_messages 100000\nmax_inflight_messages 512\n"
            f"persistence_location {folder}/mosquitto/\nuser {Path.home().owner()}\n"
        )
        script = "tests.faults.edge_process"
        edge_port = str(self._proxies["mosquitto"].port)
        broker = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        commands = {
            "mosquitto": [broker, "-c", str(folder / "mosquitto.conf")],
            "edge": [
                sys.executable,
                "-m",
                script,
                str(folder / "recording"),
                str(folder),
                edge_port,
                site.name,
                str(RATE),
            ],
        }
        parts = ["stream"] if plan.kind is Kind.EMBEDDED else ["bridge", "worker-1", "worker-2"]
        if any(fault.part == "api" for fault in plan.faults):
            parts.append("api")
        for part in parts:
            command = part.partition("-")[0]
            commands[part] = [sys.executable, "-m", "tagledger", command, "--site", str(folder / "site.toml")]
        # Modules are compiled once for all processes of all runs.
        compiled = {"PYTHONPYCACHEPREFIX": str(self._base.folder / "compiled"), "PYTHONDONTWRITEBYTECODE": ""}
        environment = {"TAGLEDGER_DATABASE__DSN": near, **compiled}
        full = any(fault.action is Action.FULL for fault in plan.faults)
        processes = {
            name: SiteProcess(name, command, folder, environment, quiet=name == "edge" and full)
            for name, command in commands.items()
        }
        for fault in plan.faults:
            if fault.action is Action.UPGRADE:
                assert self._base.old is not None, "an upgrade needs an old checkout"
                processes[fault.part].root = self._base.old
        return processes

    def carry_out(self) -> list[str]:
        """Start, do what the plan says, wait for the end. What went wrong so far, as text."""
        for process in self.processes.values():
            process.start()
        waiting = list(self._plan.faults)
        backed_up = not any(fault.action is Action.RESTORE for fault in waiting)
        total, moved_s, last, poll_s = len(self._batches), time.monotonic(), (0, 0), 0.02
        while True:
            now_s = time.monotonic()
            for due in [due for due in self._until if due[0] <= now_s]:
                self._until.remove(due)
                due[1]()
            for process in self.processes.values():
                process.look()
            spooled, acked = self._progress()
            if (spooled, acked) != last:
                last, moved_s = (spooled, acked), now_s
            if not backed_up and acked >= BACKUP_AT * total and not self._until:
                backed_up = True
                dump(self.dsn, self._folder / "backup")
            if waiting and backed_up and spooled >= waiting[0].at * total:
                self._do(waiting.pop(0), now_s)
            if acked >= total and not waiting and not self._until:
                return []
            if now_s - moved_s > STUCK_S:
                return [f"stuck: {spooled} of {total} spooled, {acked} acknowledged"]
            time.sleep(poll_s)

    def _progress(self) -> tuple[int, int]:
        try:
            spooled, acked = map(int, (self._folder / "progress").read_text().split())
        except (OSError, ValueError):
            return 0, 0
        return spooled, acked

    def _do(self, fault: Fault, now_s: float) -> None:
        def later(undo: Callable[[], None]) -> None:
            self._until.append((now_s + fault.seconds, undo))

        where = fault.part.removeprefix("network of ")
        if fault.action in (Action.CUT, Action.SLOW):
            proxy = self._proxies[where]
            proxy.cut() if fault.action is Action.CUT else proxy.slow(SLOW_S)
            later(proxy.heal)
        elif fault.action is Action.RESTORE:
            self._restore()
        elif fault.part == "postgres":
            assert self._base.server.pid is not None
            with suppress(ProcessLookupError):  # an earlier fault has it down, and brings it back
                os.kill(self._base.server.pid, signal.SIGKILL)
                later(self._base.server.start)
        elif fault.part.startswith("kafka-"):
            self._kafka(fault, int(fault.part.removeprefix("kafka-")), later)
        else:
            process = self.processes[fault.part]
            match fault.action:
                case Action.KILL:
                    process.kill()
                    later(process.start)
                case Action.RESTART | Action.UPGRADE:
                    process.ask_to_end()
                    process.root = ROOT if fault.action is Action.UPGRADE else process.root
                    later(process.start)
                case Action.PAUSE:
                    process.pause()
                    later(process.resume)
                case Action.FULL:
                    process.fill_disk()
                    later(process.free_disk)

    def _kafka(self, fault: Fault, node: int, later: Callable[[Callable[[], None]], None]) -> None:
        kafka = self._base.kafka
        assert kafka is not None
        if fault.action is Action.KILL:
            if kafka.runs(node):  # else an earlier fault has it down
                kafka.kill(node)
                later(lambda: kafka.begin(node))
        elif kafka.runs(node):
            kafka.pause(node)
            later(lambda: kafka.resume(node))

    def _restore(self) -> None:
        """Everything that uses the database is stopped, as deploy/README.md says; then it is as it was."""
        users = [process for name, process in self.processes.items() if name not in ("edge", "mosquitto")]
        self._until.clear()
        self._heal()
        for process in users:
            process.terminate()
        self._base.drop(self.name)
        with psycopg.connect(self._base.server.dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(self.name)))
        restore(self.dsn, self._folder / "backup")
        migrate(self.dsn)
        for process in users:
            process.start()

    def _heal(self) -> None:
        for process in self.processes.values():
            process.free_disk()
            process.resume()
            process.start()
        self._heal_ground()

    def _heal_ground(self) -> None:
        """What the next run needs too."""
        for proxy in self._proxies.values():
            proxy.heal()
        if self._base.server.pid is None or not Path(f"/proc/{self._base.server.pid}").exists():
            self._base.server.start()
        if self._base.kafka is not None:
            self._base.kafka.mend()

    def _end(self) -> None:
        for process in self.processes.values():
            process.kill()
        self._heal_ground()

    def api_problems(self) -> list[str]:
        """What a client of the API sees, when there was one, against the ledger."""
        if "api" not in self.processes:
            return []
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            _, key = do(connection, CreateKey("fault run", (Permission.READ,)))
            query = "select move_id from move where passage_id is not null"
            wanted = {str(row[0]) for row in connection.execute(query)}
        end_s, seen, poll_s = time.monotonic() + API_S, "no answer", 0.2
        while time.monotonic() < end_s:
            try:
                shown = self._movements(str(key))
            except (OSError, http.client.HTTPException) as error:
                seen = str(error)
            else:
                if wanted <= shown:
                    return []
                seen = f"{len(wanted - shown)} of {len(wanted)} movements missing"
            self.processes["api"].look()
            time.sleep(poll_s)
        return [f"api: {seen} after {API_S:g} s"]

    def _movements(self, key: str) -> set[str]:
        found: set[str] = set()
        page: str | None = "/v1/movements?limit=200"
        while page is not None:
            connection = http.client.HTTPConnection("127.0.0.1", self._api_port, timeout=10)
            connection.request("GET", page, headers={"Authorization": f"Bearer {key}"})
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            if answer.status != http.HTTPStatus.OK:
                raise http.client.HTTPException(f"{answer.status} {body[:200]!r}")
            found |= {row["move_id"] for row in json.loads(body)["items"]}
            page = json.loads(body)["next"]
        return found
