"""The reader models a simulator can be: what they answer to GET_READER_CAPABILITIES and their factory settings.

`SPEEDWAY_R420` repeats a real Impinj Speedway R420 (firmware 5.14.0.240, FCC) field by field, as captured in the EdgeX
test data; a test compares the bytes. `FX9600` is a Zebra FX9600 as far as captures and its data sheet tell:
manufacturer 161, model 96008, firmware 3.32.37.0, LLRP 1.0.1 only, eight ports, 10 to 33 dBm, here with the four ETSI
302 208 lower-band channels, so that the fixed-frequency path is walked; its mode table is cut to four entries, and the
limits (ROSpecs, AccessSpecs, filters) are ours. `LLRP_1_1` is nobody's product: a reader that can do all we simulate of
version 1.1.
"""

from dataclasses import dataclass, replace

from readers.llrp import enums as e
from readers.llrp import enums_c1g2 as g
from readers.llrp import params as p

IMPINJ = 25882
ZEBRA = 161

_FCC_HOPS_KHZ = (
    909250, 908250, 925750, 911250, 910750, 926750, 917750, 905250, 927250, 921250, 925250, 919250, 924750, 916250,
    919750, 913250, 926250, 916750, 918750, 914250, 909750, 917250, 908750, 902750, 921750, 913750, 915750, 923750,
    904250, 903750, 903250, 907750, 915250, 924250, 912750, 918250, 912250, 910250, 922250, 905750, 906750, 920750,
    923250, 906250, 914750, 911750, 920250, 907250, 922750, 904750,
)  # fmt: skip
_ETSI_CHANNELS_KHZ = (865700, 866300, 866900, 867500)


@dataclass(frozen=True, slots=True)
class ReaderModel:
    """One kind of reader. `version_max` is the highest LLRP version it speaks: 1 is 1.0.1, 2 is 1.1."""

    name: str
    version_max: int
    general: p.GeneralDeviceCapabilities
    llrp: p.LLRPCapabilities
    regulatory: p.RegulatoryCapabilities
    air_protocol: p.C1G2LLRPCapabilities
    reader_id: bytes
    default_mode: int
    default_population: int
    tag_observation_trigger: bool
    report_capacity_tags: int

    @property
    def is_impinj(self) -> bool:
        return self.general.DeviceManufacturerName == IMPINJ

    @property
    def ports(self) -> range:
        """Antenna port numbers."""
        return range(1, self.general.MaxNumberOfAntennaSupported + 1)

    @property
    def uhf(self) -> p.UHFBandCapabilities:
        assert self.regulatory.UHFBandCapabilities is not None
        return self.regulatory.UHFBandCapabilities

    @property
    def hopping(self) -> bool:
        return self.uhf.FrequencyInformation.Hopping

    def power_dbm(self, index: int) -> float | None:
        """The power behind an index of the transmit power table."""
        for entry in self.uhf.TransmitPowerLevelTableEntry:
            if entry.Index == index:
                return entry.TransmitPowerValue / 100
        return None

    @property
    def power_index_max(self) -> int:
        return self.uhf.TransmitPowerLevelTableEntry[-1].Index

    @property
    def mode_identifiers(self) -> frozenset[int]:
        return frozenset(
            entry.ModeIdentifier
            for table in self.uhf.AirProtocolUHFRFModeTable
            for entry in table.C1G2UHFRFModeTableEntry
        )

    @property
    def hop_table_ids(self) -> frozenset[int]:
        return frozenset(table.HopTableID for table in self.uhf.FrequencyInformation.FrequencyHopTable)

    @property
    def fixed_channels(self) -> int:
        """Number of channels of the fixed frequency table; 0 in a hopping region."""
        table = self.uhf.FrequencyInformation.FixedFrequencyTable
        return len(table.Frequency) if table is not None else 0


def _mode(
    identifier: int,
    divide_ratio: int,
    miller: int,
    link: int,
    mask: int,
    rate: int,
    pie: int,
    tari: tuple[int, int, int],
) -> p.C1G2UHFRFModeTableEntry:
    return p.C1G2UHFRFModeTableEntry(
        ModeIdentifier=identifier,
        DRValue=g.C1G2DRValue(divide_ratio),
        EPCHAGTCConformance=False,
        MValue=g.C1G2MValue(miller),
        ForwardLinkModulation=g.C1G2ForwardLinkModulation(link),
        SpectralMaskIndicator=g.C1G2SpectralMaskIndicator(mask),
        BDRValue=rate,
        PIEValue=pie,
        MinTariValue=tari[0],
        MaxTariValue=tari[1],
        StepTariValue=tari[2],
    )


def _autoset(identifier: int) -> p.C1G2UHFRFModeTableEntry:
    return _mode(identifier, 0, 0, 0, 0, 40_000, 1_500, (6_250, 6_250, 0))


def _general(
    *,
    antennas: int,
    manufacturer: int,
    model: int,
    firmware: str,
    sensitivities_db: tuple[int, ...],
    utc: bool = True,
    gpios: int = 4,
) -> p.GeneralDeviceCapabilities:
    return p.GeneralDeviceCapabilities(
        MaxNumberOfAntennaSupported=antennas,
        CanSetAntennaProperties=False,
        HasUTCClockCapability=utc,
        DeviceManufacturerName=manufacturer,
        ModelName=model,
        ReaderFirmwareVersion=firmware,
        ReceiveSensitivityTableEntry=tuple(
            p.ReceiveSensitivityTableEntry(index, value) for index, value in enumerate(sensitivities_db, 1)
        ),
        GPIOCapabilities=p.GPIOCapabilities(gpios, gpios),
        PerAntennaAirProtocol=tuple(
            p.PerAntennaAirProtocol(port, (e.AirProtocols.EPCGlobalClass1Gen2,)) for port in range(1, antennas + 1)
        ),
    )


def _powers(first_cbm: int, last_cbm: int, step_cbm: int) -> tuple[p.TransmitPowerLevelTableEntry, ...]:
    """A power table in hundredths of a dBm."""
    return tuple(
        p.TransmitPowerLevelTableEntry(index, value)
        for index, value in enumerate(range(first_cbm, last_cbm + 1, step_cbm), 1)
    )


SPEEDWAY_R420 = ReaderModel(
    name="impinj-r420",
    version_max=1,
    general=_general(
        antennas=4,
        manufacturer=IMPINJ,
        model=2001002,
        firmware="5.14.0.240",
        sensitivities_db=(0, *range(10, 51)),
    ),
    llrp=p.LLRPCapabilities(
        CanDoRFSurvey=False,
        CanReportBufferFillWarning=True,
        SupportsClientRequestOpSpec=False,
        CanDoTagInventoryStateAwareSingulation=False,
        SupportsEventAndReportHolding=True,
        MaxNumPriorityLevelsSupported=1,
        ClientRequestOpSpecTimeout=0,
        MaxNumROSpecs=1,
        MaxNumSpecsPerROSpec=32,
        MaxNumInventoryParameterSpecsPerAISpec=1,
        MaxNumAccessSpecs=1508,
        MaxNumOpSpecsPerAccessSpec=8,
    ),
    regulatory=p.RegulatoryCapabilities(
        CountryCode=840,
        CommunicationsStandard=e.CommunicationsStandard.US_FCC_Part_15,
        UHFBandCapabilities=p.UHFBandCapabilities(
            TransmitPowerLevelTableEntry=_powers(1000, 3000, 25),
            FrequencyInformation=p.FrequencyInformation(
                Hopping=True, FrequencyHopTable=(p.FrequencyHopTable(1, _FCC_HOPS_KHZ),)
            ),
            AirProtocolUHFRFModeTable=(
                p.C1G2UHFRFModeTable(
                    (
                        _mode(0, 1, 0, 2, 2, 640_000, 1_500, (6_250, 6_250, 0)),
                        _mode(1, 1, 1, 2, 2, 640_000, 1_500, (6_250, 6_250, 0)),
                        _mode(2, 1, 2, 0, 3, 274_000, 2_000, (20_000, 20_000, 0)),
                        _mode(3, 1, 3, 0, 3, 170_600, 2_000, (20_000, 20_000, 0)),
                        _mode(4, 1, 2, 0, 2, 640_000, 1_500, (7_140, 7_140, 0)),
                        *(_autoset(identifier) for identifier in (1000, 1002, 1003, 1004, 1005)),
                    )
                ),
            ),
        ),
    ),
    air_protocol=p.C1G2LLRPCapabilities(
        CanSupportBlockErase=False, CanSupportBlockWrite=True, MaxNumSelectFiltersPerQuery=2
    ),
    reader_id=bytes.fromhex("001625ffff1125d6"),
    default_mode=1000,
    default_population=32,
    tag_observation_trigger=True,
    report_capacity_tags=20_000,
)

FX9600 = ReaderModel(
    name="zebra-fx9600",
    version_max=1,
    general=_general(antennas=8, manufacturer=ZEBRA, model=96008, firmware="3.32.37.0", sensitivities_db=(0,)),
    llrp=p.LLRPCapabilities(
        CanDoRFSurvey=False,
        CanReportBufferFillWarning=True,
        SupportsClientRequestOpSpec=False,
        CanDoTagInventoryStateAwareSingulation=False,
        SupportsEventAndReportHolding=True,
        MaxNumPriorityLevelsSupported=8,
        ClientRequestOpSpecTimeout=0,
        MaxNumROSpecs=8,
        MaxNumSpecsPerROSpec=16,
        MaxNumInventoryParameterSpecsPerAISpec=1,
        MaxNumAccessSpecs=64,
        MaxNumOpSpecsPerAccessSpec=8,
    ),
    regulatory=p.RegulatoryCapabilities(
        CountryCode=276,
        CommunicationsStandard=e.CommunicationsStandard.ETSI_302_208,
        UHFBandCapabilities=p.UHFBandCapabilities(
            TransmitPowerLevelTableEntry=_powers(1000, 3300, 10),
            FrequencyInformation=p.FrequencyInformation(
                Hopping=False, FixedFrequencyTable=p.FixedFrequencyTable(_ETSI_CHANNELS_KHZ)
            ),
            AirProtocolUHFRFModeTable=(
                p.C1G2UHFRFModeTable(
                    (
                        _mode(1, 1, 0, 0, 2, 60_000, 1_500, (12_500, 25_000, 0)),
                        _mode(3, 1, 2, 0, 3, 64_000, 2_000, (25_000, 25_000, 0)),
                        _mode(5, 1, 1, 0, 2, 120_000, 1_500, (12_500, 25_000, 0)),
                        _mode(21, 1, 0, 0, 2, 640_000, 1_500, (6_250, 6_250, 0)),
                    )
                ),
            ),
        ),
    ),
    air_protocol=p.C1G2LLRPCapabilities(
        CanSupportBlockErase=True, CanSupportBlockWrite=True, MaxNumSelectFiltersPerQuery=32
    ),
    reader_id=bytes.fromhex("84248dfffeee2ae8"),
    default_mode=3,
    default_population=30,
    tag_observation_trigger=True,
    report_capacity_tags=64_000,
)

LLRP_1_1 = replace(
    SPEEDWAY_R420,
    name="llrp-1.1",
    version_max=2,
    general=_general(antennas=8, manufacturer=IMPINJ, model=0, firmware="sim", sensitivities_db=(0, *range(10, 51))),
    llrp=p.LLRPCapabilities(
        CanDoRFSurvey=False,
        CanReportBufferFillWarning=True,
        SupportsClientRequestOpSpec=False,
        CanDoTagInventoryStateAwareSingulation=False,
        SupportsEventAndReportHolding=True,
        MaxNumPriorityLevelsSupported=8,
        ClientRequestOpSpecTimeout=0,
        MaxNumROSpecs=32,
        MaxNumSpecsPerROSpec=32,
        MaxNumInventoryParameterSpecsPerAISpec=1,
        MaxNumAccessSpecs=1508,
        MaxNumOpSpecsPerAccessSpec=8,
    ),
    reader_id=bytes.fromhex("0016250000000001"),
)
