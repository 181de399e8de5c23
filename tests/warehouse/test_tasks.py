"""Who may say what about a task: every state against every claim and report."""

import pytest

from warehouse.tasks import (
    FAILURES_MAX,
    Claimed,
    LoadWhere,
    Standing,
    TaskState,
    claim_standing,
    failure_standing,
    progress_standing,
    state_after_failure,
)

GOOD, REPEATED, OVERTAKEN, NOT_YOURS, WRONG = Standing


def task(state: str, claimed_by: str = "fleet", attempt: int = 2, failures: int = 0) -> Claimed:
    return Claimed(TaskState(state), attempt, claimed_by, "agv-1" if claimed_by else "", None, failures)


@pytest.mark.parametrize(
    ("state", "same", "other"),
    [
        ("open", GOOD, GOOD),
        ("assigned", REPEATED, OVERTAKEN),
        ("in_progress", REPEATED, OVERTAKEN),
        ("done", WRONG, WRONG),
        ("failed", WRONG, WRONG),
        ("cancelled", WRONG, WRONG),
    ],
)
def test_claims(state: str, same: Standing, other: Standing) -> None:
    assert claim_standing(task(state), "fleet", "agv-1") is same
    assert claim_standing(task(state), "fleet", "agv-2") is other
    assert claim_standing(task(state), "other", "agv-1") is other


@pytest.mark.parametrize(
    ("state", "failure", "progress"),
    [
        ("open", GOOD, GOOD),  # it lapsed, and nobody followed
        ("assigned", GOOD, GOOD),
        ("in_progress", GOOD, GOOD),
        ("done", REPEATED, REPEATED),
        ("failed", GOOD, GOOD),
        ("cancelled", WRONG, WRONG),
    ],
)
def test_reports_of_the_last_attempt(state: str, failure: Standing, progress: Standing) -> None:
    assert failure_standing(task(state), 2, "fleet") is failure
    assert progress_standing(task(state), 2, "fleet") is progress


@pytest.mark.parametrize("state", list(TaskState))
def test_reports_of_others_and_of_other_attempts(state: TaskState) -> None:
    for judge in (failure_standing, progress_standing):
        assert judge(task(state), 1, "fleet") is OVERTAKEN
        assert judge(task(state), 3, "fleet") is WRONG
        assert judge(task(state), 2, "other") is NOT_YOURS


def test_who_gave_a_task_up_may_say_so_again_but_not_go_on_with_it() -> None:
    given_up = task("open", claimed_by="")
    assert failure_standing(given_up, 2, "fleet") is REPEATED
    assert progress_standing(given_up, 2, "fleet") is WRONG


def test_what_fails_comes_back_while_its_load_is_where_it_was() -> None:
    assert state_after_failure(task("in_progress"), LoadWhere.SOURCE) is TaskState.OPEN
    assert state_after_failure(task("in_progress"), LoadWhere.VEHICLE) is TaskState.FAILED
    assert state_after_failure(task("in_progress"), LoadWhere.UNKNOWN) is TaskState.FAILED
    often = task("in_progress", failures=FAILURES_MAX - 1)
    assert state_after_failure(often, LoadWhere.SOURCE) is TaskState.FAILED
