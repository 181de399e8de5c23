"""What people, devices and systems can ask of the warehouse; one module a topic. Things are named by people's codes."""

from warehouse.commands.command import Actor, Audit, Command, Refusal, RefusalCode, Result, digest, encode
from warehouse.commands.counts import CancelCount, EnterCount, PostCount, StartCount
from warehouse.commands.documents import (
    AllocateLine,
    ApproveDocument,
    CancelDocument,
    CloseDocument,
    CreateDocument,
    FulfilLine,
    LineSpec,
)
from warehouse.commands.inspection import CharacteristicResult, DecideInspection, Inspected
from warehouse.commands.master_data import (
    BlockLot,
    CreateItem,
    CreateLocation,
    CreateLot,
    PartnerKind,
    SetCategory,
    SetItemUnit,
    SetPartner,
    UpdateItem,
    UpdateLocation,
)
from warehouse.commands.permission import Permission
from warehouse.commands.stock import (
    AdjustStock,
    ClosePeriod,
    MoveStock,
    ReleaseReservation,
    ReserveStock,
    Resolution,
    ResolveDiscrepancy,
    ReverseMovement,
)
from warehouse.commands.tags import ContentSpec, CreateHandlingUnit, RegisterTags, RetireTag, TagSpec
from warehouse.commands.transfers import ReceiveTransfer, ShipTransfer
from warehouse.valuation import Valuation

__all__ = [
    "Actor",
    "AdjustStock",
    "AllocateLine",
    "ApproveDocument",
    "Audit",
    "BlockLot",
    "CancelCount",
    "CancelDocument",
    "CharacteristicResult",
    "CloseDocument",
    "ClosePeriod",
    "Command",
    "ContentSpec",
    "CreateDocument",
    "CreateHandlingUnit",
    "CreateItem",
    "CreateLocation",
    "CreateLot",
    "DecideInspection",
    "EnterCount",
    "FulfilLine",
    "Inspected",
    "LineSpec",
    "MoveStock",
    "PartnerKind",
    "Permission",
    "PostCount",
    "ReceiveTransfer",
    "Refusal",
    "RefusalCode",
    "RegisterTags",
    "ReleaseReservation",
    "ReserveStock",
    "Resolution",
    "ResolveDiscrepancy",
    "Result",
    "RetireTag",
    "ReverseMovement",
    "SetCategory",
    "SetItemUnit",
    "SetPartner",
    "ShipTransfer",
    "StartCount",
    "TagSpec",
    "UpdateItem",
    "UpdateLocation",
    "Valuation",
    "digest",
    "encode",
]
