"""Shared fixtures, and the rule that in CI a skipped test is a failed run."""

import os

import pytest
from hypothesis import settings

pytest_plugins = ("tests.kafka", "tests.mosquitto", "tests.postgres", "tests.timescaledb")

# How long an example takes says more about the machine than about the code. The same examples in every run: whether a
# change is right must not hang on a draw. `make soak` draws new ones.
EXPLORE = os.environ.get("TAGLEDGER_EXPLORE") == "1"
settings.register_profile("tagledger", deadline=None, derandomize=not EXPLORE)
settings.load_profile("tagledger")

NO_SKIP = os.environ.get("TAGLEDGER_NO_SKIP") == "1"


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if NO_SKIP and reporter is not None and reporter.stats.get("skipped") and exitstatus == pytest.ExitCode.OK:
        reporter.write_line("TAGLEDGER_NO_SKIP=1: every test has to run here, see the skip reasons above", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
