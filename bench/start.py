"""How long people wait: `tagledger --help`, and `tagledger demo` from the command to its first movement, warm.

Measured from outside, as wall time and as CPU time of the command with its children. The peer of `--help` is the same
interpreter that imports nothing (`python -c pass`): what no program in Python can undercut. The demo runs in a fresh
state directory; its first movement is the first row of the ledger's `move`, asked for every 50 ms from a second
connection. Warm: every command ran once before it was measured.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

ROUNDS = 5
DEMO_ROUNDS = 2
DEMO_WAIT_S = 90.0
LOOK_EVERY_S = 0.05
COMMANDS = {
    "help": [sys.executable, "-m", "tagledger", "--help"],
    "python": [sys.executable, "-c", "pass"],
}


def run(rounds: int = ROUNDS, demo_rounds: int = DEMO_ROUNDS) -> dict[str, object]:
    """Medians in seconds."""
    wall: dict[str, list[float]] = {name: [] for name in COMMANDS}
    cpu: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(rounds + 1):
        for name, command in COMMANDS.items():
            wall_s, cpu_s = _timed(command)
            if number:  # the first round warms
                wall[name].append(wall_s)
                cpu[name].append(cpu_s)
    result: dict[str, object] = {"bench": "start", "unit": "s", "rounds": rounds}
    print(f"{'':10}{'wall s':>8}{'CPU s':>8}")
    for name in COMMANDS:
        row = {"wall_s": round(statistics.median(wall[name]), 3), "cpu_s": round(statistics.median(cpu[name]), 3)}
        result[name] = row
        print(f"{name:10}{row['wall_s']:8.3f}{row['cpu_s']:8.3f}")
    medians = {name: statistics.median(wall[name]) for name in COMMANDS}
    result["help_x_python"] = round(medians["help"] / medians["python"], 2)
    demo = [_demo() for _ in range(demo_rounds)]
    result["demo_first_movement_s"] = round(statistics.median(first for first, _ in demo), 2)
    result["demo_server_up_s"] = round(statistics.median(up for _, up in demo), 2)
    print(f"demo: database up after {result['demo_server_up_s']} s, first movement {result['demo_first_movement_s']} s")
    print(json.dumps(result))
    return result


def _timed(command: list[str]) -> tuple[float, float]:
    before, began_s = os.times(), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall_s, after = time.perf_counter() - began_s, os.times()
    return wall_s, after.children_user + after.children_system - before.children_user - before.children_system


def _demo() -> tuple[float, float]:
    """Seconds to the first movement, and to a server that answers."""
    with tempfile.TemporaryDirectory(prefix="tagledger-bench-") as folder:
        command = [sys.executable, "-m", "tagledger", "demo", "--json", "--port", "0", "--state-dir", folder]
        began_s = time.perf_counter()
        demo = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            return _first_movement(Path(folder), demo, began_s)
        finally:
            demo.send_signal(signal.SIGINT)
            try:
                demo.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(demo.pid, signal.SIGKILL)
                demo.wait()


def _first_movement(folder: Path, demo: "subprocess.Popen[bytes]", began_s: float) -> tuple[float, float]:
    up_s = 0.0
    while time.perf_counter() - began_s < DEMO_WAIT_S and demo.poll() is None:
        dsn = _dsn(folder)
        try:
            if dsn:
                with psycopg.connect(dsn, autocommit=True, connect_timeout=2) as connection:
                    up_s = up_s or time.perf_counter() - began_s
                    while demo.poll() is None and time.perf_counter() - began_s < DEMO_WAIT_S:
                        if connection.execute("select exists (select from move)").fetchone() == (True,):
                            return time.perf_counter() - began_s, up_s
                        time.sleep(LOOK_EVERY_S)
        except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
            pass
        time.sleep(LOOK_EVERY_S)
    raise RuntimeError(f"no movement within {DEMO_WAIT_S} s, or the demo ended ({demo.poll()})")


def _dsn(folder: Path) -> str | None:
    """Where the embedded server under a state directory listens, once it has said so."""
    home = folder / "postgres"
    try:
        port = next(home.rglob("postmaster.pid")).read_text().splitlines()[3]
        return f"postgresql://postgres:{(home / 'password').read_text().strip()}@127.0.0.1:{port}/postgres"
    except (OSError, IndexError, StopIteration):
        return None


if __name__ == "__main__":
    run()
