"""Power over time per tag with the verdict: one picture a passage, the worst first. Needs the extra `plots`."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stream.model import TagVerdict
from stream.scoring import LoadScore

PLOTS_MAX = 40
COLOUR = {TagVerdict.BELONGS: "tab:green", TagVerdict.STRAY: "tab:gray", TagVerdict.UNSURE: "tab:orange"}
WRONG = "tab:red"


def draw(loads: Sequence[LoadScore], folder: Path) -> int:
    """Write at most `PLOTS_MAX` pictures; returns how many. A red line is a verdict the truth does not share."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    ordered = sorted(loads, key=lambda score: -(score.wrong + score.missed))
    count = 0
    for score in ordered:
        if score.passage is None or score.passage.evidence is None or count == PLOTS_MAX:
            continue
        figure, axes = pyplot.subplots(figsize=(10, 5))
        _lines(axes, score)
        load = score.load
        name = f"load {load.load_id}" if load else "no load"
        axes.set_title(
            f"{score.passage.portal} {name}: {score.right} right, {score.wrong} wrong, {score.missed} missed; "
            f"said {score.passage.direction.value}, true {load.direction.value if load else '-'}"
        )
        axes.set_xlabel("seconds after the window opened (shaded: the window)")
        axes.set_ylabel("peak power, dBm")
        figure.tight_layout()
        figure.savefig(folder / f"{count + 1:03d}-{score.passage.portal}-{name.replace(' ', '-')}.png", dpi=90)
        pyplot.close(figure)
        count += 1
    return count


def _lines(axes, score: LoadScore) -> None:  # type: ignore[no-untyped-def]
    passage = score.passage
    assert passage is not None
    assert passage.evidence is not None
    seen = passage.evidence
    true = set(score.load.epcs) if score.load else set()
    verdicts = {tag.epc: tag.verdict for tag in passage.tags}
    drawn: dict[str, int] = defaultdict(int)
    seconds = (seen.first_us - passage.opened_us) / 1e6
    for number, epc in enumerate(seen.tags):
        verdict = verdicts.get(epc)
        if verdict is None:
            continue
        rows = np.flatnonzero(seen.tag == number)
        mistaken = (verdict is TagVerdict.BELONGS) != (epc in true) and verdict is not TagVerdict.UNSURE
        label = f"{verdict.value}{', mistaken' if mistaken else ''}"
        drawn[label] += 1
        axes.plot(
            seconds[rows],
            seen.peak_dbm[rows],
            marker=".",
            markersize=3,
            linewidth=1.6 if mistaken else 0.7,
            color=WRONG if mistaken else COLOUR[verdict],
            linestyle="--" if mistaken and verdict is TagVerdict.STRAY else "-",
            alpha=0.9 if mistaken else 0.45,
            label=label if drawn[label] == 1 else None,
        )
    axes.axvspan(0.0, (passage.closed_us - passage.opened_us) / 1e6, color="tab:blue", alpha=0.08)
    if drawn:
        axes.legend(title=", ".join(f"{count} {label}" for label, count in sorted(drawn.items())), fontsize=8)
