"""Boxes on a belt with one photo-eye: which tags of a window's cell are its box's.

What stands beside a belt is heard as long as it runs; what the box carries comes and goes as quickly as the box. Doors'
weights do not know how long that is, and take half of the boxes' tags for doubtful. So once a window closed, the tags
are told apart once more by weights of belts (`PassageModel.belts`, fitted by `bench.fit_belts`): by what doors look at,
with the load that the doors' weights found as the crowd, and by each tag's course past this window and those beside it.
"""

import numpy as np

from stream.operators.passage_convoy import COURSE, Convoy, Passed
from stream.operators.passage_features import FEATURES, TagFeatures
from stream.operators.passage_sums import Floats, weighted_median

BY_WINDOW = (
    "late_s",  # the mean of its time after the window's middle, less what is usual there
    "late_abs_s",  # the same, either way
    "late_rel_s",  # that mean after the load's
    "after_start_s",  # and after the cell's beginning
    "before_end_s",  # and before its end
    "spread_rel",  # the width of its course over the load's
    "peak_rel_db",  # its strongest read over the load's
    "strongest_rel_s",  # and how long after the load's
    "gap_s",  # to the nearest other window
    "cell_s",  # length of the cell
    "behind_known",  # whether the window behind is known
)
BELT_FEATURES = (*FEATURES, *(f"belt_{name}" for name in (*COURSE, *BY_WINDOW)))


def belt_matrix(convoy: Convoy, passed: Passed, tags: TagFeatures, scores: Floats) -> Floats:
    """(tags, BELT_FEATURES) of a convoy whose window has `passed`; `scores` are those by the doors' weights."""
    course, late_s = passed.course[tags.tags], convoy.late_s[tags.tags]
    load = np.where(convoy.here[tags.tags], scores, 0.0) + 1e-6
    by_name = dict(zip(COURSE, course.T, strict=True))

    def of_load(values: Floats) -> float:
        return weighted_median(values, load)

    columns = (
        late_s - convoy.lag_s,
        np.abs(late_s - convoy.lag_s),
        late_s - of_load(late_s),
        late_s - (convoy.start_us - convoy.middle_us) / 1e6,
        (convoy.end_us - convoy.middle_us) / 1e6 - late_s,
        by_name["spread_s"] / max(of_load(by_name["spread_s"]), 0.05),
        by_name["peak_dbm"] - of_load(by_name["peak_dbm"]),
        by_name["strongest_s"] - of_load(by_name["strongest_s"]),
        convoy.gap_s,
        (convoy.end_us - convoy.start_us) / 1e6,
        float(convoy.behind_known),
    )
    by_window = np.stack([np.broadcast_to(column, late_s.shape) for column in columns], axis=1)
    return np.concatenate([tags.matrix, course, by_window], axis=1)
