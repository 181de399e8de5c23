"""A simulated vehicle on MQTT (aiomqtt): connection with a last will, states on events and every 30 s, faults in time.

The vehicle lives on while its connection is gone; it comes back by itself. Times are plant time, given by the clock.
"""

import asyncio
import socket
from collections.abc import Sequence
from typing import Protocol

import aiomqtt

from readers.vda5050.codec import Message, decode, encode, topic_of
from readers.vda5050.connection import Connection, ConnectionState
from readers.vda5050.errors import MessageError
from readers.vda5050.factsheet import (
    Factsheet,
    PhysicalParameters,
    ProtocolFeatures,
    ProtocolLimits,
    SupportedAction,
    Timing,
    TypeSpecification,
)
from readers.vda5050.header import Header, HeaderCounter, Topic, VehicleId
from readers.vda5050.order import InstantActions, Order
from readers.vda5050.topics import Address, is_retained, qos
from simulators.vda5050.faults import Fault, FaultKind
from simulators.vda5050.vehicle import ACTIONS, INSTANT, SimulatedVehicle

STATE_EVERY_US = 30_000_000
_TICK_S = 0.1
_RETRY_S = 0.5
# A publish on a socket that just died is never confirmed; the vehicle must not stand still for it.
_PUBLISH_S = 1.0


class Clock(Protocol):
    """Plant time."""

    def now_us(self) -> int:
        """Now."""

    async def sleep(self, seconds: float) -> None:
        """Sleep in plant time."""


class VehicleService:
    """One vehicle and its connection; `run` until cancelled, which says OFFLINE."""

    def __init__(
        self,
        vehicle: SimulatedVehicle,
        identity: VehicleId,
        clock: Clock,
        host: str,
        port: int,
        *,
        interface: str = "uagv",
        faults: Sequence[Fault] = (),
        keepalive_s: int = 15,
    ) -> None:
        self.vehicle = vehicle
        self._identity = identity
        self._clock = clock
        self._host = host
        self._port = port
        self._interface = interface
        self._faults = sorted(faults, key=lambda fault: fault.at_us)
        self._keepalive_s = keepalive_s
        self._counter = HeaderCounter()
        self._client: aiomqtt.Client | None = None
        self._offline_until_us = 0
        self._sent_us = 0
        self._sheet_wanted = False
        vehicle.on_factsheet_request = self._want_sheet

    async def run(self) -> None:
        """Live."""
        self.vehicle.start(self._clock.now_us())
        async with asyncio.TaskGroup() as group:
            group.create_task(self._live())
            group.create_task(self._sessions())

    def lose_connection(self, for_s: float) -> None:
        """Be gone without a word: the broker will tell."""
        self._offline_until_us = self._clock.now_us() + int(for_s * 1e6)
        client = self._client
        found = client._client.socket() if client is not None else None
        if isinstance(found, socket.socket):
            found.shutdown(socket.SHUT_RDWR)

    async def _live(self) -> None:
        vehicle = self.vehicle
        while True:
            await self._clock.sleep(_TICK_S)
            now_us = self._clock.now_us()
            while self._faults and self._faults[0].at_us <= now_us:
                self._suffer(self._faults.pop(0), now_us)
            vehicle.advance(now_us)
            if vehicle.changed or now_us - self._sent_us >= STATE_EVERY_US:
                await self._publish_state(now_us)
            if self._sheet_wanted:
                self._sheet_wanted = False
                await self._publish(factsheet())

    def _suffer(self, fault: Fault, now_us: int) -> None:
        if fault.kind is FaultKind.ACTION_FAILS:
            self.vehicle.fails_next = True
        elif fault.kind is FaultKind.STOPPED:
            self.vehicle.stop_for(now_us + int(fault.for_s * 1e6), "drive does not turn")
        elif fault.kind is FaultKind.OFFLINE:
            self.lose_connection(fault.for_s)
        elif fault.kind is FaultKind.LOW_BATTERY:
            self.vehicle.battery = min(self.vehicle.battery, 10.0)
        else:
            self.vehicle.forget()

    async def _sessions(self) -> None:
        while True:
            while self._clock.now_us() < self._offline_until_us:
                await self._clock.sleep(_TICK_S)
            try:
                async with self._connection() as client:
                    await self._session(client)
            except (aiomqtt.MqttError, OSError):
                pass  # lost, or the farewell failed; it comes back unless it is being stopped
            finally:
                self._client = None
            _heed_cancellation()
            await self._clock.sleep(_RETRY_S)

    def _connection(self) -> aiomqtt.Client:
        will = Connection(connection_state=ConnectionState.CONNECTION_BROKEN)
        topic = self._address(Topic.CONNECTION)
        return aiomqtt.Client(
            self._host,
            self._port,
            will=aiomqtt.Will(topic, self._encoded(will), qos=1, retain=True),
            clean_session=True,
            keepalive=self._keepalive_s,
            timeout=_PUBLISH_S,
        )

    async def _session(self, client: aiomqtt.Client) -> None:
        for topic in (Topic.ORDER, Topic.INSTANT_ACTIONS):
            await client.subscribe(self._address(topic))
        self._client = client
        await self._publish(Connection(connection_state=ConnectionState.ONLINE))
        if is_retained(Topic.FACTSHEET, self.vehicle.version):
            await self._publish(factsheet())
        self.vehicle.changed = True
        try:
            async for message in client.messages:
                if isinstance(message.payload, bytes):
                    self._take(message.topic.value.rsplit("/", 1)[1], message.payload)
        except asyncio.CancelledError:
            await asyncio.shield(self._publish(Connection(connection_state=ConnectionState.OFFLINE)))
            raise

    def _take(self, topic: str, payload: bytes) -> None:
        self.vehicle.advance(self._clock.now_us())
        try:
            _, message = decode(Topic(topic), payload)
        except MessageError as error:
            self.vehicle.refuse(str(error))
            return
        if isinstance(message, Order):
            self.vehicle.on_order(message)
        elif isinstance(message, InstantActions):
            self.vehicle.on_instant(message)

    async def _publish_state(self, now_us: int) -> None:
        if self._client is not None:
            self._sent_us = now_us
            await self._publish(self.vehicle.state())

    async def _publish(self, message: Message) -> None:
        client, topic = self._client, topic_of(message)
        if client is None:
            return
        try:
            retain = is_retained(topic, self.vehicle.version)
            await client.publish(self._address(topic), self._encoded(message), qos=qos(topic), retain=retain)
        except aiomqtt.MqttError:
            self.vehicle.changed = True
        _heed_cancellation()

    def _encoded(self, message: Message) -> bytes:
        topic = topic_of(message)
        header = Header(self._counter.next(topic), self._clock.now_us(), self.vehicle.version, self._identity)
        return encode(header, message)

    def _address(self, topic: Topic) -> str:
        return str(Address(self._interface, self.vehicle.version, self._identity, topic))

    def _want_sheet(self) -> None:
        self._sheet_wanted = True


def _heed_cancellation() -> None:
    """End here if asked to: leaving a client may raise over the cancellation, wait_for of Python 3.11 may eat it."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def factsheet() -> Factsheet:
    """What every simulated vehicle is: a small forklift that picks and drops on nodes."""
    return Factsheet(
        type_specification=TypeSpecification(
            series_name="simulated",
            mobile_robot_kinematics="THREEWHEEL",
            mobile_robot_class="FORKLIFT",
            maximum_load_mass=1200.0,
            localization_types=("NATURAL",),
            navigation_types=("VIRTUAL_LINE_GUIDED",),
        ),
        physical_parameters=PhysicalParameters(
            minimum_speed=0.1,
            maximum_speed=1.5,
            maximum_acceleration=0.5,
            maximum_deceleration=0.7,
            minimum_height=2.0,
            maximum_height=2.0,
            width=0.9,
            length=2.2,
        ),
        protocol_limits=ProtocolLimits(
            maximum_string_lengths={},
            maximum_array_lengths={},
            timing=Timing(minimum_order_interval=0.1, minimum_state_interval=0.1, default_state_interval=30.0),
        ),
        protocol_features=ProtocolFeatures(
            optional_parameters=(),
            mobile_robot_actions=tuple(
                SupportedAction(
                    action_type=name,
                    action_scopes=("NODE",) if name in ACTIONS else ("INSTANT",),
                    pause_allowed=False,
                    cancel_allowed=False,
                )
                for name in sorted(ACTIONS | INSTANT)
            ),
        ),
        mobile_robot_geometry={},
        load_specification={},
    )
