"""Where reader families depart from each other within the standard, or beyond it, as data. Each fact names its source.

A family is recognised by DeviceManufacturerName in GeneralDeviceCapabilities, an IANA private enterprise number. An
unknown maker gets `STANDARD`: what every conforming reader takes. What every client must do anyway is not a quirk and
is done for all: hop table and channel as the reader's own configuration has them, ModeIndex filled with a
ModeIdentifier, power by table index, no AISpec stop trigger that counts tags, a refused optional step passed over.

Sources: [R420] capability, configuration and report frames of an Impinj Speedway R420 5.14.0.240 in the EdgeX test
data; [FX] published captures of a Zebra FX9600 3.32.37.0; [S n] issue n of the sllurp project.
"""

from dataclasses import dataclass
from enum import IntEnum


class Vendor(IntEnum):
    """DeviceManufacturerName as reported by real readers."""

    IMPINJ = 25882  # [R420]
    ZEBRA = 161  # [FX]; registered as Motorola
    ZEBRA_FX9500 = 24831  # firmware 1.6.5 [S 115]
    THINGMAGIC = 26554  # Astra-EX [S 45]
    ALIEN = 17996


@dataclass(frozen=True, slots=True)
class Quirks:
    """What our client or our interpretation does differently for a family of readers."""

    name: str
    # IMPINJ_ENABLE_EXTENSIONS comes before anything of the vendor's; then phase, Doppler, fine RSSI can be asked for.
    impinj_extensions: bool = False
    # A reported phase φ may be φ + π: compare phases modulo π only, and only within one channel.
    phase_modulo_pi: bool = False
    # BackscatterDataRate in the mode table holds the link frequency (BLF), not the data rate.
    data_rate_is_blf: bool = False
    # Mode identifiers from here on let the reader choose the mode by itself.
    autoset_mode_min: int | None = None
    # The mode used when the site file names none; None leaves the reader's own.
    default_mode_identifier: int | None = None
    # GET_SUPPORTED_VERSION is known to be pointless: the family speaks 1.0.1 only.
    only_1_0_1: bool = False
    sources: tuple[str, ...] = ()


STANDARD = Quirks("standard")

BY_VENDOR: dict[int, Quirks] = {
    Vendor.IMPINJ: Quirks(
        "impinj",
        impinj_extensions=True,
        phase_modulo_pi=True,
        data_rate_is_blf=True,
        autoset_mode_min=1000,
        default_mode_identifier=1000,
        sources=(
            "[R420] modes 0, 1 and 4 all say 640000 bit/s at FM0, Miller 2 and Miller 4: that is the link frequency",
            "[R420] modes 1000 to 1005 carry no parameters: the reader sets them; RFModeID 1000 is the factory setting",
            "[S 124] mode 5 exists in the guide, yet not in the table of an R420: only listed modes are accepted",
        ),
    ),
    Vendor.ZEBRA: Quirks(
        "zebra",
        only_1_0_1=True,
        sources=(
            "[FX] GET_SUPPORTED_VERSION is answered by M_UnsupportedVersion",
            "[FX] MotoTagPhase (161, 709) is two bytes on the wire, four in the interface guide",
            "[S 115] an inventory that saw nothing is reported by an RO_ACCESS_REPORT of ten bytes",
        ),
    ),
    Vendor.ZEBRA_FX9500: Quirks(
        "zebra-fx9500", only_1_0_1=True, sources=("[S 115] DeviceManufacturerName 24831, ModelName 9500",)
    ),
    Vendor.THINGMAGIC: Quirks(
        "thingmagic",
        sources=(
            "[S 57], [S 177] ADD_ROSPEC: 'Adding AISpec with unsupported StopTrigger 3'",
            "[S 45] ADD_ROSPEC: a power index inside the table may be out of range for the antenna and region",
        ),
    ),
    Vendor.ALIEN: Quirks(
        "alien", sources=("no capture or report of a departure is known to us: treated as the standard says",)
    ),
}

KATHREIN_AND_IDX = Quirks(
    "kathrein-idx",
    sources=(
        "[S 206] a Kathrein RRU 1400 answers sllurp's opening with a plain ERROR_MESSAGE",
        "[S 148] a Sensormatic IDX-2000 and a Kathrein reader send replies sllurp cannot decode",
    ),
)
"""No manufacturer number is known to us for these: every optional step of the opening may fail with ERROR_MESSAGE."""


def quirks_of(manufacturer: int) -> Quirks:
    """The known quirks of a maker, `STANDARD` for an unknown one."""
    return BY_VENDOR.get(manufacturer, STANDARD)
