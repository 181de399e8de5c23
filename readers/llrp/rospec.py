"""What we ask a reader to do, from the site's configuration and what the reader can: ROSpec, AccessSpec, reader config.

One ROSpec with one AISpec over all configured antennas, started by START_ROSPEC (readers differ in when an Immediate
start trigger fires) and never stopping. Reports: every N tags
when configured; every so many milliseconds where the reader speaks 1.1; else each tag at once (N = 1), or nothing until
GET_REPORT asks (trigger 0). The AISpec never stops on a number of tags: that restarts the radio at every report.

Power is the highest table entry that does not exceed the configured dBm (the configured value is a legal limit), the
lowest entry when all exceed it. Hop table and channel are those the reader itself has in force, which suit its region.
"""

from dataclasses import dataclass

from readers.llrp import enums as e
from readers.llrp import enums_c1g2 as g
from readers.llrp import params as p
from readers.llrp.errors import LlrpError
from readers.llrp.facts import ReaderFacts
from readers.llrp.messages import SetReaderConfig
from readers.llrp.wire import VERSION_1_1, BitArray
from warehouse.site import Inventory, MemoryArea, Reader, TagFilter

ROSPEC_ID = 1
ACCESS_SPEC_ID = 1
_C1G2 = e.AirProtocols.EPCGlobalClass1Gen2
_ON = p.ImpinjFieldMode.Enabled


class Misconfigured(LlrpError):
    """The site file asks this reader for something it does not have."""


@dataclass(frozen=True, slots=True)
class Power:
    """An entry of the transmit power table."""

    index: int
    dbm: float


def power_for(facts: ReaderFacts, wanted_dbm: float | None) -> Power:
    """The table entry for a configured power; None takes the highest. Raises `Misconfigured` without a table."""
    if not facts.powers_dbm:
        raise Misconfigured("the reader lists no transmit powers")
    entries = [Power(index, dbm) for index, dbm in facts.powers_dbm.items()]
    allowed = [entry for entry in entries if wanted_dbm is None or entry.dbm <= wanted_dbm + 1e-9]
    if not allowed:
        return min(entries, key=lambda entry: entry.dbm)
    return max(allowed, key=lambda entry: entry.dbm)


def reader_config(reader: Reader, facts: ReaderFacts) -> SetReaderConfig:
    """Events on, keepalives on, inputs on, reports held over a lost connection where the reader can."""
    kinds = [
        e.NotificationEventType.GPI_Event,
        e.NotificationEventType.ROSpec_Event,
        e.NotificationEventType.Report_Buffer_Fill_Warning,
        e.NotificationEventType.Reader_Exception_Event,
        e.NotificationEventType.Antenna_Event,
    ]
    return SetReaderConfig(
        ResetToFactoryDefault=False,
        ReaderEventNotificationSpec=p.ReaderEventNotificationSpec(
            tuple(p.EventNotificationState(kind, True) for kind in kinds)
        ),
        KeepaliveSpec=p.KeepaliveSpec(e.KeepaliveTriggerType.Periodic, reader.keepalive_ms)
        if reader.keepalive_ms
        else p.KeepaliveSpec(e.KeepaliveTriggerType.Null, 0),
        GPIPortCurrentState=tuple(
            p.GPIPortCurrentState(port, True, e.GPIPortState.Unknown) for port in range(1, facts.gpis + 1)
        ),
        EventsAndReports=p.EventsAndReports(True) if facts.can_hold else None,
    )


def rospec(reader: Reader, facts: ReaderFacts) -> p.ROSpec:
    """The ROSpec that takes inventory. Raises `Misconfigured` when the reader cannot do what is configured."""
    ports = [antenna.port for antenna in reader.antennas]
    unknown = [port for port in ports if not 1 <= port <= facts.antennas]
    if unknown:
        raise Misconfigured(f"{reader.name} has antennas 1 to {facts.antennas}, not {unknown}")
    mode = _mode(reader.inventory, facts)
    return p.ROSpec(
        ROSpecID=ROSPEC_ID,
        Priority=0,
        CurrentState=e.ROSpecState.Disabled,
        ROBoundarySpec=p.ROBoundarySpec(
            p.ROSpecStartTrigger(e.ROSpecStartTriggerType.Null),
            p.ROSpecStopTrigger(e.ROSpecStopTriggerType.Null, 0),
        ),
        SpecParameter=(
            p.AISpec(
                AntennaIDs=tuple(ports) or (0,),
                AISpecStopTrigger=p.AISpecStopTrigger(e.AISpecStopTriggerType.Null, 0),
                InventoryParameterSpec=(
                    p.InventoryParameterSpec(
                        InventoryParameterSpecID=1,
                        ProtocolID=_C1G2,
                        AntennaConfiguration=tuple(
                            _antenna(port, dbm, mode, reader.inventory, facts) for port, dbm in _powers(reader)
                        ),
                    ),
                ),
            ),
        ),
        ROReportSpec=_report_spec(reader.inventory, facts),
    )


def access_spec(inventory: Inventory, rospec_id: int = ROSPEC_ID) -> p.AccessSpec | None:
    """The standing AccessSpec that reads the configured memory of every tag; None when there is none to read."""
    if not inventory.memory:
        return None
    return read_spec(ACCESS_SPEC_ID, inventory.memory, rospec_id=rospec_id, at_once=False)


def read_spec(
    identifier: int,
    areas: tuple[MemoryArea, ...],
    *,
    rospec_id: int,
    epc: bytes = b"",
    operations: int = 0,
    first_op: int = 1,
    at_once: bool = True,
) -> p.AccessSpec:
    """An AccessSpec that reads memory areas of one tag (`epc`) or all; `operations` times, 0 for ever.

    Its OpSpecIDs count from `first_op` in the order of `areas`. `at_once` asks for a report after each access.
    """
    pattern = BitArray(len(epc) * 8, epc)
    mask = BitArray(len(epc) * 8, b"\xff" * len(epc))
    return p.AccessSpec(
        AccessSpecID=identifier,
        AntennaID=0,
        ProtocolID=_C1G2,
        CurrentState=e.AccessSpecState.Disabled,
        ROSpecID=rospec_id,
        AccessSpecStopTrigger=p.AccessSpecStopTrigger(
            e.AccessSpecStopTriggerType.Operation_Count if operations else e.AccessSpecStopTriggerType.Null, operations
        ),
        AccessCommand=p.AccessCommand(
            p.C1G2TagSpec((p.C1G2TargetTag(MB=1, Match=True, Pointer=32, TagMask=mask, TagData=pattern),)),
            tuple(
                p.C1G2Read(number, 0, area.bank, area.word, area.words) for number, area in enumerate(areas, first_op)
            ),
        ),
        AccessReportSpec=p.AccessReportSpec(
            e.AccessReportTriggerType.End_Of_AccessSpec
            if at_once
            else e.AccessReportTriggerType.Whenever_ROReport_Is_Generated
        ),
    )


def _powers(reader: Reader) -> list[tuple[int, float | None]]:
    return [(antenna.port, antenna.power_dbm) for antenna in reader.antennas] or [(0, None)]


def _mode(inventory: Inventory, facts: ReaderFacts) -> int | None:
    """The ModeIdentifier to use; None leaves the reader's own mode. Raises `Misconfigured` for an unlisted one."""
    if inventory.mode_identifier is None:
        default = facts.quirks.default_mode_identifier
        return default if default in facts.modes else None
    if inventory.mode_identifier not in facts.modes:
        raise Misconfigured(f"mode_identifier {inventory.mode_identifier} is not one of {sorted(facts.modes)}")
    return inventory.mode_identifier


def _antenna(
    port: int, wanted_dbm: float | None, mode: int | None, inventory: Inventory, facts: ReaderFacts
) -> p.AntennaConfiguration:
    filters = tuple(_filter(one) for one in inventory.filters)
    if facts.filters_max and len(filters) > facts.filters_max:
        raise Misconfigured(f"{len(filters)} filters; the reader takes {facts.filters_max}")
    return p.AntennaConfiguration(
        AntennaID=port,
        RFTransmitter=_transmitter(port, power_for(facts, wanted_dbm), facts),
        AirProtocolInventoryCommandSettings=(
            p.C1G2InventoryCommand(
                TagInventoryStateAware=False,
                C1G2Filter=filters,
                C1G2RFControl=p.C1G2RFControl(mode, 0) if mode is not None else None,
                C1G2SingulationControl=p.C1G2SingulationControl(inventory.session, inventory.tag_population, 0),
                Custom=_search_customs(inventory, facts),
            ),
        ),
    )


def _transmitter(port: int, power: Power, facts: ReaderFacts) -> p.RFTransmitter:
    """Hop table and channel as the reader has them where they are valid, else the first of its tables."""
    current = facts.transmitters.get(port) or next(iter(facts.transmitters.values()), None)
    if facts.hopping:
        hop_table = facts.hop_table_ids[0] if facts.hop_table_ids else 0
        channel = 0
        if current is not None:
            channel = current.ChannelIndex
            if not facts.hop_table_ids or current.HopTableID in facts.hop_table_ids:
                hop_table = current.HopTableID
        return p.RFTransmitter(hop_table, channel, power.index)
    channel = current.ChannelIndex if current is not None else 1
    if not 1 <= channel <= facts.fixed_channels:
        channel = 1
    return p.RFTransmitter(current.HopTableID if current is not None else 0, channel, power.index)


def _filter(wanted: TagFilter) -> p.C1G2Filter:
    """Matching tags take part, others do not; several filters add to each other. Raises `Misconfigured`."""
    try:
        mask = BitArray.whole(bytes.fromhex(wanted.mask_hex))
    except ValueError:
        raise Misconfigured(f"filter mask {wanted.mask_hex!r} is not hexadecimal bytes") from None
    return p.C1G2Filter(
        T=g.C1G2TruncateAction.Do_Not_Truncate,
        C1G2TagInventoryMask=p.C1G2TagInventoryMask(wanted.bank, wanted.pointer, mask),
        C1G2TagInventoryStateUnawareFilterAction=p.C1G2TagInventoryStateUnawareFilterAction(
            g.C1G2StateUnawareAction.Select_DoNothing
        ),
    )


def _search_customs(inventory: Inventory, facts: ReaderFacts) -> tuple[p.CustomParameter, ...]:
    if not facts.extensions:
        return ()
    customs: list[p.CustomParameter] = []
    if inventory.search_mode is not None:
        customs.append(p.ImpinjInventorySearchMode(p.ImpinjInventorySearchType(inventory.search_mode)))
    if not facts.hopping:
        # One fixed channel would blind the whole inventory; the reader may use all its region allows.
        customs.append(p.ImpinjFixedFrequencyList(p.ImpinjFixedFrequencyMode.Auto_Select, ()))
    return tuple(customs)


def _report_spec(inventory: Inventory, facts: ReaderFacts) -> p.ROReportSpec:
    kinds = e.ROReportTriggerType
    if inventory.report_every_n_tags is not None:
        trigger, n = kinds.Upon_N_Tags_Or_End_Of_AISpec, inventory.report_every_n_tags
    elif facts.version >= VERSION_1_1:
        trigger, n = kinds.Upon_N_Milliseconds_Or_End_Of_AISpec, inventory.report_every_ms
    elif inventory.poll_ms:
        trigger, n = kinds.None_, 0
    else:
        trigger, n = kinds.Upon_N_Tags_Or_End_Of_AISpec, 1
    return p.ROReportSpec(
        trigger,
        n,
        p.TagReportContentSelector(
            EnableROSpecID=False,
            EnableSpecIndex=False,
            EnableInventoryParameterSpecID=False,
            EnableAntennaID=True,
            EnableChannelIndex=True,
            EnablePeakRSSI=True,
            EnableFirstSeenTimestamp=True,
            EnableLastSeenTimestamp=True,
            EnableTagSeenCount=True,
            EnableAccessSpecID=False,
        ),
        Custom=(
            p.ImpinjTagReportContentSelector(
                ImpinjEnableSerializedTID=p.ImpinjEnableSerializedTID(_ON) if inventory.impinj_tid else None,
                ImpinjEnableRFPhaseAngle=p.ImpinjEnableRFPhaseAngle(_ON),
                ImpinjEnablePeakRSSI=p.ImpinjEnablePeakRSSI(_ON),
                ImpinjEnableRFDopplerFrequency=p.ImpinjEnableRFDopplerFrequency(_ON),
            ),
        )
        if facts.extensions
        else (),
    )


def polls(inventory: Inventory, facts: ReaderFacts) -> bool:
    """Whether reports come only when asked for."""
    return bool(inventory.poll_ms) and inventory.report_every_n_tags is None and facts.version < VERSION_1_1
