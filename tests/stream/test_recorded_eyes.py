"""Windows of photo-eyes, widened as far as they stay apart."""

import pytest

from stream.model import DeviceEvent, DeviceEventKind
from stream.recorded_eyes import widened
from warehouse.site import PhotoEye, Side

EYES = (PhotoEye("r", 1, Side.OUTSIDE), PhotoEye("r", 2, Side.INSIDE, blocked_state=False))
CLEAR = {1: False, 2: True}


def event(at_s: float, port: int, blocked: bool, device: str = "r") -> DeviceEvent:
    state = blocked is not CLEAR.get(port, False)
    return DeviceEvent(device, DeviceEventKind.GPI, round(at_s * 1e6), port=port, state=state)


@pytest.mark.parametrize(
    ("given", "expected_s"),
    [
        ([(10.0, 1, True), (11.0, 1, False)], [9.5, 11.5]),
        ([(10.0, 1, True), (11.0, 2, True), (11.5, 1, False), (12.0, 2, False)], [9.5, 11.0, 11.5, 12.5]),
        ([(10.0, 1, True), (11.0, 1, False), (12.4, 1, True), (13.0, 1, False)], [9.5, 11.2, 12.2, 13.5]),
        ([(10.0, 1, True), (11.0, 1, False), (11.6, 1, True), (13.0, 1, False)], [9.5, 11.0, 11.6, 13.5]),
        ([(10.0, 1, False), (11.0, 1, True)], [10.0, 11.0]),
    ],
    ids=["one eye", "both eyes are one window", "halfway at most", "never together", "cut at both ends"],
)
def test_windows_grow_and_never_meet(given: list[tuple[float, int, bool]], expected_s: list[float]) -> None:
    out = widened([event(*each) for each in given], EYES, 500_000)
    assert [each.at_us / 1e6 for each in out] == expected_s
    assert [(each.port, each.state) for each in out] == [(each[1], event(*each).state) for each in given]


def test_other_inputs_are_left_alone() -> None:
    others = [event(10.0, 3, True), event(11.0, 1, True, "other")]
    assert widened(others, EYES, 500_000) == tuple(others)
