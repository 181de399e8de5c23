"""A handful of fault runs; `make soak` and `python -m tests.faults` run as many as there is time for."""

import os
from collections.abc import Iterator

import pytest

from tests.faults.ground import Ground, ground
from tests.faults.plan import ORDERS, Action, Kind, plan_of, upgrade_of
from tests.faults.run import run

pytestmark = [pytest.mark.mosquitto, pytest.mark.timeout(600)]
SOAK_RUNS = int(os.environ.get("TAGLEDGER_FAULT_RUNS", "20"))


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with ground(tmp_path_factory.mktemp("faults"), Kind.EMBEDDED) as base:
        yield base


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    pytest.importorskip("faust", reason="needs the kafka extra")
    with ground(tmp_path_factory.mktemp("faults"), Kind.CLUSTER) as base:
        yield base


def test_a_seed_is_a_plan_and_every_action_is_somewhere() -> None:
    assert plan_of(Kind.CLUSTER, 7) == plan_of(Kind.CLUSTER, 7)
    assert plan_of(Kind.CLUSTER, 7) != plan_of(Kind.CLUSTER, 8)
    for kind in Kind:
        done = {fault.action for seed in range(200) for fault in plan_of(kind, seed).faults}
        assert done == set(Action) - {Action.UPGRADE}
    for order, parts in ORDERS.items():
        assert [fault.part for fault in upgrade_of(order, 1).faults] == list(parts)


@pytest.mark.parametrize("seed", [2, 6])
def test_nothing_is_lost_doubled_or_stuck_in_one_process(seed: int, embedded: Ground) -> None:
    verdict = run(plan_of(Kind.EMBEDDED, seed), embedded)
    assert not verdict.problems, str(verdict)


@pytest.mark.kafka
@pytest.mark.parametrize("seed", [187])  # a worker, the brokers and the bridge are killed, the other worker restarted
def test_nothing_is_lost_doubled_or_stuck_in_a_cluster(seed: int, cluster: Ground) -> None:
    verdict = run(plan_of(Kind.CLUSTER, seed), cluster)
    assert not verdict.problems, str(verdict)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1000, 1000 + SOAK_RUNS))
def test_soak_in_one_process(seed: int, embedded: Ground) -> None:
    verdict = run(plan_of(Kind.EMBEDDED, seed), embedded)
    assert not verdict.problems, str(verdict)


@pytest.mark.soak
@pytest.mark.kafka
@pytest.mark.parametrize("seed", range(1000, 1000 + SOAK_RUNS // 4))
def test_soak_in_a_cluster(seed: int, cluster: Ground) -> None:
    verdict = run(plan_of(Kind.CLUSTER, seed), cluster)
    assert not verdict.problems, str(verdict)
