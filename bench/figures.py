"""The key figures of the kept results, as the table in the README."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "bench.json"
README = Path(__file__).parents[1] / "README.md"
HEAD = "| what | measured | against | at |\n|---|---:|---|---|\n"

Peers = tuple[tuple[str, str], ...]
_PLAIN: Peers = (("{0}/x_plain", "sllurp, dicts, one INSERT a read"),)
_API: Peers = (("{0}/x_bare", "a bare FastAPI handler"),)
_UPDATE = "a bare conditional UPDATE"


def _of(part: str, peers: Peers) -> Peers:
    return tuple((path.format(part), peer) for path, peer in peers)


KEY_FIGURES: tuple[tuple[str, str, str, str, Peers], ...] = (
    (
        "llrp_decode",
        "LLRP reports decoded, 100 tags each",
        "shapes/1 x 100/ours_tags_s",
        "tags/s",
        (("shapes/1 x 100/ours_vs_sllurp", "sllurp"), ("shapes/1 x 100/ours_vs_struct", "struct alone")),
    ),
    (
        "reduce",
        "reads reduced, 1.3 a sighting",
        "15000_at_1.3/reduce",
        "reads/s",
        (("15000_at_1.3/x_dict", "a dict loop"), ("15000_at_1.3/x_lexsort", "numpy's lexsort of the keys")),
    ),
    (
        "reduce",
        "reads reduced, 20 a sighting",
        "15000_at_20/reduce",
        "reads/s",
        (("15000_at_20/x_dict", "a dict loop"),),
    ),
    ("replay", "capture to ledger, 1.3 reads a sighting", "at_1.3/reads_s", "reads/s", _of("at_1.3", _PLAIN)),
    ("replay", "capture to ledger, 5 reads a sighting", "at_5/reads_s", "reads/s", _of("at_5", _PLAIN)),
    ("replay", "capture to ledger, 20 reads a sighting", "at_20/reads_s", "reads/s", _of("at_20", _PLAIN)),
    (
        "storage",
        "sightings stored",
        "packed/sightings_s",
        "sightings/s",
        (("x_copy_rows", "binary COPY of rows"), ("x_copy_bare", "the same without index")),
    ),
    ("storage", "bytes a sighting", "packed/bytes_each", "bytes", (("x_bytes_rows", "the rows with their indexes"),)),
    ("ledger", "postings, one hot item, 16 workers", "hot/post", "/s", (("hot/post_x_update", _UPDATE),)),
    ("ledger", "postings, spread, 16 workers", "spread/post", "/s", (("spread/post_x_update", _UPDATE),)),
    ("ledger", "rows of postings by hand, spread", "by_hand/rows", "/s", (("by_hand/rows_x_update", _UPDATE),)),
    ("ledger", "reservations, spread, 16 workers", "spread/reserve", "/s", (("spread/reserve_x_update", _UPDATE),)),
    ("api", "where is this tag", "tag/ours_cpu_s", "requests per CPU-second", _of("tag", _API)),
    ("api", "stock of an item", "stock/ours_cpu_s", "requests per CPU-second", _of("stock", _API)),
    ("api", "a list of 1,000 tags", "list/ours_cpu_s", "requests per CPU-second", _of("list", _API)),
    (
        "feed",
        "live feed, 100 clients",
        "ours/events_cpu_s",
        "events per CPU-second",
        (("x_bare", "a bare StreamingResponse"),),
    ),
    (
        "faust_host",
        "Kafka to committed, Faust host, one worker",
        "reads_per_s",
        "reads/s",
        (("ratio", "an agent that takes a message a read"), ("x_decisions", "the decisions alone, in one thread")),
    ),
    (
        "memory",
        "resident memory at the end of a long replay",
        "last_mb",
        "MB",
        (("x_half", "after half of it"),),
    ),
    (
        "live",
        "readers of 1,500 reads/s in real time",
        "readers",
        "readers",
        (("x_real_time", "the time of day"),),
    ),
    ("live", "share of a core, edge process", "cpu_share/edge", "cores", ()),
    ("live", "share of a core, stream process", "cpu_share/stream", "cores", ()),
    ("live", "last read to movement, p50", "read_to_movement_s/p50", "s", ()),
    ("live", "last read to movement, p99", "read_to_movement_s/p99", "s", ()),
    ("start", "`tagledger --help`", "help/wall_s", "s", (("help_x_python", "`python -c pass`"),)),
    ("start", "`tagledger demo` to the first movement", "demo_first_movement_s", "s", ()),
)
"""Benchmark, what, the figure's path in its result, its unit, and ratios to peers."""


def table() -> str:
    """The key figures of the kept results, as Markdown; what was not run is left out."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    lines = []
    for name, what, figure, unit, peers in KEY_FIGURES:
        found = _figure(results, name, figure)
        if found is None:
            continue
        ratios = [(_figure(results, name, path), peer) for path, peer in peers]
        against = "; ".join(f"{_text(ratio)} × {peer}" for ratio, peer in ratios if ratio is not None)
        lines.append(f"| {what} | {_text(found)} {unit} | {against} | {results[name]['commit']} |")
    return HEAD + "\n".join(lines) + "\n"


def write_readme() -> None:
    """Put the table into the README."""
    README.write_text(renewed(README.read_text(), table()))


def renewed(text: str, fresh: str) -> str:
    """The text with its table replaced, in the order of the figures; what was not measured anew keeps its line."""
    begin = text.index(HEAD)
    end = text.index("\n\n", begin) + 1
    lines = _by_name(text[begin:end]) | _by_name(fresh)
    return text[:begin] + HEAD + "".join(lines[what] for _, what, *_ in KEY_FIGURES if what in lines) + text[end:]


def _by_name(shown: str) -> dict[str, str]:
    return {line.split(" | ")[0].removeprefix("| "): line for line in shown.removeprefix(HEAD).splitlines(True)}


def _figure(results: dict[str, Any], name: str, path: str) -> float | None:
    found: Any = results.get(name, {}).get("figures", {})
    for key in path.split("/"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, int | float) else None


def _text(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
