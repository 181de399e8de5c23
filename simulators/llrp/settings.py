"""A reader's configuration: what GET_READER_CONFIG answers and SET_READER_CONFIG changes (LLRP 1.0.1 §12).

A SET_READER_CONFIG is checked whole before any of it takes effect. Antenna 0 means every antenna. Settings outlive the
connection, as a reader's do.
"""

import zlib

from readers.llrp import enums as e
from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.codec import encode_parameter
from readers.llrp.enums import GetReaderConfigRequestedData as Requested
from readers.llrp.enums import StatusCode
from simulators.llrp.models import ReaderModel
from simulators.llrp.refusal import Refusal, field_invalid, success
from simulators.llrp.rospec_check import check_antenna, check_report_spec
from simulators.llrp.tag_reports import ReportContent

_VERSION_1_1 = 2
# Factory setting of the R420 capture: only reader exceptions and antenna events are notified.
_FACTORY_EVENTS = frozenset({e.NotificationEventType.Reader_Exception_Event, e.NotificationEventType.Antenna_Event})


class ReaderSettings:
    """All configurable values of one reader, and the state of its ports."""

    def __init__(self, model: ReaderModel, connected_antennas: frozenset[int]) -> None:
        self._model = model
        self.connected_antennas = set(connected_antennas)
        self.gpi_levels: dict[int, bool] = dict.fromkeys(self._gpi_ports, False)
        self.gpo_levels: dict[int, bool] = dict.fromkeys(self._gpo_ports, False)
        self.reset()

    def reset(self) -> None:
        """Factory defaults; the levels on the GPIO ports are not configuration."""
        model = self._model
        self.antennas: dict[int, p.AntennaConfiguration] = {port: _factory_antenna(model, port) for port in model.ports}
        self.events: set[int] = set(_FACTORY_EVENTS)
        self.report = _factory_report()
        self.access_report = p.AccessReportSpec(e.AccessReportTriggerType.Whenever_ROReport_Is_Generated)
        self.keepalive = p.KeepaliveSpec(e.KeepaliveTriggerType.Null, 0)
        self.gpi_enabled: dict[int, bool] = dict.fromkeys(self._gpi_ports, False)
        self.hold_on_reconnect = False

    @property
    def _gpi_ports(self) -> range:
        return range(1, self._model.general.GPIOCapabilities.NumGPIs + 1)

    @property
    def _gpo_ports(self) -> range:
        return range(1, self._model.general.GPIOCapabilities.NumGPOs + 1)

    @property
    def keepalive_s(self) -> float:
        """Seconds between KEEPALIVE messages; 0 when off."""
        if self.keepalive.KeepaliveTriggerType != e.KeepaliveTriggerType.Periodic:
            return 0.0
        return self.keepalive.PeriodicTriggerValue / 1000

    def notifies(self, event: e.NotificationEventType) -> bool:
        return event in self.events

    def state_value(self) -> int:
        """LLRPConfigurationStateValue: changes whenever the configuration does."""
        parts = [
            *self.antennas.values(),
            self.report,
            self.access_report,
            self.keepalive,
            p.EventsAndReports(self.hold_on_reconnect),
        ]
        crc = zlib.crc32(repr(sorted(self.events)).encode())
        for part in parts:
            crc = zlib.crc32(encode_parameter(part, version=_VERSION_1_1), crc)
        return crc

    def read(self, request: m.GetReaderConfig, version: int) -> m.GetReaderConfigResponse | Refusal:
        """The answer to GET_READER_CONFIG, or why not."""
        wanted = request.RequestedData
        everything = wanted == Requested.All
        if wanted.is_reserved:
            return field_invalid(2, f"requested data {int(wanted)}")
        about_antennas = wanted in (Requested.AntennaProperties, Requested.AntennaConfiguration)
        if (everything or about_antennas) and request.AntennaID and request.AntennaID not in self._model.ports:
            return field_invalid(1, f"antenna {request.AntennaID}", out_of_range=True)
        gpi, gpo = request.GPIPortNum, request.GPOPortNum
        if (everything or wanted == Requested.GPIPortCurrentState) and gpi and gpi not in self._gpi_ports:
            return field_invalid(3, f"GPI {gpi}", out_of_range=True)
        if (everything or wanted == Requested.GPOWriteData) and gpo and gpo not in self._gpo_ports:
            return field_invalid(4, f"GPO {gpo}", out_of_range=True)
        ports = [request.AntennaID] if request.AntennaID else list(self._model.ports)

        def asked(what: Requested) -> bool:
            return everything or wanted == what

        return m.GetReaderConfigResponse(
            success(),
            Identification=p.Identification(e.IdentificationType.MAC_Address, self._model.reader_id)
            if asked(Requested.Identification)
            else None,
            AntennaProperties=tuple(p.AntennaProperties(port in self.connected_antennas, port, 0) for port in ports)
            if asked(Requested.AntennaProperties)
            else (),
            AntennaConfiguration=tuple(self.antennas[port] for port in ports)
            if asked(Requested.AntennaConfiguration)
            else (),
            ReaderEventNotificationSpec=self._event_spec(version)
            if asked(Requested.ReaderEventNotificationSpec)
            else None,
            ROReportSpec=self.report if asked(Requested.ROReportSpec) else None,
            AccessReportSpec=self.access_report if asked(Requested.AccessReportSpec) else None,
            LLRPConfigurationStateValue=p.LLRPConfigurationStateValue(self.state_value())
            if asked(Requested.LLRPConfigurationStateValue)
            else None,
            KeepaliveSpec=self.keepalive if asked(Requested.KeepaliveSpec) else None,
            GPIPortCurrentState=tuple(self._gpi_state(port) for port in self._gpi_ports if gpi in (0, port))
            if asked(Requested.GPIPortCurrentState)
            else (),
            GPOWriteData=tuple(
                p.GPOWriteData(port, self.gpo_levels[port]) for port in self._gpo_ports if gpo in (0, port)
            )
            if asked(Requested.GPOWriteData)
            else (),
            EventsAndReports=p.EventsAndReports(self.hold_on_reconnect) if asked(Requested.EventsAndReports) else None,
        )

    def check(self, request: m.SetReaderConfig, version: int) -> Refusal | None:
        """Why a SET_READER_CONFIG would be refused."""
        for antenna in request.AntennaConfiguration:
            fault = check_antenna(antenna, self._model)
            if fault is not None:
                return fault.inside(p.AntennaConfiguration.TYPE)
        if request.AntennaProperties and not self._model.general.CanSetAntennaProperties:
            path = (p.AntennaProperties.TYPE,)
            return Refusal(StatusCode.P_UnsupportedParameter, "antenna properties cannot be set", path)
        if request.ROReportSpec is not None:
            fault = check_report_spec(request.ROReportSpec, version)
            if fault is not None:
                return fault
        for write in request.GPOWriteData:
            if write.GPOPortNumber not in self._gpo_ports:
                path = (p.GPOWriteData.TYPE,)
                return Refusal(StatusCode.A_OutOfRange, f"GPO {write.GPOPortNumber}", path, field=1)
        for state in request.GPIPortCurrentState:
            if state.GPIPortNum not in self._gpi_ports:
                path = (p.GPIPortCurrentState.TYPE,)
                return Refusal(StatusCode.A_OutOfRange, f"GPI {state.GPIPortNum}", path, field=1)
        keepalive = request.KeepaliveSpec
        if keepalive is not None and keepalive.KeepaliveTriggerType.is_reserved:
            return Refusal(StatusCode.A_Invalid, "unknown keepalive trigger", (p.KeepaliveSpec.TYPE,), field=1)
        hold = request.EventsAndReports
        can_hold = self._model.llrp.SupportsEventAndReportHolding
        if hold is not None and hold.HoldEventsAndReportsUponReconnect and not can_hold:
            return Refusal(StatusCode.A_Invalid, "this reader cannot hold", (p.EventsAndReports.TYPE,), field=1)
        return None

    def apply(self, request: m.SetReaderConfig) -> None:
        """Carry out a SET_READER_CONFIG that `check` let pass."""
        if request.ResetToFactoryDefault:
            self.reset()
        if request.ReaderEventNotificationSpec is not None:
            for state in request.ReaderEventNotificationSpec.EventNotificationState:
                (self.events.add if state.NotificationState else self.events.discard)(int(state.EventType))
        for antenna in request.AntennaConfiguration:
            for port in [antenna.AntennaID] if antenna.AntennaID else list(self._model.ports):
                self.antennas[port] = merged_antenna(self.antennas[port], antenna, port)
        self.report = request.ROReportSpec or self.report
        self.access_report = request.AccessReportSpec or self.access_report
        self.keepalive = request.KeepaliveSpec or self.keepalive
        for write in request.GPOWriteData:
            self.gpo_levels[write.GPOPortNumber] = write.GPOData
        for gpi in request.GPIPortCurrentState:
            self.gpi_enabled[gpi.GPIPortNum] = gpi.Config
        if request.EventsAndReports is not None:
            self.hold_on_reconnect = request.EventsAndReports.HoldEventsAndReportsUponReconnect

    def _event_spec(self, version: int) -> p.ReaderEventNotificationSpec:
        last = 9 if version >= _VERSION_1_1 else 8
        return p.ReaderEventNotificationSpec(
            tuple(
                p.EventNotificationState(e.NotificationEventType(kind), kind in self.events) for kind in range(last + 1)
            )
        )

    def _gpi_state(self, port: int) -> p.GPIPortCurrentState:
        level = e.GPIPortState.High if self.gpi_levels[port] else e.GPIPortState.Low
        return p.GPIPortCurrentState(port, self.gpi_enabled[port], level)


def merged_antenna(under: p.AntennaConfiguration, over: p.AntennaConfiguration, port: int) -> p.AntennaConfiguration:
    """One antenna's configuration with what `over` says laid over it; what it leaves out stays."""
    command = under.AirProtocolInventoryCommandSettings
    for new in over.AirProtocolInventoryCommandSettings:
        old = command[0] if command else None
        command = (
            p.C1G2InventoryCommand(
                new.TagInventoryStateAware,
                new.C1G2Filter,
                new.C1G2RFControl or (old.C1G2RFControl if old else None),
                new.C1G2SingulationControl or (old.C1G2SingulationControl if old else None),
                new.Custom,
            ),
        )
    return p.AntennaConfiguration(
        AntennaID=port,
        RFReceiver=over.RFReceiver or under.RFReceiver,
        RFTransmitter=over.RFTransmitter or under.RFTransmitter,
        AirProtocolInventoryCommandSettings=command,
    )


def content_of(report: p.ROReportSpec) -> ReportContent:
    """What the tag reports of an ROReportSpec carry."""
    selector = report.TagReportContentSelector
    crc = any(memory.EnableCRC for memory in selector.AirProtocolEPCMemorySelector)
    pc = any(memory.EnablePCBits for memory in selector.AirProtocolEPCMemorySelector)
    on = int(p.ImpinjFieldMode.Enabled)
    tid = phase = rssi = doppler = False
    for custom in (*report.Custom, *selector.Custom):
        if isinstance(custom, p.ImpinjTagReportContentSelector):
            wants = custom
            tid = (
                wants.ImpinjEnableSerializedTID is not None and wants.ImpinjEnableSerializedTID.SerializedTIDMode == on
            )
            phase = wants.ImpinjEnableRFPhaseAngle is not None and wants.ImpinjEnableRFPhaseAngle.RFPhaseAngleMode == on
            rssi = wants.ImpinjEnablePeakRSSI is not None and wants.ImpinjEnablePeakRSSI.PeakRSSIMode == on
            frequency = wants.ImpinjEnableRFDopplerFrequency
            doppler = frequency is not None and frequency.RFDopplerFrequencyMode == on
    return ReportContent(
        rospec_id=selector.EnableROSpecID,
        spec_index=selector.EnableSpecIndex,
        inventory_parameter_spec_id=selector.EnableInventoryParameterSpecID,
        antenna_id=selector.EnableAntennaID,
        channel_index=selector.EnableChannelIndex,
        peak_rssi=selector.EnablePeakRSSI,
        first_seen=selector.EnableFirstSeenTimestamp,
        last_seen=selector.EnableLastSeenTimestamp,
        seen_count=selector.EnableTagSeenCount,
        access_spec_id=selector.EnableAccessSpecID,
        crc=crc,
        pc=pc,
        impinj_phase=phase,
        impinj_peak_rssi=rssi,
        impinj_doppler=doppler,
        impinj_tid=tid,
    )


def _factory_antenna(model: ReaderModel, port: int) -> p.AntennaConfiguration:
    """As the R420 capture shows it: full power, the first hop table or channel, the model's own mode."""
    hop_tables = model.uhf.FrequencyInformation.FrequencyHopTable
    return p.AntennaConfiguration(
        AntennaID=port,
        RFReceiver=p.RFReceiver(1),
        RFTransmitter=p.RFTransmitter(
            HopTableID=hop_tables[0].HopTableID if hop_tables else 0,
            ChannelIndex=0 if model.hopping else 1,
            TransmitPower=model.power_index_max,
        ),
        AirProtocolInventoryCommandSettings=(
            p.C1G2InventoryCommand(
                TagInventoryStateAware=False,
                C1G2RFControl=p.C1G2RFControl(model.default_mode, 0),
                C1G2SingulationControl=p.C1G2SingulationControl(1, model.default_population, 0),
            ),
        ),
    )


def _factory_report() -> p.ROReportSpec:
    """As the R420 capture shows it: each tag at once, with antenna, RSSI and first time."""
    return p.ROReportSpec(
        ROReportTrigger=e.ROReportTriggerType.Upon_N_Tags_Or_End_Of_ROSpec,
        N=1,
        TagReportContentSelector=p.TagReportContentSelector(
            EnableROSpecID=False,
            EnableSpecIndex=False,
            EnableInventoryParameterSpecID=False,
            EnableAntennaID=True,
            EnableChannelIndex=False,
            EnablePeakRSSI=True,
            EnableFirstSeenTimestamp=True,
            EnableLastSeenTimestamp=False,
            EnableTagSeenCount=False,
            EnableAccessSpecID=False,
            AirProtocolEPCMemorySelector=(p.C1G2EPCMemorySelector(False, False),),
        ),
    )
