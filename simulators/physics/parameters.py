"""Every number of the radio model, with where it comes from. Frozen before the decisions were fitted.

"Engineering choice" marks what no document gives: it is chosen so that the outcome matches a published figure, and
`tests/simulators/physics` checks that figure. Powers in dBm, gains in dBi, losses as positive dB, lengths in metres.
"""

from dataclasses import dataclass
from enum import IntEnum

LIGHT_M_S = 299_792_458.0

CHANNELS = 50
"""FCC 47 CFR 15.247(a)(1)(i): 50 hopping channels between 902 and 928 MHz."""

CHANNEL_FIRST_HZ = 902_750_000.0
CHANNEL_STEP_HZ = 500_000.0
"""Channel n (1 to 50) is at 902.75 + 0.5 (n − 1) MHz: the FCC hop table that readers of this band report in LLRP."""


class Session(IntEnum):
    """Gen2 sessions (GS1 EPC Gen2v2, "Sessions and inventoried flags")."""

    S0 = 0
    S1 = 1
    S2 = 2
    S3 = 3


@dataclass(frozen=True, slots=True)
class Propagation:
    """The path between antenna and tag.

    ground_reflection: amplitude coefficient of the floor. Concrete (relative permittivity about 5 in ITU-R P.2040)
        gives 0.2 to 0.6 over the angles of a portal; the mean of both polarisations, as a circular antenna sees it.
        Muehlmann et al. 2009 (IEEE MTT 57(7), portal channel model) found few-ray LOS models to fit portals.
    diffuse_below_los_db: K factor toward the boresight: how far the scattered field lies below the direct one.
        Engineering choice; dock doors are full of metal, and strays several metres behind the antenna are read.
    diffuse_waves: plane waves the scattered field is made of. Eight give Rayleigh statistics within 0.5 dB.
    diffuse_moving: how many of them come off moving things elsewhere, so that even a still tag's power wanders.
    diffuse_moving_hz: their greatest Doppler shift: a scatterer at 0.3 m/s. Engineering choice.
    excess_path_m: their greatest detour; 25 m is 83 ns, the delay spread of an industrial hall, and makes fading
        differ from channel to channel over the 26 MHz of the band.
    wall_db: loss through the wall between two doors (insulated steel panel). Engineering choice.
    """

    ground_reflection: float = -0.35
    diffuse_below_los_db: float = 9.0
    diffuse_waves: int = 8
    diffuse_moving: int = 2
    diffuse_moving_hz: float = 2.0
    excess_path_m: float = 25.0
    wall_db: float = 14.0


@dataclass(frozen=True, slots=True)
class Panel:
    """A reader antenna, the circular panel that most portals carry.

    gain_dbic and beam_deg: 8.5 dBic and 65°, the data-sheet class of FCC circular portal panels.
    front_to_back_db: floor of the pattern. The pattern itself is 3GPP TR 36.814 Table A.2.1.1-2:
        G(θ) = G − min(12 (θ/θ3dB)², A).
    polarisation_db: circular to linear, 3 dB by definition. cable_db: 6 m of LMR-240 class cable at 915 MHz.
    """

    gain_dbic: float = 8.5
    beam_deg: float = 65.0
    front_to_back_db: float = 20.0
    polarisation_db: float = 3.0
    cable_db: float = 1.5


@dataclass(frozen=True, slots=True)
class Inlay:
    """Tags as applied to goods.

    gain_dbi: half-wave dipole, 2.15 dBi. pattern_floor_db: what is left along its axis (bent arms, near reflections;
        engineering choice).
    sensitivity_dbm: tag power that just runs the chip behind its own antenna. Monza R6 data sheet (2014): −22.1 dBm
        "with a dipole antenna"; that is −20 dBm at the chip. Matching losses on a carton leave −17.5 (engineering).
    sensitivity_sd_db: spread between tags as applied (position, detuning); engineering choice.
    backscatter_db: loss between power taken and power sent back, modulation included; 5 to 6 dB for a matched ASK chip
        (Nikitin and Rao 2006, IEEE AP Magazine 48(6), differential radar cross section).
    weak_share, weak_db: bent, torn or badly placed tags, which make missed reads. Engineering choice.
    """

    gain_dbi: float = 2.15
    pattern_floor_db: float = 12.0
    sensitivity_dbm: float = -17.5
    sensitivity_sd_db: float = 2.0
    backscatter_db: float = 6.0
    weak_share: float = 0.02
    weak_db: float = 7.0


@dataclass(frozen=True, slots=True)
class Receiver:
    """What the reader makes of a reply.

    sensitivity_dbm: −82 dBm is the class of Speedway and FX readers in dense modes. decode_slope_db: width of the
        step from lost to read. decode_best: replies read at high power; what is left are bit errors by interference.
    rssi_noise_db, rssi_step_db: reported RSSI; step as in Impinj's Low Level User Data (peak RSSI in dBm × 100, seen in
        steps of 0.5 dB).
    phase_noise_rad: at 20 dB above sensitivity; grows as 1/√SNR. Same note: 12-bit phase, ambiguous by π.
    packet_s: length of the EPC reply that the Doppler estimate spans; its noise follows from phase_noise_rad.
    """

    sensitivity_dbm: float = -82.0
    decode_slope_db: float = 0.8
    decode_best: float = 0.97
    rssi_noise_db: float = 0.6
    rssi_step_db: float = 0.5
    phase_noise_rad: float = 0.08
    packet_s: float = 0.0025


@dataclass(frozen=True, slots=True)
class AirLink:
    """One reader mode: the Gen2 link parameters that set how long each slot takes (`timing`).

    The default is a dense-reader mode: Miller 4 at BLF 256 kHz, Tari 20 µs; `FAST` is FM0 at 640 kHz, Tari 6.25 µs.
    """

    tari_us: float = 20.0
    blf_khz: float = 256.0
    miller: int = 4
    pilot: bool = True


DENSE = AirLink()
FAST = AirLink(tari_us=6.25, blf_khz=640.0, miller=1, pilot=False)


@dataclass(frozen=True, slots=True)
class Inventory:
    """How a reader takes inventory.

    dwell_s: time on one antenna (LLRP AISpec duration); hop_s: time on one channel, under the 0.4 s of FCC
        15.247(a)(1)(i). switch_s: antenna switching, no field. round_gap_s: between inventory rounds, where a reader
        reports and decides; set so that a lone tag that half the antennas hear is read 14 to 25 times a second, as
        measured on a lab R420.
    dual_target: reads A then B then A (tags read again and again), else only A (read once per persistence).
    """

    session: Session = Session.S1
    dual_target: bool = True
    tag_population: int = 32
    dwell_s: float = 0.1
    hop_s: float = 0.2
    switch_s: float = 0.004
    round_gap_s: float = 0.018
    link: AirLink = DENSE


@dataclass(frozen=True, slots=True)
class Persistence:
    """How long a tag stays inventoried (GS1 EPC Gen2v2, table of inventoried-flag persistence times), seconds.

    S0 forgets when the field goes. S1: nominally 0.5 to 5 s, powered or not. S2 and S3: for ever while powered, more
    than 2 s without; chips keep it much longer, up to a minute: drawn from 2 to 20 s (engineering choice).
    """

    s1_s: tuple[float, float] = (0.5, 5.0)
    s2_s: tuple[float, float] = (2.0, 20.0)


@dataclass(frozen=True, slots=True)
class Clock:
    """Reader clocks after the driver's correction: residual offset (NTP on a plant network) and crystal drift."""

    offset_sd_us: float = 4_000.0
    drift_sd_ppm: float = 10.0


@dataclass(frozen=True, slots=True)
class Material:
    """Goods as an obstacle: loss per metre through them, and the most that diffraction around lets them cost."""

    db_per_m: float
    most_db: float


MATERIALS = {
    # Dry cartons: measured losses of packed cardboard are 1 to 3 dB a metre and some dB by reflection.
    "dry": Material(4.0, 8.0),
    # Mixed goods with some metal and moisture.
    "mixed": Material(9.0, 14.0),
    # Water at 915 MHz loses about 90 dB a metre (penetration depth 4 to 5 cm), so the detour around decides.
    "liquid": Material(60.0, 22.0),
    # Metal reflects; the detour decides.
    "metal": Material(400.0, 20.0),
    # A body is mostly water, and narrow.
    "person": Material(60.0, 10.0),
    # Mast and counterweight of a truck, with gaps.
    "truck": Material(30.0, 14.0),
    "air": Material(0.0, 0.0),
}
"""Engineering choices, ordered as published: dry goods < mixed < metal, liquids; persons cost 6 to 12 dB in doors."""


@dataclass(frozen=True, slots=True)
class Physics:
    """All of it."""

    propagation: Propagation = Propagation()
    panel: Panel = Panel()
    inlay: Inlay = Inlay()
    receiver: Receiver = Receiver()
    persistence: Persistence = Persistence()
    clock: Clock = Clock()


def channel_hz(channel: int) -> float:
    """Centre frequency of channel 1 to 50, Hz."""
    return CHANNEL_FIRST_HZ + CHANNEL_STEP_HZ * (channel - 1)
