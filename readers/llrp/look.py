"""A polite look at a reader: who it is, which antennas it has, then goodbye. Changes nothing on it.

A reader takes one client. When another is there it says so in its first word and hangs up (LLRP 1.0.1, 13.2.6.11); its
client is told that somebody tried, and goes on. Then this is all we learn.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TypeVar

from readers.llrp import messages as m
from readers.llrp.codec import decode, encode
from readers.llrp.enums import (
    ConnectionAttemptStatusType,
    GetReaderCapabilitiesRequestedData,
    GetReaderConfigRequestedData,
)
from readers.llrp.errors import LlrpError
from readers.llrp.facts import ReaderFacts, facts_of
from readers.llrp.framing import Framer
from readers.llrp.wire import VERSION_1_0_1, Message

_READ_BYTES = 1 << 16
_MESSAGES_MAX = 1000
_BUSY = (
    ConnectionAttemptStatusType.Failed_A_Reader_Initiated_Connection_Already_Exists,
    ConnectionAttemptStatusType.Failed_A_Client_Initiated_Connection_Already_Exists,
)
MessageT = TypeVar("MessageT", bound=Message)


class NotAReader(ConnectionError):
    """Nothing answers there, or what answers does not speak LLRP; the text says which."""


@dataclass(frozen=True, slots=True)
class ReaderLook:
    """What a reader said. `facts` is None while another client uses it; `identifier` is its MAC or EUI-64, in hex;
    `antennas` are the connected ports.
    """

    facts: ReaderFacts | None
    identifier: str = ""
    antennas: tuple[int, ...] = ()

    @property
    def in_use(self) -> bool:
        return self.facts is None


async def look_at(host: str, port: int, connect_timeout_s: float, talk_timeout_s: float = 10.0) -> ReaderLook:
    """Connect once, and look. Raises `NotAReader`."""
    try:
        async with asyncio.timeout(connect_timeout_s):
            stream, writer = await asyncio.open_connection(host, port)
        try:
            async with asyncio.timeout(talk_timeout_s):
                return await _ask(_Talk(stream, writer))
        finally:
            writer.close()
    except TimeoutError:
        raise NotAReader("no answer in time") from None
    except NotAReader:
        raise
    except (LlrpError, OSError) as error:
        raise NotAReader(str(error) or type(error).__name__) from error


class _Talk:
    """Requests and answers over one connection."""

    def __init__(self, stream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._stream = stream
        self._writer = writer
        self._framer = Framer()
        self._waiting: list[bytes] = []
        self._next_id = 1

    def say(self, message: Message) -> None:
        self._writer.write(encode(message, message_id=self._next_id))
        self._next_id += 1

    async def hear(self, kind: type[MessageT]) -> MessageT:
        """The next message of a kind; keepalives are answered, reports of a holding reader passed over."""
        for _ in range(_MESSAGES_MAX):
            while not self._waiting:
                data = await self._stream.read(_READ_BYTES)
                if not data:
                    raise NotAReader("it hung up")
                self._waiting += self._framer.feed(data)
            _, message_id, message = decode(self._waiting.pop(0))
            if isinstance(message, kind):
                return message
            if isinstance(message, m.KeepAlive):
                self._writer.write(encode(m.KeepAliveAck(), message_id=message_id))
        raise NotAReader(f"{_MESSAGES_MAX} messages and no {kind.__name__}")


async def _ask(talk: _Talk) -> ReaderLook:
    attempt = (await talk.hear(m.ReaderEventNotification)).ReaderEventNotificationData.ConnectionAttemptEvent
    if attempt is None or attempt.Status in _BUSY:
        return ReaderLook(None)
    if attempt.Status != ConnectionAttemptStatusType.Success:
        raise NotAReader(f"it refuses us: {attempt.Status.name}")
    talk.say(m.GetReaderCapabilities(GetReaderCapabilitiesRequestedData.All))
    capabilities = await talk.hear(m.GetReaderCapabilitiesResponse)
    talk.say(m.GetReaderConfig(0, GetReaderConfigRequestedData.All, 0, 0))
    configuration = await talk.hear(m.GetReaderConfigResponse)
    talk.say(m.CloseConnection())
    with contextlib.suppress(NotAReader, OSError):
        await talk.hear(m.CloseConnectionResponse)
    identity = configuration.Identification
    return ReaderLook(
        facts_of(capabilities, configuration, VERSION_1_0_1, extensions=False),
        bytes(identity.ReaderID).hex() if identity is not None else "",
        tuple(each.AntennaID for each in configuration.AntennaProperties if each.AntennaConnected),
    )
