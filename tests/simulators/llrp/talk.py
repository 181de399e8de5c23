"""A client for tests that speaks to a `ReaderMachine` directly: messages in, messages out, plant time by hand."""

from typing import Any, TypeVar

from readers.llrp import enums as e
from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.codec import Frame, decode, encode
from readers.llrp.framing import Framer
from readers.llrp.wire import Message
from simulators.llrp.machine import ReaderMachine
from simulators.llrp.models import LLRP_1_1, ReaderModel
from simulators.llrp.plant_clock import ReaderClock
from simulators.llrp.radio import TagMemory
from simulators.llrp.steady_radio import SteadyRadio

START_US = 1_700_000_000_000_000
EPCS = [bytes.fromhex("3074257bf7194e40") + number.to_bytes(4, "big") for number in range(10)]

M = TypeVar("M", bound=Message)


class Talk:
    """One simulated reader and the client in front of it. Ten tags, 100 reads a second unless told otherwise."""

    def __init__(
        self,
        model: ReaderModel = LLRP_1_1,
        *,
        epcs: list[bytes] | None = None,
        reads_per_s: float = 100,
        memories: dict[bytes, TagMemory] | None = None,
        clock: ReaderClock | None = None,
        opened: bool = True,
        **options: Any,
    ) -> None:
        self.now_us = START_US
        self.radio = SteadyRadio(EPCS if epcs is None else epcs, reads_per_s=reads_per_s, memories=memories)
        self.machine = ReaderMachine(model, self.radio, clock or ReaderClock(START_US), now_us=START_US, **options)
        self.version = 1
        self._next_id = 0
        self._framer = Framer()
        self.unread: list[Frame] = []
        if opened:
            self.open()

    def open(self) -> m.ReaderEventNotification:
        """Connect; the reader's first word."""
        self.machine.opened(self.now_us)
        self.version = 1
        return self.next(m.ReaderEventNotification)

    def close(self) -> None:
        self.machine.closed()
        self.unread.clear()

    def send(self, message: Message | bytes, version: int | None = None) -> int:
        """Send without waiting for anything; the message's identifier."""
        message_id = self._next_id
        if isinstance(message, bytes):
            frame = message
        else:
            frame = encode(message, message_id=message_id, version=version or self.version)
            self._next_id += 1
        self.machine.receive(frame, self.now_us)
        return message_id

    def ask(self, message: Message, version: int | None = None) -> Any:
        """Send a request; its answer, which must carry its identifier."""
        message_id = self.send(message, version)
        self.collect()
        for place, frame in enumerate(self.unread):
            if frame.message_id == message_id:
                return self.unread.pop(place).message
        raise AssertionError(f"no answer to {type(message).__name__}, only {self.unread}")

    def code(self, message: Message) -> e.StatusCode:
        """The status code of the answer to a request."""
        return self.ask(message).LLRPStatus.StatusCode

    def ok(self, *messages: Message) -> None:
        """All of these succeed."""
        for message in messages:
            assert self.code(message) == e.StatusCode.M_Success, message

    def wait(self, seconds: float) -> None:
        """Let plant time pass, waking the reader whenever it asks to be woken."""
        end_us = self.now_us + round(seconds * 1e6)
        while self.now_us < end_us:
            self.now_us = min(end_us, self.machine.next_wakeup_us())
            self.machine.advance(self.now_us)

    def collect(self) -> list[Frame]:
        """Everything the reader has sent and nobody has read."""
        self.unread += [decode(frame) for frame in self._framer.feed(self.machine.take_output())]
        return self.unread

    def all(self, kind: type[M]) -> list[M]:
        """Take all messages of one type."""
        self.collect()
        taken = [frame.message for frame in self.unread if isinstance(frame.message, kind)]
        self.unread = [frame for frame in self.unread if not isinstance(frame.message, kind)]
        return taken

    def next(self, kind: type[M]) -> M:
        """Take the first message of one type."""
        self.collect()
        for place, frame in enumerate(self.unread):
            if isinstance(frame.message, kind):
                self.unread.pop(place)
                return frame.message
        raise AssertionError(f"no {kind.__name__}, only {self.unread}")

    def reports(self) -> list[tuple[p.TagReportData, ...]]:
        """Take all reports, each as its tags."""
        return [report.TagReportData for report in self.all(m.ROAccessReport)]

    def events(self) -> list[p.ReaderEventNotificationData]:
        """Take all events."""
        return [note.ReaderEventNotificationData for note in self.all(m.ReaderEventNotification)]


def rospec(
    identifier: int = 1,
    *,
    priority: int = 0,
    state: e.ROSpecState = e.ROSpecState.Disabled,
    start: p.ROSpecStartTrigger | None = None,
    stop: p.ROSpecStopTrigger | None = None,
    aispecs: tuple[p.AISpec | p.LoopSpec, ...] | None = None,
    report: p.ROReportSpec | None = None,
) -> p.ROSpec:
    """An ROSpec that starts when enabled, runs for ever and reports every tag, but for what is given."""
    return p.ROSpec(
        identifier,
        priority,
        state,
        p.ROBoundarySpec(
            start or p.ROSpecStartTrigger(e.ROSpecStartTriggerType.Immediate),
            stop or p.ROSpecStopTrigger(e.ROSpecStopTriggerType.Null, 0),
        ),
        aispecs or (aispec(),),
        report or report_spec(1, 1),
    )


ON_START_ROSPEC = p.ROSpecStartTrigger(e.ROSpecStartTriggerType.Null)


def aispec(
    *,
    antennas: tuple[int, ...] = (1,),
    stop: p.AISpecStopTrigger | None = None,
    configuration: tuple[p.AntennaConfiguration, ...] = (),
) -> p.AISpec:
    return p.AISpec(
        antennas,
        stop or p.AISpecStopTrigger(e.AISpecStopTriggerType.Null, 0),
        (p.InventoryParameterSpec(1, e.AirProtocols.EPCGlobalClass1Gen2, configuration),),
    )


def for_ms(duration_ms: int) -> p.AISpecStopTrigger:
    return p.AISpecStopTrigger(e.AISpecStopTriggerType.Duration, duration_ms)


def until_tags(kind: int, tags: int = 0, *, t_ms: int = 0, timeout_ms: int = 0) -> p.AISpecStopTrigger:
    trigger = p.TagObservationTrigger(e.TagObservationTriggerType(kind), tags, 1, t_ms, timeout_ms)
    return p.AISpecStopTrigger(e.AISpecStopTriggerType.Tag_Observation, 0, TagObservationTrigger=trigger)


def report_spec(trigger: int, n: int, *, custom: tuple[p.CustomParameter, ...] = (), **enable: bool) -> p.ROReportSpec:
    """An ROReportSpec with antenna, RSSI, both times and the count, but for what is given."""
    fields = {
        "EnableROSpecID": False,
        "EnableSpecIndex": False,
        "EnableInventoryParameterSpecID": False,
        "EnableAntennaID": True,
        "EnableChannelIndex": False,
        "EnablePeakRSSI": True,
        "EnableFirstSeenTimestamp": True,
        "EnableLastSeenTimestamp": True,
        "EnableTagSeenCount": True,
        "EnableAccessSpecID": False,
        **enable,
    }
    return p.ROReportSpec(e.ROReportTriggerType(trigger), n, p.TagReportContentSelector(**fields), Custom=custom)


def epc_of(tag: p.TagReportData) -> bytes:
    return tag.EPCParameter.EPC if isinstance(tag.EPCParameter, p.EPC_96) else tag.EPCParameter.EPC.data


def notify(*kinds: e.NotificationEventType) -> m.SetReaderConfig:
    """Turn these events on."""
    states = tuple(p.EventNotificationState(kind, True) for kind in kinds)
    return m.SetReaderConfig(False, ReaderEventNotificationSpec=p.ReaderEventNotificationSpec(states))


def use_1_1(talk: Talk) -> Talk:
    """Settle on LLRP 1.1."""
    answer = talk.ask(m.SetProtocolVersion(2), version=2)
    assert answer.LLRPStatus.StatusCode == e.StatusCode.M_Success
    talk.version = 2
    return talk
