"""From a person's answer to `unsure`, through the database, to what the fit reads."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.types.json import Jsonb

from bench.fit_passages import read_labels
from stream.labels import labels
from stream.operators.passage_features import FEATURES
from tests.api.stream_rows import add_passage
from tests.warehouse.postgres.store import Store, open_store
from warehouse.commands import Resolution, ResolveDiscrepancy


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    made = open_store(database)
    yield made
    made.conn.close()


def answered(store: Store, resolution: Resolution, n: int) -> tuple[str, str]:
    """A load of one certain and one unsure tag, its features stored, and a person's answer."""
    certain, doubtful = store.tags(1, 1 + 2 * n, 2)
    passage = add_passage(store.conn, n, tags={certain: "belongs", doubtful: "unsure"})
    store.conn.execute("update passage_tag set features = %s", (Jsonb(dict.fromkeys(FEATURES, 0.5)),))
    store.post(store.load((certain,), unsure=(doubtful,), passage=passage, minute=n))
    open_one = store.one("select discrepancy_id from discrepancy where kind = 'unsure' and state = 'open'")
    store.do(ResolveDiscrepancy(open_one, resolution))
    return certain, doubtful


def test_answers_become_labels_that_the_fit_reads(store: Store, tmp_path: Path) -> None:
    store.items(1)
    store.document("purchase_receipt", "ASN-1", {"I1": 9})
    _, yes = answered(store, Resolution.POST, 0)
    _, no = answered(store, Resolution.DISMISS, 1)
    found = list(labels(store.conn))
    assert [(label.epc, label.belongs) for label in found] == [(yes, True), (no, False)]
    assert {label.portal for label in found} == {"door-1"}
    assert list(labels(store.conn, found[1].answered_at)) == found[1:]
    file = tmp_path / "labels.jsonl"
    file.write_text("".join(json.dumps(label.plain()) + "\n" for label in found))
    matrix, answers = read_labels(file)
    assert matrix.shape == (2, len(FEATURES))
    assert answers.tolist() == [True, False]
