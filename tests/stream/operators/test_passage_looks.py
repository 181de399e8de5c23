"""How windows are looked at: what was judged of the same rows is not judged again, and nobody can tell."""

from dataclasses import replace
from uuid import UUID

import numpy as np
import pytest

from stream.model import Passage, TagVerdict
from stream.operators.passage_antennas import PassageAntennas
from stream.operators.passage_convoy import Lag
from stream.operators.passage_looks import PassageLooks
from stream.operators.passage_rows import PassageRows
from stream.operators.passage_state import PassageRecord
from stream.operators.passages import PassageOperator
from tests.stream.operators.analytic_door import OWN, SIDES, T0_US, Door, portal
from tests.stream.operators.test_passage_hindsight import BROUGHT, LOAD, PARAMS, said, story


def parts() -> tuple[Door, Door]:
    """What comes in time, and what comes late: all reads of the load's last tag."""
    door, late = story(), story()
    door.rows = [row for row in door.rows if row[1] != LOAD[-1]]
    late.rows = [row for row in late.rows if row[1] == LOAD[-1]]
    return door, late


@pytest.mark.parametrize("eyes", [True, False])
@pytest.mark.parametrize("comes_late", [True, False])
def test_an_operator_that_begins_anew_at_every_batch_says_the_same(eyes: bool, comes_late: bool) -> None:
    door, late = parts() if comes_late else (story(), Door(seed=4))
    calls = door.slices()
    calls += [(calls[-1][0] + second * 1_000_000, []) for second in range(1, 30)]
    kept, restored = (PassageOperator(portal(eyes), frozenset(OWN), SIDES, PARAMS) for _ in range(2))
    finals: list[Passage] = []
    held = [piece for _, pieces in late.slices() for piece in pieces] if comes_late else []
    for now_us, items in calls:
        given = items
        if finals and held:
            given, held = [*items, *held], []
        told = kept.on_batch(now_us, given)
        restored = PassageOperator(portal(eyes), frozenset(OWN), SIDES, PARAMS, restored.snapshot())
        again = restored.on_batch(now_us, given)
        assert [replace(one, evidence=None) for one in again] == [replace(one, evidence=None) for one in told]
        finals += told
    assert not held
    assert (LOAD[-1] in said(finals[0], TagVerdict.BELONGS)) is not comes_late
    assert said(finals[-1], TagVerdict.BELONGS) == set(LOAD)
    assert said(finals[-1], TagVerdict.STRAY) == set(BROUGHT)


def test_a_window_is_judged_anew_once_it_holds_more() -> None:
    door, late = parts()
    rows, eyes = PassageRows(PARAMS.rows_max), portal(eyes=False)
    looks = PassageLooks(eyes, PassageAntennas(frozenset(OWN), SIDES), rows, PARAMS, Lag())
    calls = door.slices()
    for _, items in calls:
        for piece in items:
            rows.append(piece)
    nothing = np.empty(0, np.float32).tobytes()
    record = PassageRecord(UUID(int=1), T0_US + 18_000_000, T0_US + 22_000_000, background=nothing)

    def judged(ticked_us: int, *, may_part: bool = True) -> object:
        cut = looks.cuts.cut(record, record.closed_us or 0, (), T0_US + ticked_us, [record])
        return looks.judge(record, cut, (), may_part=may_part)

    first = judged(23_000_000)
    assert judged(31_000_000) is first
    assert judged(31_000_000, may_part=False) is first
    for _, items in late.slices():
        for piece in items:
            looks.cuts.heard(rows.append(piece)[1])
    assert judged(31_000_000) is not first
