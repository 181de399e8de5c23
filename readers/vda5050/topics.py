"""Topics: `interface/vN/manufacturer/serialNumber/topic` (VDA 5050 2.1.0, 6.3)."""

from dataclasses import dataclass

from readers.vda5050.errors import EncodeError, MessageError
from readers.vda5050.header import Topic, VehicleId, Version


@dataclass(frozen=True, slots=True)
class Address:
    """Where one kind of message of one vehicle goes. `interface` may have several levels."""

    interface: str
    version: Version
    vehicle: VehicleId
    topic: Topic

    def __str__(self) -> str:
        for part in (self.vehicle.manufacturer, self.vehicle.serial_number):
            if not part or any(c in "/+#$\0" for c in part):
                raise EncodeError(f"{part!r} cannot be a topic level")
        return f"{self.interface}/{self.version.topic_level}/{self.vehicle}/{self.topic}"


def parse_topic(text: str) -> Address:
    """The address in a topic. Raises `MessageError` for topics that are not of this interface."""
    parts = text.rsplit("/", 4)
    if len(parts) != 5 or not all(parts):
        raise MessageError(f"{text!r} is not interface/vN/manufacturer/serialNumber/topic")
    interface, level, manufacturer, serial_number, name = parts
    for version in Version:
        if version.topic_level == level and name in set(Topic):
            return Address(interface, version, VehicleId(manufacturer, serial_number), Topic(name))
    raise MessageError(f"{text!r} has no version or topic known here")


def subscription(interface: str, version: Version, topic: Topic) -> str:
    """One kind of message of every vehicle."""
    return f"{interface}/{version.topic_level}/+/+/{topic}"


def qos(topic: Topic) -> int:
    """At most once, but for the connection (2.1.0, 6.2)."""
    return 1 if topic is Topic.CONNECTION else 0


def is_retained(topic: Topic, version: Version) -> bool:
    """Connection always; the factsheet since 3.0."""
    return topic is Topic.CONNECTION or (topic is Topic.FACTSHEET and version is Version.V3_0)
