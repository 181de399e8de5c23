"""The row buffer: dictionaries, bounds, forgetting."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.model import BatchId
from stream.operators.passage_rows import ROW, TAGS_SLACK, PassageRows
from stream.operators.slices import PlaceSlice
from tests.stream.operators.analytic_door import NEXT_DOOR, OWN, T0_US, sightings


def piece(rows: list[tuple[int, str]], counter: int = 1) -> PlaceSlice:
    seen = sightings([(T0_US + at, epc, OWN[0], -50.0) for at, epc in rows])
    return PlaceSlice(BatchId("edge", "e1", counter), seen)


def test_rows_go_in_and_come_out_as_they_were() -> None:
    buffer = PassageRows(100)
    seen = sightings([(T0_US, "E1", OWN[0], -50.0), (T0_US + 5, "E2", NEXT_DOOR[0], -60.0)])
    buffer.append(PlaceSlice(BatchId("edge", "e1", 1), seen))
    out = buffer.sightings(buffer.rows)
    assert (out.tags, out.antennas) == (seen.tags, seen.antennas)
    for name in ("tag", "antenna", "first_us", "last_us", "reads", "power_mw", "peak_dbm", "channel"):
        assert np.array_equal(getattr(out, name), getattr(seen, name))


def test_the_oldest_rows_go_when_the_bound_is_reached() -> None:
    buffer = PassageRows(3)
    buffer.append(piece([(at, f"E{at}") for at in range(5)]))
    assert buffer.dropped_rows == 2
    assert (buffer.rows["first_us"] - T0_US).tolist() == [2, 3, 4]


def test_forgetting_lets_go_of_batches_too() -> None:
    buffer = PassageRows(100)
    buffer.append(piece([(0, "E1")], 1))
    buffer.append(piece([(10, "E1")], 2))
    buffer.forget_before(T0_US + 5)
    assert [origin.counter for origin in buffer.origins.values()] == [2]


def test_a_dictionary_mostly_dead_is_rebuilt() -> None:
    buffer = PassageRows(100_000)
    buffer.append(piece([(at, f"E{at:05d}") for at in range(TAGS_SLACK + 10)]))
    buffer.forget_before(T0_US + TAGS_SLACK)
    in_use = np.zeros(len(buffer.tags), np.bool_)
    in_use[7] = True
    kept = buffer.compact(in_use)
    assert kept is not None
    assert buffer.tags == ["E00007", *(f"E{at:05d}" for at in range(TAGS_SLACK, TAGS_SLACK + 10))]
    assert [buffer.tags[tag] for tag in buffer.rows["tag"]] == buffer.tags[1:]


def test_a_small_dictionary_is_left_alone() -> None:
    buffer = PassageRows(100)
    buffer.append(piece([(0, "E1")]))
    assert buffer.compact(np.zeros(1, np.bool_)) is None
    assert buffer.rows.dtype == ROW


TIMES = st.lists(st.lists(st.integers(0, 1000), min_size=1, max_size=8), min_size=1, max_size=6)


@given(TIMES, st.integers(0, 1000), st.integers(0, 400), st.integers(0, 500), st.booleans())
def test_a_stretch_of_time_is_found_however_late_rows_come(
    batches: list[list[int]], start: int, length: int, before: int, restored: bool
) -> None:
    buffer, times, bound = PassageRows(20), [], T0_US + before
    for number, each in enumerate(batches):
        given_rows = piece([(at, f"E{at}") for at in each], number)
        buffer.append(given_rows)
        times = [*times, *given_rows.sightings.first_us.tolist()][-20:]
        buffer.forget_before(bound)
        times = [at for at in times if at >= bound]
    if restored:
        buffer = PassageRows.restore(
            20, buffer.tags, buffer.antennas, buffer.origins, buffer.rows.tobytes(), buffer.next_origin
        )
    begin = T0_US + start
    found = buffer.between(begin, begin + length)["first_us"].tolist()
    assert buffer.rows["first_us"].tolist() == times
    assert found == [at for at in times if begin <= at < begin + length]
    assert buffer.first_from(begin) == min((at for at in times if at >= begin), default=None)
