"""Vendors' own messages whose content we know; others are `messages.CustomMessage`, kept as bytes."""

from __future__ import annotations

from typing import ClassVar

from readers.llrp.params_custom import IMPINJ
from readers.llrp.params_status import LLRPStatus
from readers.llrp.wire import CUSTOM, U32, CustomMessageType


class VendorMessage(CustomMessageType, frozen=True):
    """A custom message whose content we know."""

    VENDOR: ClassVar[int] = IMPINJ
    SUBTYPE: ClassVar[int] = 0


class ImpinjEnableExtensions(VendorMessage, frozen=True):
    """Must come before any other Impinj extension is used; the four bytes are reserved."""

    SUBTYPE: ClassVar[int] = 21
    RESPONSE: ClassVar[int] = CUSTOM

    Reserved: U32 = 0


class ImpinjEnableExtensionsResponse(VendorMessage, frozen=True):
    """Answers ImpinjEnableExtensions."""

    SUBTYPE: ClassVar[int] = 22

    LLRPStatus: LLRPStatus
