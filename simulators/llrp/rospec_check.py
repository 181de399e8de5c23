"""What makes a reader refuse an ROSpec or an AccessSpec (LLRP 1.0.1 §10, §11; limits from the capabilities).

Checks run in the order of the fields and return the first fault, named by its place. They look at one spec alone; that
an identifier is taken or that no room is left is the store's business.
"""

from readers.llrp import enums as e
from readers.llrp import params as p
from readers.llrp.enums import StatusCode
from simulators.llrp.models import ReaderModel
from simulators.llrp.refusal import Refusal

_C1G2 = e.AirProtocols.EPCGlobalClass1Gen2
_VERSION_1_1 = 2


def check_rospec(spec: p.ROSpec, model: ReaderModel, version: int) -> Refusal | None:
    """The first fault of an ROSpec to be added, None when it can be carried out."""
    fault = _check_rospec(spec, model, version)
    return fault.inside(p.ROSpec.TYPE) if fault is not None else None


def _check_rospec(spec: p.ROSpec, model: ReaderModel, version: int) -> Refusal | None:
    if spec.ROSpecID == 0:
        return Refusal(StatusCode.A_Invalid, "ROSpecID 0 means all ROSpecs", field=1, status=StatusCode.P_FieldError)
    if spec.Priority > max(7, model.llrp.MaxNumPriorityLevelsSupported - 1):
        return Refusal(StatusCode.A_OutOfRange, f"priority {spec.Priority}", field=2)
    if spec.CurrentState != e.ROSpecState.Disabled:
        return Refusal(StatusCode.A_Invalid, "an ROSpec is added Disabled", field=3, status=StatusCode.P_FieldError)
    fault = _check_boundary(spec.ROBoundarySpec, model)
    if fault is not None:
        return fault.inside(p.ROBoundarySpec.TYPE)
    if len(spec.SpecParameter) > model.llrp.MaxNumSpecsPerROSpec:
        return Refusal(StatusCode.P_OverflowParameter, f"{len(spec.SpecParameter)} specs", (p.AISpec.TYPE,))
    for place, part in enumerate(spec.SpecParameter):
        if isinstance(part, p.AISpec):
            fault = _check_aispec(part, model)
            if fault is not None:
                return fault.inside(p.AISpec.TYPE)
        elif isinstance(part, p.LoopSpec):
            if version < _VERSION_1_1:
                return Refusal(StatusCode.P_UnsupportedParameter, "LoopSpec is new in 1.1", (p.LoopSpec.TYPE,))
            if place != len(spec.SpecParameter) - 1 or place == 0:
                return Refusal(StatusCode.P_UnexpectedParameter, "a LoopSpec comes last", (p.LoopSpec.TYPE,))
        else:
            return Refusal(StatusCode.P_UnsupportedParameter, "only AISpecs are supported", (part.TYPE,))
    if spec.ROReportSpec is not None:
        return check_report_spec(spec.ROReportSpec, version)
    return None


def check_report_spec(report: p.ROReportSpec, version: int) -> Refusal | None:
    """The fault of an ROReportSpec: the time triggers 3 to 6 came with 1.1."""
    if report.ROReportTrigger > (6 if version >= _VERSION_1_1 else 2):
        why = f"report trigger {int(report.ROReportTrigger)} in version {version}"
        return Refusal(StatusCode.A_Invalid, why, (p.ROReportSpec.TYPE,), field=1)
    return None


def _check_boundary(boundary: p.ROBoundarySpec, model: ReaderModel) -> Refusal | None:
    start, stop = boundary.ROSpecStartTrigger, boundary.ROSpecStopTrigger
    start_path, stop_path = (p.ROSpecStartTrigger.TYPE,), (p.ROSpecStopTrigger.TYPE,)
    if start.ROSpecStartTriggerType > e.ROSpecStartTriggerType.GPI:
        return Refusal(StatusCode.A_Invalid, "unknown start trigger", start_path, field=1)
    if start.ROSpecStartTriggerType == e.ROSpecStartTriggerType.Periodic and start.PeriodicTriggerValue is None:
        return Refusal(StatusCode.P_MissingParameter, "a period", (*start_path, p.PeriodicTriggerValue.TYPE))
    if start.ROSpecStartTriggerType == e.ROSpecStartTriggerType.GPI:
        fault = _check_gpi(start.GPITriggerValue, model)
        if fault is not None:
            return fault.inside(*start_path)
    if stop.ROSpecStopTriggerType > e.ROSpecStopTriggerType.GPI_With_Timeout:
        return Refusal(StatusCode.A_Invalid, "unknown stop trigger", stop_path, field=1)
    if stop.ROSpecStopTriggerType == e.ROSpecStopTriggerType.GPI_With_Timeout:
        fault = _check_gpi(stop.GPITriggerValue, model)
        if fault is not None:
            return fault.inside(*stop_path)
    return None


def _check_gpi(trigger: p.GPITriggerValue | None, model: ReaderModel) -> Refusal | None:
    path = (p.GPITriggerValue.TYPE,)
    if trigger is None:
        return Refusal(StatusCode.P_MissingParameter, "a GPI trigger", path)
    if not 1 <= trigger.GPIPortNum <= model.general.GPIOCapabilities.NumGPIs:
        return Refusal(StatusCode.A_OutOfRange, f"GPI {trigger.GPIPortNum}", path, field=1)
    return None


def _check_aispec(spec: p.AISpec, model: ReaderModel) -> Refusal | None:
    if not spec.AntennaIDs:
        return Refusal(StatusCode.A_Invalid, "no antenna", field=1)
    for port in spec.AntennaIDs:
        if port and port not in model.ports:
            return Refusal(StatusCode.A_OutOfRange, f"antenna {port}", field=1)
    stop = spec.AISpecStopTrigger
    path = (p.AISpecStopTrigger.TYPE,)
    kind = stop.AISpecStopTriggerType
    if kind > e.AISpecStopTriggerType.Tag_Observation:
        return Refusal(StatusCode.A_Invalid, "unknown stop trigger", path, field=1)
    if kind == e.AISpecStopTriggerType.GPI_With_Timeout:
        fault = _check_gpi(stop.GPITriggerValue, model)
        if fault is not None:
            return fault.inside(*path)
    if kind == e.AISpecStopTriggerType.Tag_Observation:
        if not model.tag_observation_trigger:
            return Refusal(StatusCode.A_Invalid, "unsupported stop trigger 3", path, field=1)
        if stop.TagObservationTrigger is None:
            return Refusal(StatusCode.P_MissingParameter, "a tag trigger", (*path, p.TagObservationTrigger.TYPE))
        if stop.TagObservationTrigger.TriggerType.is_reserved:
            return Refusal(StatusCode.A_Invalid, "unknown trigger", (*path, p.TagObservationTrigger.TYPE), field=1)
    inventories = spec.InventoryParameterSpec
    if len(inventories) > model.llrp.MaxNumInventoryParameterSpecsPerAISpec:
        why = f"{len(inventories)} InventoryParameterSpecs"
        return Refusal(StatusCode.P_OverflowParameter, why, (p.InventoryParameterSpec.TYPE,))
    for inventory in inventories:
        fault = _check_inventory(inventory, model)
        if fault is not None:
            return fault.inside(p.InventoryParameterSpec.TYPE)
    return None


def _check_inventory(spec: p.InventoryParameterSpec, model: ReaderModel) -> Refusal | None:
    if spec.InventoryParameterSpecID == 0:
        return Refusal(StatusCode.A_Invalid, "InventoryParameterSpecID 0", field=1)
    if spec.ProtocolID != _C1G2:
        return Refusal(StatusCode.A_Invalid, f"air protocol {int(spec.ProtocolID)}", field=2)
    for antenna in spec.AntennaConfiguration:
        fault = check_antenna(antenna, model)
        if fault is not None:
            return fault.inside(p.AntennaConfiguration.TYPE)
    return None


def check_antenna(antenna: p.AntennaConfiguration, model: ReaderModel) -> Refusal | None:
    """The fault of an AntennaConfiguration against the capability tables; the path starts inside it."""
    if antenna.AntennaID and antenna.AntennaID not in model.ports:
        return Refusal(StatusCode.A_OutOfRange, f"antenna {antenna.AntennaID}", field=1)
    receiver, transmitter = antenna.RFReceiver, antenna.RFTransmitter
    sensitivities = len(model.general.ReceiveSensitivityTableEntry)
    # 0 is outside every table, yet clients send it for "as it is" and readers take it.
    if receiver is not None and receiver.ReceiverSensitivity > sensitivities:
        return Refusal(StatusCode.A_OutOfRange, "no such sensitivity", (p.RFReceiver.TYPE,), field=1)
    if transmitter is not None:
        fault = _check_transmitter(transmitter, model)
        if fault is not None:
            return fault.inside(p.RFTransmitter.TYPE)
    for command in antenna.AirProtocolInventoryCommandSettings:
        fault = _check_command(command, model)
        if fault is not None:
            return fault.inside(p.C1G2InventoryCommand.TYPE)
    return None


def _check_transmitter(transmitter: p.RFTransmitter, model: ReaderModel) -> Refusal | None:
    if model.hopping and transmitter.HopTableID not in model.hop_table_ids:
        return Refusal(
            StatusCode.A_Invalid, f"RFTransmitter parameter, invalid HopTableID ({transmitter.HopTableID})", field=1
        )
    if not model.hopping and not 1 <= transmitter.ChannelIndex <= model.fixed_channels:
        return Refusal(StatusCode.A_OutOfRange, f"no channel {transmitter.ChannelIndex}", field=2)
    if not 1 <= transmitter.TransmitPower <= model.power_index_max:
        return Refusal(StatusCode.A_OutOfRange, f"TransmitPower is an index from 1 to {model.power_index_max}", field=3)
    return None


def _check_command(command: p.C1G2InventoryCommand, model: ReaderModel) -> Refusal | None:
    if command.TagInventoryStateAware and not model.llrp.CanDoTagInventoryStateAwareSingulation:
        return Refusal(StatusCode.A_Invalid, "no state-aware singulation", field=1)
    filters_max = model.air_protocol.MaxNumSelectFiltersPerQuery
    if filters_max and len(command.C1G2Filter) > filters_max:
        return Refusal(StatusCode.P_OverflowParameter, f"at most {filters_max} filters", (p.C1G2Filter.TYPE,))
    control = command.C1G2RFControl
    if control is not None and control.ModeIndex not in model.mode_identifiers:
        why = f"no mode {control.ModeIndex}; ModeIndex takes a ModeIdentifier of {sorted(model.mode_identifiers)}"
        return Refusal(StatusCode.A_Invalid, why, (p.C1G2RFControl.TYPE,), field=1)
    return None


_SUPPORTED_OPS = (p.C1G2Read, p.C1G2Write, p.C1G2BlockWrite, p.C1G2BlockErase, p.C1G2Lock, p.C1G2Kill)


def check_accessspec(spec: p.AccessSpec, model: ReaderModel) -> Refusal | None:
    """The first fault of an AccessSpec to be added."""
    fault = _check_accessspec(spec, model)
    return fault.inside(p.AccessSpec.TYPE) if fault is not None else None


def _check_accessspec(spec: p.AccessSpec, model: ReaderModel) -> Refusal | None:
    if spec.AccessSpecID == 0:
        return Refusal(
            StatusCode.A_Invalid, "AccessSpecID 0 means all AccessSpecs", field=1, status=StatusCode.P_FieldError
        )
    if spec.AntennaID and spec.AntennaID not in model.ports:
        return Refusal(StatusCode.A_OutOfRange, f"antenna {spec.AntennaID}", field=2)
    if spec.ProtocolID != _C1G2:
        return Refusal(StatusCode.A_Invalid, f"air protocol {int(spec.ProtocolID)}", field=3)
    if spec.CurrentState != e.AccessSpecState.Disabled:
        return Refusal(StatusCode.A_Invalid, "an AccessSpec is added Disabled", field=4, status=StatusCode.P_FieldError)
    command = spec.AccessCommand
    if len(command.AccessCommandOpSpec) > model.llrp.MaxNumOpSpecsPerAccessSpec:
        return Refusal(StatusCode.P_OverflowParameter, "too many OpSpecs", (p.AccessCommand.TYPE,))
    seen: set[int] = set()
    for operation in command.AccessCommandOpSpec:
        if not isinstance(operation, _SUPPORTED_OPS) or (
            isinstance(operation, p.C1G2BlockErase) and not model.air_protocol.CanSupportBlockErase
        ):
            return Refusal(
                StatusCode.P_UnsupportedParameter, "unsupported OpSpec", (p.AccessCommand.TYPE, operation.TYPE)
            )
        if operation.OpSpecID in seen:
            return Refusal(StatusCode.A_Invalid, "OpSpecID used twice", (p.AccessCommand.TYPE, operation.TYPE), field=1)
        seen.add(operation.OpSpecID)
    return None
