"""Factsheet: what a vehicle is and what it understands (VDA 5050 2.1.0, 6.15 and 7). Lengths in m, masses in kg.

What a master plans with is typed; geometry, load sets and configuration stay plain JSON, spelled as in 3.0.
"""

from readers.vda5050.order import Wire


class TypeSpecification(Wire, frozen=True):
    """The kind of vehicle."""

    series_name: str
    mobile_robot_kinematics: str
    mobile_robot_class: str
    maximum_load_mass: float
    localization_types: tuple[str, ...]
    navigation_types: tuple[str, ...]
    series_description: str | None = None


class PhysicalParameters(Wire, frozen=True):
    """Speeds in m/s, accelerations in m/s². 2.1 does not require the least height; it is 0 there."""

    minimum_speed: float
    maximum_speed: float
    maximum_acceleration: float
    maximum_deceleration: float
    minimum_height: float
    maximum_height: float
    width: float
    length: float


class Timing(Wire, frozen=True):
    """Seconds between messages."""

    minimum_order_interval: float
    minimum_state_interval: float
    default_state_interval: float | None = None
    visualization_interval: float | None = None


class ProtocolLimits(Wire, frozen=True):
    """Bounds of strings and lists by the standard's key; absent is unlimited."""

    maximum_string_lengths: dict[str, object]
    maximum_array_lengths: dict[str, int]
    timing: Timing


class SupportedAction(Wire, frozen=True):
    """An action the vehicle can do and where. 2.1 does not say whether it can be paused or cancelled."""

    action_type: str
    action_scopes: tuple[str, ...]
    pause_allowed: bool
    cancel_allowed: bool
    action_description: str | None = None


class OptionalParameter(Wire, frozen=True):
    """A field of the standard that the vehicle reads, or needs."""

    parameter: str
    support: str
    description: str | None = None


class ProtocolFeatures(Wire, frozen=True):
    """Actions and optional parameters."""

    optional_parameters: tuple[OptionalParameter, ...]
    mobile_robot_actions: tuple[SupportedAction, ...]


class Factsheet(Wire, frozen=True):
    """Published on request by the instant action factsheetRequest; retained in 3.0."""

    type_specification: TypeSpecification
    physical_parameters: PhysicalParameters
    protocol_limits: ProtocolLimits
    protocol_features: ProtocolFeatures
    mobile_robot_geometry: dict[str, object]
    load_specification: dict[str, object]
    mobile_robot_configuration: dict[str, object] | None = None
