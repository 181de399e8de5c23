"""A batch over rows is a ReadBatch in every way that matters."""

import copy
import pickle
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.codec import encode
from readers.llrp.report import ReportDecoder
from readers.llrp.row_batch import RowBatch
from readers.model import ReadBatch


@pytest.fixture
def batch() -> ReadBatch:
    tag = p.TagReportData(p.EPC_96(bytes(range(12))), AntennaID=p.AntennaID(3))
    decoder = ReportDecoder("dock-1")
    (found,) = decoder.feed(encode(m.ROAccessReport((tag,)), message_id=1), 77)
    assert isinstance(found, RowBatch)
    return found


def same(one: ReadBatch, other: ReadBatch) -> bool:
    return all(
        np.array_equal(getattr(one, f.name), getattr(other, f.name), equal_nan=f.name != "reader")
        for f in fields(one)[1:]
    )


def test_it_is_a_read_batch(batch: ReadBatch) -> None:
    assert isinstance(batch, ReadBatch)
    assert is_dataclass(batch)
    assert len(batch) == 1
    assert batch.reader == "dock-1"
    assert batch.epc.tolist() == [list(range(12))]
    assert "antenna=array([3]" in repr(batch)


def test_its_columns_cannot_be_changed(batch: ReadBatch) -> None:
    with pytest.raises(ValueError, match="read-only"):
        batch.antenna[0] = 1
    with pytest.raises(AttributeError):
        batch.antenna = batch.channel  # type: ignore[misc]


def test_copies_are_plain_read_batches(batch: ReadBatch) -> None:
    for made in (copy.copy(batch), copy.deepcopy(batch), pickle.loads(pickle.dumps(batch))):
        assert type(made) is ReadBatch
        assert made.reader == batch.reader
        assert same(made, batch)


def test_replacing_a_column_gives_a_plain_read_batch(batch: ReadBatch) -> None:
    moved = replace(batch, reader="dock-2", first_us=batch.first_us + 5)
    assert type(moved) is ReadBatch
    assert (moved.reader, int(moved.first_us[0]), int(moved.last_us[0])) == ("dock-2", 82, 77)
    assert same(replace(moved, first_us=batch.first_us), batch)
