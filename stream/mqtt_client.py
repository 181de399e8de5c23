"""What the embedded host's source and the bridge have in common as clients of the broker: how they connect, and what
they tell edges.

Both keep their session over reconnects and acknowledge by hand. What edges are told is retained where it stands until
told otherwise (acknowledgements, expectations, overrides); a signal is forgotten by the broker when it is not valid any
more (MQTT 5.0, 3.3.2.3.3), and refused by the edge beside that.
"""

import math
import socket
import ssl
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from stream.model import Signal
from stream.mqtt_topics import (
    BatchAck,
    Resend,
    ack_topic,
    encode_ack,
    encode_expectation,
    encode_override,
    encode_resend,
    encode_signal,
    expected_topic,
    override_topic,
    resend_topic,
    signal_topic,
)
from warehouse.loads import Expectation, Override
from warehouse.site_settings import UplinkSettings

SESSION_EXPIRY_S = 7 * 24 * 3600
KEEPALIVE_S = 20
RECONNECT_S = (1, 30)
# A signal goes out at once, not when the broker has confirmed the message before (Nagle's algorithm).
AT_ONCE = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@dataclass(frozen=True, slots=True)
class ToEdge:
    """One message to an edge; the broker forgets it after `expires_s`, or keeps it for whoever comes (`retain`)."""

    topic: str
    payload: bytes
    retain: bool = False
    expires_s: float | None = None


def ack_to(site: str, agent: str, epoch: str, counter: int) -> ToEdge:
    """The database has this epoch up to there."""
    return ToEdge(ack_topic(site, agent), encode_ack(BatchAck(epoch, counter)), retain=True)


def resend_to(site: str, agent: str, epoch: str, counter: int) -> ToEdge:
    """Send again from there on."""
    return ToEdge(resend_topic(site, agent), encode_resend(Resend(epoch, counter)))


def signal_to(site: str, agent: str, signal: Signal, valid_s: float) -> ToEdge:
    """What a portal shows, for as long as it is valid."""
    return ToEdge(signal_topic(site, agent, signal.portal), encode_signal(signal), expires_s=valid_s)


def expectation_to(site: str, agent: str, expectation: Expectation) -> ToEdge:
    """What a portal expects."""
    return ToEdge(expected_topic(site, agent, expectation.portal), encode_expectation(expectation), retain=True)


def override_to(site: str, agent: str, override: Override) -> ToEdge:
    """What a person ordered a portal to show; the edge ends it at its time."""
    return ToEdge(override_topic(site, agent, override.portal), encode_override(override), retain=True)


def broker_client(
    settings: UplinkSettings, client_id: str, protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5
) -> mqtt.Client:
    """A client that acknowledges by hand and reconnects for ever; callbacks are the caller's to set."""
    is_v5 = protocol is MQTTProtocolVersion.MQTTv5
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=protocol,
        manual_ack=True,
        clean_session=None if is_v5 else False,
    )
    if settings.username:
        client.username_pw_set(settings.username, settings.password)
    if settings.tls:
        client.tls_set_context(ssl.create_default_context(cafile=settings.tls_ca or None))
    client.reconnect_delay_set(*RECONNECT_S)
    client.on_socket_open = _at_once
    return client


def _at_once(_client: mqtt.Client, _data: Any, opened: Any) -> None:
    if isinstance(opened, socket.socket):  # TLS sockets are; one through a proxy's library may not be
        opened.setsockopt(*AT_ONCE)


def begin(client: mqtt.Client, settings: UplinkSettings, receive_max: int) -> None:
    """Connect in the background, to the session kept from before; at most `receive_max` messages unacknowledged."""
    kept: dict[str, Any] = {}
    if client.protocol == MQTTProtocolVersion.MQTTv5:  # 3.1.1 says it in the client
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = receive_max
        kept = {"clean_start": False, "properties": properties}
    client.connect_async(settings.host, settings.port, KEEPALIVE_S, **kept)
    client.loop_start()


def tell(client: mqtt.Client, message: ToEdge) -> None:
    """Publish, at least once."""
    how: dict[str, Any] = {}
    if message.expires_s is not None and client.protocol == MQTTProtocolVersion.MQTTv5:
        how["properties"] = properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.MessageExpiryInterval = max(1, math.ceil(message.expires_s))
    client.publish(message.topic, message.payload, qos=1, retain=message.retain, **how)
