"""Things that are in one another, made set by set: what contains comes before what it contains. Pure."""

from collections.abc import Collection, Sequence


def generations(named: Sequence[tuple[str, str | None]], known: Collection[str]) -> tuple[list[list[int]], list[int]]:
    """Of (code, code of what it is in): indices by set, each in what is `known` or in a set before; and the indices of
    those whose parent is nowhere, or in a circle.
    """
    waiting: dict[str, list[int]] = {}
    now: list[int] = []
    for n, (_, parent) in enumerate(named):
        if parent is None or parent in known:
            now.append(n)
        else:
            waiting.setdefault(parent, []).append(n)
    sets: list[list[int]] = []
    while now:
        sets.append(now)
        now = sorted(child for n in now for child in waiting.pop(named[n][0], ()))
    return sets, sorted(n for children in waiting.values() for n in children)
