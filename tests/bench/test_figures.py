"""The README's table comes from the kept figures, and what was not measured anew stays."""

from pathlib import Path

from bench.__main__ import LONG, STANDARD
from bench.figures import HEAD, KEY_FIGURES, README, renewed


def test_a_line_measured_anew_replaces_its_own_and_the_others_stay() -> None:
    first, second, third = (what for _, what, *_ in KEY_FIGURES[:3])
    text = f"before\n\n{HEAD}| {first} | 1 |  | a |\n| {third} | 3 |  | a |\n\nafter | 9 |\n"
    fresh = f"{HEAD}| {third} | 30 |  | b |\n| {second} | 20 |  | b |\n"
    assert renewed(text, fresh) == (
        f"before\n\n{HEAD}| {first} | 1 |  | a |\n| {second} | 20 |  | b |\n| {third} | 30 |  | b |\n\nafter | 9 |\n"
    )


def test_every_benchmark_of_the_table_is_there_and_every_figure_has_a_peer_or_belongs_to_one_that_has() -> None:
    assert {name for name, *_ in KEY_FIGURES} == {*STANDARD, *LONG}
    assert all((Path(__file__).parents[2] / "bench" / f"{name}.py").exists() for name, *_ in KEY_FIGURES)
    assert all(any(peers for other, *_, peers in KEY_FIGURES if other == name) for name, *_ in KEY_FIGURES)


def test_every_line_of_the_readme_is_a_key_figure() -> None:
    text = README.read_text()
    shown = text[text.index(HEAD) + len(HEAD) :].split("\n\n")[0].splitlines()
    assert {line.split(" | ")[0].removeprefix("| ") for line in shown} <= {what for _, what, *_ in KEY_FIGURES}
    assert renewed(text, HEAD) == text
