"""Power over time per tag with the verdict: one picture a passage, the worst first. Needs the extra `plots`.

A panel an antenna, so that it is seen who hears a tag when; the window shaded, the load's true window between dashed
lines, wrong verdicts in red above the others. Where nothing has a strength, each tag is a row of dots in the order they
were first heard.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.model import Passage, Sightings, TagVerdict
from stream.recorded_truth import WHOLE
from stream.scoring import LoadScore

PLOTS_MAX = 40
COLUMNS_MAX = 2
COLOUR = {TagVerdict.BELONGS: "tab:green", TagVerdict.STRAY: "tab:gray", TagVerdict.UNSURE: "tab:orange"}
WRONG = "tab:red"
MISTAKEN = ", mistaken"


def draw(loads: Sequence[LoadScore], folder: Path) -> int:
    """Write at most `PLOTS_MAX` pictures; returns how many. A red line is a verdict the truth does not share."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.lines import Line2D

    folder.mkdir(parents=True, exist_ok=True)
    ordered = sorted(loads, key=lambda score: -(score.wrong + score.missed))
    count = 0
    for score in ordered:
        passage = score.passage
        if passage is None or passage.evidence is None or count == PLOTS_MAX:
            continue
        seen, ports = passage.evidence, np.unique(passage.evidence.antenna).tolist()
        columns = min(len(ports), COLUMNS_MAX) or 1
        lines = -(-len(ports) // columns) or 1
        figure, panels = pyplot.subplots(
            lines, columns, figsize=(6.5 * columns + 2, 3.2 * lines + 1.5), sharex=True, sharey=True, squeeze=False
        )
        for axes, port in zip(panels.flat, ports, strict=False):
            _lines(axes, score, passage, seen, np.flatnonzero(seen.antenna == port))
            axes.set_title(f"antenna {seen.antennas[port]}", fontsize=9)
        for axes in panels.flat[len(ports) :]:
            axes.set_visible(False)
        load = score.load
        name = f"load {load.load_id}" if load else "no load"
        figure.suptitle(
            f"{passage.portal}, {name}: {score.right} right, {score.wrong} wrong, {score.missed} missed; "
            f"said {passage.direction.value}, true {load.direction.value if load else '-'}"
        )
        strong = bool(np.isfinite(seen.peak_dbm).any())
        figure.supxlabel("seconds after the window opened (shaded; dashed: the true window)", fontsize=9)
        figure.supylabel("peak power, dBm" if strong else "tags, in the order they were first heard", fontsize=9)
        handles = [
            Line2D([], [], label=f"{count_of} {kind}", **_style(kind) | {"alpha": 1.0, "linewidth": 2.0})
            for kind, count_of in sorted(_kinds(score).items())
        ]
        if handles:
            figure.legend(
                handles=handles, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 0.95), ncols=len(handles)
            )
        figure.tight_layout(rect=(0.0, 0.0, 1.0, 0.93))
        figure.savefig(folder / f"{count + 1:03d}-{_plain(passage.portal)}-{_plain(name)}.png", dpi=90)
        pyplot.close(figure)
        count += 1
    return count


def _lines(  # type: ignore[no-untyped-def]
    axes, score: LoadScore, passage: Passage, seen: Sightings, on: NDArray[np.intp]
) -> None:
    """Draw what one antenna heard."""
    true = set(score.load.epcs) if score.load else set()
    verdicts = {tag.epc: tag.verdict for tag in passage.tags}
    strong = bool(np.isfinite(seen.peak_dbm).any())
    seconds = (seen.first_us - passage.opened_us) / 1e6
    for number in np.unique(seen.tag[on]).tolist():
        epc = seen.tags[number]
        verdict = verdicts.get(epc)
        if verdict is None:
            continue
        rows = on[seen.tag[on] == number]
        mistaken = (verdict is TagVerdict.BELONGS) != (epc in true) and verdict is not TagVerdict.UNSURE
        kind = f"{verdict.value}{MISTAKEN if mistaken else ''}"
        height = seen.peak_dbm[rows] if strong else np.full(len(rows), float(number))
        line = "" if not strong else "--" if mistaken and verdict is TagVerdict.STRAY else "-"
        axes.plot(seconds[rows], height, marker=".", markersize=3, linestyle=line, **_style(kind))
    axes.axvspan(0.0, (passage.closed_us - passage.opened_us) / 1e6, color="tab:blue", alpha=0.08)
    if score.load is not None:
        for at_us in (score.load.start_us, score.load.end_us):
            if at_us not in WHOLE:
                axes.axvline((at_us - passage.opened_us) / 1e6, color="black", linestyle="--", linewidth=0.8)
    axes.grid(alpha=0.25)


def _style(kind: str) -> dict[str, Any]:
    if kind.endswith(MISTAKEN):
        return {"color": WRONG, "linewidth": 1.6, "alpha": 0.9, "zorder": 3.0}
    return {"color": COLOUR[TagVerdict(kind)], "linewidth": 0.7, "alpha": 0.45}


def _kinds(score: LoadScore) -> Counter[str]:
    """Tags of a passage by verdict, and whether the truth shares it."""
    true = set(score.load.epcs) if score.load else set()
    kinds: Counter[str] = Counter()
    for tag in score.passage.tags if score.passage else ():
        mistaken = (tag.verdict is TagVerdict.BELONGS) != (tag.epc in true) and tag.verdict is not TagVerdict.UNSURE
        kinds[f"{tag.verdict.value}{MISTAKEN if mistaken else ''}"] += 1
    return kinds


def _plain(name: str) -> str:
    """A name that any file system takes."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-") or "x"
