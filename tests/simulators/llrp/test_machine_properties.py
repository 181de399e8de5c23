"""Whatever a client sends, the reader answers every request once, never raises, and goes on working."""

from hypothesis import given, settings
from hypothesis import strategies as st

from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.codec import decode, encode
from readers.llrp.errors import EncodeError
from readers.llrp.framing import Framer
from readers.llrp.rospec import read_spec
from readers.llrp.wire import Message
from simulators.llrp.models import FX9600, LLRP_1_1, SPEEDWAY_R420
from simulators.llrp.outbox import UNSOLICITED_ID_MIN
from tests.readers.llrp.arbitrary import MESSAGES, elements
from tests.simulators.llrp.talk import ON_START_ROSPEC, Talk, aispec, for_ms, report_spec, rospec, until_tags
from warehouse.site import MemoryArea

SOUND = st.sampled_from(
    [
        m.AddROSpec(rospec()),
        m.AddROSpec(rospec(2, priority=1, start=ON_START_ROSPEC, aispecs=(aispec(stop=until_tags(0, 5)),))),
        m.AddROSpec(rospec(3, report=report_spec(0, 0), aispecs=(aispec(stop=for_ms(20)), aispec(antennas=(0,))))),
        m.EnableROSpec(0),
        m.StartROSpec(2),
        m.StopROSpec(1),
        m.DisableROSpec(0),
        m.AddAccessSpec(read_spec(1, (MemoryArea(3), MemoryArea(1)), rospec_id=0, operations=3)),
        m.EnableAccessSpec(0),
        m.DeleteAccessSpec(0),
        m.SetReaderConfig(True),
        m.SetReaderConfig(False, EventsAndReports=p.EventsAndReports(True)),
        m.GetReport(),
        m.EnableEventsAndReports(),
    ]
)
REQUESTS = st.sampled_from([cls for cls in MESSAGES if cls.RESPONSE]).flatmap(elements)
ANY_MESSAGE = SOUND | REQUESTS | st.sampled_from(MESSAGES).flatmap(elements)
MODELS = st.sampled_from([FX9600, LLRP_1_1, SPEEDWAY_R420])


def answers(talk: Talk) -> list[tuple[int, Message]]:
    frames = [decode(frame) for frame in Framer().feed(talk.machine.take_output())]
    return [(frame.message_id, frame.message) for frame in frames if frame.message_id < UNSOLICITED_ID_MIN]


def framed(message: Message, message_id: int, version: int) -> bytes:
    """In the version spoken, or in 1.1 when the message cannot be said in 1.0.1."""
    try:
        return encode(message, message_id=message_id, version=version)
    except EncodeError:
        return encode(message, message_id=message_id, version=2)


def expects_answer(message: Message) -> bool:
    return not isinstance(message, m.GetReport | m.EnableEventsAndReports | m.KeepAliveAck)


@settings(max_examples=300, deadline=None)
@given(MODELS, st.lists(ANY_MESSAGE, min_size=1, max_size=8), st.sampled_from([1, 2]))
def test_any_sequence_of_messages_is_answered_one_by_one(model: object, sent: list[Message], version: int) -> None:
    talk = Talk(model)  # type: ignore[arg-type]
    if version == 2 and model is LLRP_1_1:
        talk.send(m.SetProtocolVersion(2), 2)
        answers(talk)
        talk.version = 2
    for number, message in enumerate(sent):
        talk.machine.receive(framed(message, number, talk.machine.version), talk.now_us)
        talk.wait(0.05)
        got = answers(talk)
        assert [identifier for identifier, _ in got] == [number] * (1 if expects_answer(message) or got else 0)
        if talk.machine.closing:
            return
    talk.version = talk.machine.version
    talk.send(m.DeleteROSpec(0))
    talk.send(m.AddROSpec(rospec()))
    talk.send(m.EnableROSpec(1))
    kinds = [type(message) for _, message in answers(talk)]
    assert kinds == [m.DeleteROSpecResponse, m.AddROSpecResponse, m.EnableROSpecResponse]


@settings(max_examples=300, deadline=None)
@given(MODELS, st.integers(0, 1023), st.binary(max_size=80))
def test_any_body_of_any_type_is_survived(model: object, kind: int, body: bytes) -> None:
    talk = Talk(model)  # type: ignore[arg-type]
    frame = (1 << 10 | kind).to_bytes(2, "big") + (10 + len(body)).to_bytes(4, "big") + b"\0\0\0\x07" + body
    talk.machine.receive(frame, talk.now_us)
    talk.wait(0.05)
    got = answers(talk)
    assert len(got) <= 1
    assert all(identifier == 7 for identifier, _ in got)
