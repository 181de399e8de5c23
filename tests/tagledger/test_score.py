"""`tagledger score` on a simulated recording written as CSV, as anyone would bring one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from simulators.physics.recording import Recording, Truth, write_csv, write_truth
from simulators.scenarios.run import simulate
from simulators.scenarios.spec import named
from stream.recorded import parse_csv, read_csv
from stream.recorded_truth import RecordedTruth, read_truth
from tagledger.decide import batches, decide, reduce_reads
from tagledger.recorded_site import site_of
from tagledger.score import run_score

SIDES = ("door-1:1=inside", "door-1:2=inside", "door-1:3=outside", "door-1:4=outside")


@pytest.fixture(scope="module")
def simulated() -> tuple[Recording, Truth]:
    scenario = named("conveyor")
    return simulate(replace(scenario, traffic=tuple(replace(item, count=3) for item in scenario.traffic)), 1)


@pytest.fixture(scope="module")
def files(simulated: tuple[Recording, Truth], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("score")
    write_csv(simulated[0], folder / "reads.csv")
    write_truth(simulated[1], folder / "truth.csv")
    return folder / "reads.csv", folder / "truth.csv"


def test_a_recording_is_scored_without_a_site_file(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run_score(*files, sides=SIDES, as_json=True)
    figures = json.loads(capsys.readouterr().out)
    assert len([load for load in figures["loads"] if load["load"]]) == 3
    assert figures["direction"]["value"] == 1.0
    assert figures["precision"]["value"] > 0.9
    assert figures["recall"]["low"] <= figures["recall"]["value"] <= figures["recall"]["high"]
    assert 0.0 < figures["stray_reads"] < 1.0


def test_the_summary_is_readable_and_plots_are_written(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_score(*files, sides=SIDES, plots=tmp_path / "plots")
    said = capsys.readouterr().out
    assert "precision" in said
    pictures = sorted((tmp_path / "plots").glob("*.png"))
    assert 1 <= len(pictures) <= 40
    assert pictures[0].read_bytes().startswith(b"\x89PNG")


def test_without_sides_there_is_no_direction_and_it_says_so(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run_score(*files, as_json=True)
    figures = json.loads(capsys.readouterr().out)
    assert figures["direction_unsure"]["value"] == 1.0
    assert figures["recall"]["value"] > 0.75  # which tags went through is told all the same


def test_wrong_options_and_files_exit_2_and_say_why(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for options, message in (
        ({"sides": ["door-1:1=up"]}, "neither inside nor outside"),
        ({"places": ["door-9:1=a"]}, "no reader door-9"),
        ({"columns": ["epc=nothing"]}, "epc=nothing"),
        ({"columns": ["epc"]}, "field=header"),
    ):
        with pytest.raises(typer.Exit) as left:
            run_score(*files, **options)  # type: ignore[arg-type]
        assert left.value.exit_code == 2
        assert message in " ".join(capsys.readouterr().err.split())
    with pytest.raises(typer.Exit):
        run_score(tmp_path / "none.csv", files[1])


def test_deciding_twice_says_the_same(files: tuple[Path, Path]) -> None:
    reads, truth = read_csv(files[0]), read_truth(files[1])
    site = site_of(reads, truth, sides=SIDES)
    first, second = (decide(site, reads) for _ in range(2))
    assert [(p.passage_id, p.revision, p.tags) for _, p in first.said] == [
        (p.passage_id, p.revision, p.tags) for _, p in second.said
    ]
    assert first.final


def test_final_comes_within_two_seconds_of_the_close(files: tuple[Path, Path]) -> None:
    reads, truth = read_csv(files[0]), read_truth(files[1])
    decided = decide(site_of(reads, truth, sides=SIDES), reads)
    finals = [(now_us, passage) for now_us, passage in decided.said if passage.final and not passage.is_amendment]
    assert max(now_us - passage.closed_us for now_us, passage in finals) <= 2_000_000


def test_batches_are_gapless_and_a_long_silence_is_not_played_out() -> None:
    reads = parse_csv("time_us,epc,antenna\n1000000000000000,E1,1\n1000009000000000,E1,1\n")
    made = list(batches(reduce_reads(reads), ()))
    assert [batch.id.counter for batch in made] == list(range(1, len(made) + 1))
    assert len(made) < 300
    marks = [batch.watermark_us for batch in made]
    assert marks == sorted(marks)
    assert sum(len(batch.sightings) for batch in made) == 2


def test_tag_names_need_not_be_hexadecimal() -> None:
    reads = parse_csv("time_us,epc,antenna\n1000000000000000,pallet-7/box-1,1\n")
    assert reduce_reads(reads).tags == ("PALLET-7/BOX-1",)


def test_zones_are_scored_from_named_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["time_us,epc,antenna,rssi_dbm,zone"]
    for tick in range(600):
        at_us = 1_000_000_000_000_000 + tick * 100_000
        rows.append(f"{at_us},E1,1,{-50 - tick % 5},a")
        if tick % 3 == 0:
            rows.append(f"{at_us + 7},E1,2,{-60 - tick % 7},b")
    (tmp_path / "reads.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "truth.csv").write_text("kind,epc,zone\nstay,E1,a\nstay,E9,b\n")
    run_score(tmp_path / "reads.csv", tmp_path / "truth.csv", as_json=True)
    figures = json.loads(capsys.readouterr().out)
    assert figures["zone_seconds"]["value"] > 0.95
    assert figures["false_moves_per_h"] == 0.0
    assert figures["tags_never_read"] == 1


def test_an_antenna_nobody_placed_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "reads.csv").write_text("time_us,epc,antenna\n1000000000000000,E1,left\n1000000000000001,E1,right\n")
    (tmp_path / "truth.csv").write_text("kind,epc,zone\nstay,E1,a\nstay,E2,b\n")
    with pytest.raises(typer.Exit):
        run_score(tmp_path / "reads.csv", tmp_path / "truth.csv")
    assert "--place" in capsys.readouterr().err


def test_a_site_from_nothing_but_reads_is_one_door() -> None:
    reads = parse_csv("time_us,epc,antenna\n1000000000000000,E1,1\n1000000000000001,E1,2\n")
    site = site_of(reads, RecordedTruth(), eyes=["1=outside"])
    assert [portal.name for portal in site.portals] == ["door"]
    assert len(site.antennas_of("door")) == 2
    assert [eye.gpi for eye in site.portals[0].photo_eyes] == [1]


def test_what_was_assumed_and_how_to_say_better_is_told(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_score(*files, write_site=tmp_path / "site.toml")
    said = " ".join(capsys.readouterr().out.split())
    assert "portal door-1: antennas door-1:1, door-1:2, door-1:3, door-1:4" in said
    assert "--side door-1:1=inside" in said
    assert "--write-site" in said
    run_score(*files, site_file=tmp_path / "site.toml", as_json=True)
    assert json.loads(capsys.readouterr().out)["loads"]


def test_reads_and_truth_that_do_not_fit_together_are_refused(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strangers = tmp_path / "strangers.csv"
    strangers.write_text("epc,load\nE999,L1\n")
    epc = files[1].read_text().splitlines()[1].rsplit(",", 1)[1]
    yesterday = tmp_path / "yesterday.csv"
    yesterday.write_text(f"epc,load,start,end\n{epc},L1,2020-01-01T08:00:00Z,2020-01-01T08:00:09Z\n")
    for truth, words in ((strangers, "tags was read"), (yesterday, "do not meet")):
        with pytest.raises(typer.Exit):
            run_score(files[0], truth)
        assert words in " ".join(capsys.readouterr().err.split())


def test_antennas_are_placed_by_what_the_truth_has_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["time_us,epc,reader,antenna,rssi_dbm"]
    for tick in range(300):
        at_us = 1_000_000_000_000_000 + tick * 100_000
        rows += [f"{at_us},E1,left,1,-50", f"{at_us + 5},E2,right,1,-50", f"{at_us + 9},E1,right,1,-70"]
    (tmp_path / "reads.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "truth.csv").write_text("tag,room\nE1,kitchen\nE2,hall\n")
    run_score(tmp_path / "reads.csv", tmp_path / "truth.csv", as_json=True)
    figures = json.loads(capsys.readouterr().out)
    assert "zone kitchen: antennas left:1" in figures["assumed"]
    assert "zone hall: antennas right:1" in figures["assumed"]
    assert figures["zone_seconds"]["value"] > 0.9
