"""What the light at a door says, in the words of the people at the door."""

from dataclasses import replace
from uuid import UUID

import pytest

from stream.model import BarredTag, Colour, Passage, PassageTag, Signal, TagVerdict
from stream.operators.signal import SignalOperator, SignalState
from stream.snapshots import decode_state, encode_state
from stream.topology import gtin_of
from warehouse.epc import encode_sgtin96
from warehouse.loads import Barred, Expectation, ExpectedDocument
from warehouse.site import Direction, Effect, Portal, SignalSettings

S = 1_000_000
OPENED = 100 * S
BOLT, NUT = "10614141000019", "10614141000026"
PALLET = "3114257BF7194E4000001A85"
PARAMS = SignalSettings(certain_score=0.9, decide_after_s=3.0, hold_s=4.0, valid_s=5.0)
POST, OBSERVE = Effect.POST, Effect.OBSERVE


def bolt(serial: int) -> str:
    return encode_sgtin96(BOLT, serial, 7)


def nut(serial: int) -> str:
    return encode_sgtin96(NUT, serial, 7)


def tag(epc: str, score: float = 0.99, verdict: TagVerdict = TagVerdict.BELONGS) -> PassageTag:
    return PassageTag(epc, verdict, score, OPENED, OPENED, 5)


def load(*tags: PassageTag | str, final: bool = False, number: int = 1) -> Passage:
    seen = tuple(tag(each) if isinstance(each, str) else each for each in tags)
    return Passage(UUID(int=number), "dock1", OPENED, OPENED + 2 * S, Direction.IN, 0.99, seen, final, 0)


def expecting(*epcs: str, bolts: int = 0, nuts: int = 0) -> Expectation:
    items = tuple((item, count) for item, count in ((BOLT, bolts), (NUT, nuts)) if count)
    return Expectation("dock1", OPENED, (ExpectedDocument("ASN-1", epcs, items),) if epcs or items else ())


def not_released(document: ExpectedDocument, *epcs: str, why: str = "lot_blocked") -> Expectation:
    return Expectation("dock1", OPENED, (replace(document, barred=(Barred(why, "L7", epcs),)),))


TWO_BOLTS = ExpectedDocument("DN-1", (), ((BOLT, 2),))
VENDOR = ExpectedDocument("VR-1", (), ((BOLT, 1),))


def light(effect: Effect = POST, state: SignalState | None = None) -> SignalOperator:
    return SignalOperator(Portal("dock1", "hall", "yard", effect), gtin_of, PARAMS, state)


@pytest.mark.parametrize(
    ("expected", "seen", "colour"),
    [
        pytest.param(expecting(bolts=2), load(bolt(1)), None, id="half the load: not decided yet"),
        pytest.param(expecting(bolts=2), load(bolt(1), bolt(2)), Colour.GREEN, id="all pieces of the item"),
        pytest.param(expecting(bolts=2), load(bolt(1), bolt(2), bolt(3)), Colour.RED, id="one piece too many"),
        pytest.param(expecting(bolts=2), load(bolt(1), nut(1)), Colour.RED, id="a wrong item, others missing"),
        pytest.param(expecting(bolts=1), load(tag(nut(1), 0.8)), None, id="a wrong tag that is not certain"),
        pytest.param(
            expecting(bolts=1),
            load(bolt(1), tag(nut(1), 0.99, TagVerdict.STRAY)),
            Colour.GREEN,
            id="a stray next door is nobody's mistake",
        ),
        pytest.param(expecting(PALLET), load(PALLET), Colour.GREEN, id="a pallet announced by its own EPC"),
        pytest.param(expecting(PALLET, bolts=1), load(PALLET), None, id="the pallet without its loose piece"),
        pytest.param(expecting(bolt(7)), load(bolt(8)), Colour.RED, id="the right item, another serial"),
        pytest.param(expecting(bolts=1), load("E280116060000209"), Colour.RED, id="a tag of no GS1 scheme"),
        pytest.param(expecting(), load(bolt(1)), Colour.RED, id="no document is open"),
        pytest.param(expecting(bolts=2), load(bolt(1), final=True), Colour.AMBER, id="gone through, incomplete"),
        pytest.param(expecting(), load(tag(bolt(1), 0.5), final=True), Colour.AMBER, id="gone, and nothing certain"),
        pytest.param(not_released(TWO_BOLTS, bolt(1)), load(bolt(1)), Colour.RED, id="the right item, not released"),
        pytest.param(
            not_released(TWO_BOLTS, bolt(9)), load(bolt(1), bolt(2)), Colour.GREEN, id="what is not released stays away"
        ),
        pytest.param(
            not_released(TWO_BOLTS, bolt(1)), load(tag(bolt(1), 0.8)), None, id="not released, and not certain"
        ),
        pytest.param(
            not_released(ExpectedDocument("DN-1", (PALLET,)), PALLET),
            load(PALLET),
            Colour.RED,
            id="an announced pallet with goods that are not released",
        ),
    ],
)
def test_the_light_for_a_load_in_the_door(expected: Expectation, seen: Passage, colour: Colour | None) -> None:
    operator = light()
    operator.on_batch(OPENED, [expected])
    shown = operator.on_batch(OPENED + S, [seen])
    assert [signal.colour for signal in shown if signal.colour is not Colour.OFF] == ([colour] if colour else [])


def test_what_is_not_released_is_said_with_its_reason_and_takes_no_place_of_what_is() -> None:
    operator = light()
    operator.on_batch(OPENED, [not_released(TWO_BOLTS, bolt(1), bolt(2))])
    (red,) = operator.on_batch(OPENED + S, [load(bolt(1), bolt(3))])
    assert (red.colour, red.barred, red.extra) == (Colour.RED, (BarredTag(bolt(1), "lot_blocked", "L7"),), ())
    assert (red.reason, red.missing) == ("1 not released: lot blocked (L7)", (f"{BOLT}×1",))
    (worse,) = operator.on_batch(OPENED + S, [load(bolt(1), bolt(2), nut(1))])
    assert worse.reason == "1 not expected, 2 not released: lot blocked (L7)"
    # Released while it stands in the door: the books say so, and the light follows.
    (green,) = operator.on_batch(OPENED + 2 * S, [expecting(bolts=2), load(bolt(1), bolt(2))])
    assert (green.colour, green.barred) == (Colour.GREEN, ())


def test_goods_that_one_document_may_not_take_go_to_another_that_may() -> None:
    operator = light()
    barred = not_released(TWO_BOLTS, bolt(1), bolt(2)).documents
    operator.on_batch(OPENED, [Expectation("dock1", OPENED, (*barred, VENDOR))])
    (green,) = operator.on_batch(OPENED + S, [load(bolt(1))])
    assert (green.colour, green.reason) == (Colour.GREEN, "complete: VR-1")
    (red,) = operator.on_batch(OPENED + S, [load(bolt(1), bolt(2))])
    assert [tag.epc for tag in red.barred] == [bolt(2)], "the vendor takes one back"


def test_a_door_that_only_observes_does_not_complain_without_documents() -> None:
    operator = light(OBSERVE)
    operator.on_batch(OPENED, [expecting()])
    shown = operator.on_batch(OPENED + S, [load(bolt(1))])
    assert all(signal.colour is Colour.OFF for signal in shown)
    assert operator.next_wakeup() is None, "a load that stays has no deadline here; one would be due for ever"
    assert operator.on_wakeup(OPENED + 10 * S) == ()
    # A document opened meanwhile brings the deadline back.
    (late,) = operator.on_batch(OPENED + 10 * S, [expecting(bolts=2)])
    assert late.colour is Colour.AMBER


def test_nothing_is_said_until_an_expectation_is_known() -> None:
    operator = light()
    assert operator.on_batch(OPENED + S, [load(bolt(1), final=True)]) == ()
    assert [signal.colour for signal in operator.on_batch(OPENED + S, [expecting(bolts=2)])] == [Colour.AMBER]


def test_the_life_of_a_good_load() -> None:
    operator = light()
    assert operator.on_batch(OPENED, [expecting(bolts=2)]) == ()
    (waiting,) = operator.on_batch(OPENED + S, [load(bolt(1))])
    assert (waiting.colour, waiting.missing) == (Colour.OFF, (f"{BOLT}×1",))
    (green,) = operator.on_batch(OPENED + 2 * S, [load(bolt(1), bolt(2))])
    assert (green.colour, green.expected, green.seen, green.reason) == (Colour.GREEN, 2, 2, "complete: ASN-1")
    assert green.valid_until_us == OPENED + 7 * S
    assert operator.on_batch(OPENED + 3 * S, [load(bolt(1), bolt(2), final=True)]) == ()
    assert operator.next_wakeup() == OPENED + 4_500_000
    (renewed,) = operator.on_wakeup(OPENED + 4_500_000)
    assert (renewed.colour, renewed.renewed) == (Colour.GREEN, True)
    assert operator.next_wakeup() == OPENED + 7 * S
    (off,) = operator.on_wakeup(OPENED + 7 * S)
    assert (off.colour, off.passage_id) == (Colour.OFF, None)
    assert operator.next_wakeup() is None


def test_an_undecided_load_turns_amber_at_the_deadline() -> None:
    operator = light()
    operator.on_batch(OPENED, [expecting(bolts=2)])
    operator.on_batch(OPENED + S, [load(bolt(1))])
    assert operator.next_wakeup() == OPENED + 3 * S
    assert [signal.colour for signal in operator.on_wakeup(OPENED + 3 * S)] == [Colour.AMBER]


def test_red_goes_when_the_verdict_is_taken_back() -> None:
    operator = light()
    operator.on_batch(OPENED, [expecting(bolts=1)])
    (red,) = operator.on_batch(OPENED + S, [load(bolt(1), nut(1))])
    assert (red.colour, red.extra) == (Colour.RED, (nut(1),))
    stray = tag(nut(1), 0.02, TagVerdict.STRAY)
    assert [s.colour for s in operator.on_batch(OPENED + 2 * S, [load(bolt(1), stray)])] == [Colour.GREEN]


def test_an_order_that_changes_while_the_load_is_in_the_door_changes_the_light() -> None:
    operator = light()
    operator.on_batch(OPENED, [expecting(bolts=1)])
    assert [s.colour for s in operator.on_batch(OPENED + S, [load(bolt(1), bolt(2))])] == [Colour.RED]
    assert [s.colour for s in operator.on_batch(OPENED + S, [expecting(bolts=2)])] == [Colour.GREEN]


def test_the_same_again_says_nothing() -> None:
    operator = light()
    operator.on_batch(OPENED, [expecting(bolts=1)])
    operator.on_batch(OPENED + S, [load(bolt(1))])
    assert operator.on_batch(OPENED + 2 * S, [load(bolt(1))]) == ()


def test_an_amended_passage_lights_no_empty_door() -> None:
    operator = light()
    operator.on_batch(OPENED, [expecting(bolts=1)])
    gone = load(bolt(1), final=True)
    operator.on_batch(OPENED + S, [gone])
    operator.on_wakeup(OPENED + 9 * S)
    assert operator.on_batch(OPENED + 20 * S, [replace(gone, revision=1, tags=(tag(nut(1)),))]) == ()


def test_what_is_said_anew_of_a_load_that_is_gone_does_not_turn_the_light_of_the_next() -> None:
    operator = light()
    operator.on_batch(OPENED, [expecting(bolts=1)])
    gone = load(nut(1), final=True)
    operator.on_batch(OPENED + S, [gone])
    (green,) = operator.on_batch(OPENED + 3 * S, [load(bolt(1), number=2)])
    assert (green.colour, green.passage_id) == (Colour.GREEN, UUID(int=2))
    assert operator.on_batch(OPENED + 4 * S, [replace(gone, revision=1, tags=())]) == ()
    operator.on_batch(OPENED + 4 * S, [load(bolt(1), number=2, final=True)])
    assert operator.on_batch(OPENED + 5 * S, [replace(gone, revision=2)]) == ()


def test_a_tag_once_certain_counts_while_it_belongs_so_the_light_does_not_flicker() -> None:
    operator = light()
    assert [s.colour for s in operator.on_batch(OPENED, [expecting(bolts=2), load(bolt(1), bolt(2))])] == [Colour.GREEN]
    assert operator.on_batch(OPENED + S // 4, [load(tag(bolt(1), 0.8), bolt(2))]) == ()
    operator = light(state=decode_state(encode_state(operator.snapshot()), SignalState))
    assert operator.on_batch(OPENED + S // 2, [load(tag(bolt(1), 0.7), tag(bolt(2), 0.7))]) == ()
    unsure = load(tag(bolt(1), 0.5, TagVerdict.UNSURE), bolt(2))
    (said,) = operator.on_batch(OPENED + S, [unsure])
    assert (said.colour, said.seen) == (Colour.OFF, 1)
    assert operator.on_batch(OPENED + S, [load(tag(bolt(1), 0.8), bolt(2))]) == ()
    (said,) = operator.on_batch(OPENED + 2 * S, [load(tag(bolt(1), 0.8), tag(bolt(2), 0.8), number=2)])
    assert said.seen == 0


def test_a_snapshot_goes_on_where_it_was_taken() -> None:
    def story(restart_before: int) -> list[Signal]:
        operator = light()
        said: list[Signal] = []
        steps = [expecting(bolts=2), load(bolt(1)), load(bolt(1), bolt(2)), load(bolt(1), bolt(2), final=True), None]
        for n, step in enumerate(steps):
            if n == restart_before:
                operator = light(state=decode_state(encode_state(operator.snapshot()), SignalState))
            now_us = OPENED + n * 2 * S
            said += operator.on_batch(now_us, [step]) if step is not None else operator.on_wakeup(now_us + 9 * S)
        return said

    stories = [story(restart_before) for restart_before in range(6)]
    assert [signal.colour for signal in stories[0]] == [Colour.OFF, Colour.GREEN, Colour.OFF]
    assert all(each == stories[0] for each in stories)


def two_documents() -> Expectation:
    first, second = ExpectedDocument("ASN-1", items=((BOLT, 2),)), ExpectedDocument("ASN-2", items=((NUT, 9),))
    return Expectation("dock1", OPENED, (first, second))


def test_a_load_is_for_the_documents_its_tags_answer_to() -> None:
    operator = light()
    operator.on_batch(OPENED, [two_documents()])
    (green,) = operator.on_batch(OPENED + S, [load(bolt(1), bolt(2))])
    assert (green.colour, green.reason, green.expected) == (Colour.GREEN, "complete: ASN-1", 2)


def test_an_unannounced_piece_counts_for_the_document_the_load_is_for() -> None:
    operator = light()
    announced = ExpectedDocument("ASN-2", (bolt(7),), ((BOLT, 1),))
    operator.on_batch(
        OPENED, [Expectation("dock1", OPENED, (ExpectedDocument("ASN-1", items=((BOLT, 5),)), announced))]
    )
    (green,) = operator.on_batch(OPENED + S, [load(bolt(7), bolt(1))])
    assert (green.colour, green.reason) == (Colour.GREEN, "complete: ASN-2")


def test_what_the_books_take_of_a_load_does_not_turn_its_light() -> None:
    operator = light()
    operator.on_batch(OPENED, [expecting(bolts=2)])
    operator.on_batch(OPENED + S, [load(bolt(1), bolt(2), final=True)])
    assert operator.on_batch(OPENED + 2 * S, [expecting()]) == ()
    (off,) = operator.on_wakeup(OPENED + 9 * S)
    assert off.colour is Colour.OFF
    (red,) = operator.on_batch(OPENED + 10 * S, [load(bolt(3), number=2)])
    assert (red.colour, red.reason) == (Colour.RED, "no document is open here")


def test_a_colour_that_stays_is_given_again_before_it_ends() -> None:
    operator = light()
    operator.on_batch(OPENED, [expecting(bolts=1)])
    (green,) = [one for one in operator.on_batch(OPENED + S, [load(bolt(1))]) if one.colour is Colour.GREEN]
    given = [green]
    while len(given) < 4:
        due = operator.next_wakeup()
        assert due is not None
        assert due < given[-1].valid_until_us
        given += operator.on_wakeup(due)
    assert [signal.renewed for signal in given] == [False, True, True, True]
    assert {(signal.colour, signal.reason) for signal in given} == {(Colour.GREEN, green.reason)}
    assert [signal.valid_until_us - signal.at_us for signal in given] == [5 * S] * 4
    operator.on_batch(given[-1].at_us + S, [load(bolt(1), final=True)])
    last = operator.next_wakeup()
    while last is not None:
        given += operator.on_wakeup(last)
        last = operator.next_wakeup()
    assert given[-1].colour is Colour.OFF
    assert not given[-1].renewed


def test_a_dark_door_is_not_told_again_and_again() -> None:
    operator = light()
    operator.on_batch(OPENED, [expecting(bolts=2)])
    operator.on_batch(OPENED + S, [load(bolt(1), final=True)])
    for _ in range(100):
        due = operator.next_wakeup()
        if due is None:
            break
        operator.on_wakeup(due)
    assert operator.next_wakeup() is None
