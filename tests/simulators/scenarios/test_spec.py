"""Scenario files: all that ship parse; a typo is refused by name."""

import pytest

from simulators.scenarios.spec import ScenarioError, Split, library, named, parse

GOOD = 'name = "x"\nabout = "y"\nsplit = "fit"\n'


def test_the_library_parses_and_files_are_named_as_their_scenarios() -> None:
    names = [scenario.name for scenario in library()]
    assert len(set(names)) == len(names) >= 20
    for name in names:
        assert named(name).name == name


def test_both_splits_are_well_filled() -> None:
    for split in Split:
        assert sum(scenario.split is split for scenario in library()) >= 8


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "'name'"),
        (GOOD + "colour = 3\n", "colour"),
        (GOOD + "[layout]\ndors = 2\n", "dors"),
        (GOOD + '[layout]\ndoors = "two"\n', "doors"),
        (GOOD + "[layout]\nphoto_eyes = 1\n", "photo_eyes"),
        (GOOD + '[[traffic]]\npattern = "through"\ntags = [9, 3]\n', "tags"),
        (GOOD.replace('"fit"', '"train"'), "train"),
        ("name = ", "x.toml"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name_and_the_key(text: str, word: str) -> None:
    with pytest.raises(ScenarioError, match=word) as refused:
        parse(text, "x.toml")
    assert "x.toml" in str(refused.value)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ScenarioError, match="parked-beside"):
        named("nothing")
