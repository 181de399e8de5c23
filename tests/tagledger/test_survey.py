"""The walk test read back."""

import json
from pathlib import Path

import numpy as np
import pytest

from stream.recorded import RecordedReads, parse_csv
from tagledger.recorded_site import site_of
from tagledger.survey import run_survey, survey


def recording() -> str:
    rng = np.random.default_rng(2)
    rows = ["time_us,epc,reader,antenna,rssi_dbm"]
    for tick in range(1200):
        at_us = 1_000_000_000_000_000 + tick * 50_000
        rows.append(f"{at_us},PARKED,r1,1,{-55 + rng.normal(0, 1):.1f}")
        if 600 <= tick < 660:
            for tag in range(10):
                rows.append(f"{at_us + tag},LOAD{tag},r1,{1 + tag % 2},{-48 + rng.normal(0, 2):.1f}")
        if tick == 630:
            rows.append(f"{at_us + 99},LOAD0,r1,3,-70")
    return "\n".join(rows) + "\n"


@pytest.fixture
def reads() -> RecordedReads:
    return parse_csv(recording())


def test_the_standing_tag_is_the_background_and_its_antenna_too_loud(reads: RecordedReads) -> None:
    result = survey(site_of(reads, None), reads)
    (place,) = result.places
    assert place.background == ("PARKED",)
    first, second, third = result.antennas
    assert first.background_tags == 1
    assert "lower by 3 dB" in first.suggestion
    assert second.suggestion == ""
    assert "hears 1 of 11 tags" in third.suggestion


def test_the_threshold_parts_passing_from_standing(reads: RecordedReads) -> None:
    (place,) = survey(site_of(reads, None), reads).places
    assert -53.0 <= place.threshold_dbm <= -44.0
    assert place.mistakes == 0.0


def test_known_loads_replace_the_guess(reads: RecordedReads) -> None:
    (place,) = survey(site_of(reads, None), reads, frozenset({"PARKED"})).places
    assert place.mistakes > 0.0


def test_the_command_prints_a_table_or_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "walk.csv").write_text(recording())
    run_survey(tmp_path / "walk.csv", as_json=True)
    figures = json.loads(capsys.readouterr().out)
    assert figures["seconds"] == 60.0
    assert figures["places"][0]["tags"] == 11
    run_survey(tmp_path / "walk.csv")
    assert "best RSSI threshold" in capsys.readouterr().out
