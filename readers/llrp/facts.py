"""What a reader told us about itself, in the units we configure in."""

from dataclasses import dataclass, field

from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.quirks import STANDARD, Quirks, quirks_of


@dataclass(frozen=True, slots=True)
class ReaderFacts:
    """One reader's capabilities and the parts of its configuration we build on.

    `powers_dbm` is the transmit power table by index; `transmitters` each antenna's RFTransmitter as it stands, whose
    hop table and channel are right for the region.
    """

    version: int
    manufacturer: int = 0
    model: int = 0
    firmware: str = ""
    antennas: int = 0
    gpis: int = 0
    powers_dbm: dict[int, float] = field(default_factory=dict)
    modes: frozenset[int] = frozenset()
    hopping: bool = True
    hop_table_ids: tuple[int, ...] = ()
    fixed_channels: int = 0
    filters_max: int = 0
    can_hold: bool = False
    transmitters: dict[int, p.RFTransmitter] = field(default_factory=dict)
    extensions: bool = False

    @property
    def quirks(self) -> Quirks:
        return quirks_of(self.manufacturer) if self.manufacturer else STANDARD

    def __str__(self) -> str:
        version = "1.1" if self.version >= 2 else "1.0.1"
        return (
            f"{self.quirks.name} model {self.model} firmware {self.firmware}, {self.antennas} antennas, LLRP {version}"
        )


def facts_of(
    capabilities: m.GetReaderCapabilitiesResponse,
    configuration: m.GetReaderConfigResponse | None,
    version: int,
    *,
    extensions: bool,
) -> ReaderFacts:
    """The facts in the answers to GET_READER_CAPABILITIES and GET_READER_CONFIG; the latter may have been refused."""
    general, llrp = capabilities.GeneralDeviceCapabilities, capabilities.LLRPCapabilities
    air = capabilities.AirProtocolLLRPCapabilities
    regulatory = capabilities.RegulatoryCapabilities
    band = regulatory.UHFBandCapabilities if regulatory is not None else None
    frequencies = band.FrequencyInformation if band is not None else None
    fixed = frequencies.FixedFrequencyTable if frequencies is not None else None
    return ReaderFacts(
        version=version,
        manufacturer=general.DeviceManufacturerName if general is not None else 0,
        model=general.ModelName if general is not None else 0,
        firmware=general.ReaderFirmwareVersion if general is not None else "",
        antennas=general.MaxNumberOfAntennaSupported if general is not None else 0,
        gpis=general.GPIOCapabilities.NumGPIs if general is not None else 0,
        powers_dbm={entry.Index: entry.TransmitPowerValue / 100 for entry in band.TransmitPowerLevelTableEntry}
        if band is not None
        else {},
        modes=frozenset(
            entry.ModeIdentifier
            for table in (band.AirProtocolUHFRFModeTable if band is not None else ())
            for entry in table.C1G2UHFRFModeTableEntry
        ),
        hopping=frequencies.Hopping if frequencies is not None else True,
        hop_table_ids=tuple(table.HopTableID for table in frequencies.FrequencyHopTable)
        if frequencies is not None
        else (),
        fixed_channels=len(fixed.Frequency) if fixed is not None else 0,
        filters_max=air.MaxNumSelectFiltersPerQuery if air is not None else 0,
        can_hold=llrp.SupportsEventAndReportHolding if llrp is not None else False,
        transmitters={
            antenna.AntennaID: antenna.RFTransmitter
            for antenna in (configuration.AntennaConfiguration if configuration is not None else ())
            if antenna.RFTransmitter is not None
        },
        extensions=extensions,
    )
