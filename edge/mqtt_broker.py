"""A client of an MQTT broker, as the site file says it is reached."""

import ssl
from typing import Any

import aiomqtt

from warehouse.roads import FleetSettings
from warehouse.site_settings import UplinkSettings


def client_of(settings: UplinkSettings | FleetSettings, **session: Any) -> aiomqtt.Client:
    """A client that connects when it is entered; `session` is aiomqtt's. Raises OSError for a `tls_ca` that is none."""
    return aiomqtt.Client(
        settings.host,
        settings.port,
        username=settings.username or None,
        password=settings.password or None,
        tls_context=ssl.create_default_context(cafile=settings.tls_ca or None) if settings.tls else None,
        **session,
    )
