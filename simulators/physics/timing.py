"""How long a Gen2 slot takes, from the link parameters (GS1 EPC Gen2v2, link timing and command lengths).

A slot is a QueryRep and what follows: nothing (empty), garbled RN16s (collision), or RN16, ACK, PC + EPC + CRC
(success). Reader symbols: data-0 is one Tari, data-1 two, so 1.5 Tari a bit on average; a frame-sync costs delimiter,
data-0 and RTcal; Query has a TRcal besides. Tag symbols take `miller` cycles of the BLF. T1 = max(RTcal, 10 Tpri),
T2 is between 3 and 20 Tpri (10 here), T3 is taken as 5 Tpri.
"""

from dataclasses import dataclass

from simulators.physics.parameters import AirLink

DELIMITER_US = 12.5
QUERY_BITS = 22
QUERY_REP_BITS = 4
ACK_BITS = 18
RN16_BITS = 16
EPC_REPLY_BITS = 16 + 96 + 16


@dataclass(frozen=True, slots=True)
class SlotTimes:
    """Seconds."""

    query_s: float
    empty_s: float
    collision_s: float
    success_s: float


def slot_times(link: AirLink) -> SlotTimes:
    """The durations of a mode's slots for 96-bit EPCs."""
    bit_us = 1.5 * link.tari_us
    rtcal_us = 3.0 * link.tari_us
    tpri_us = 1000.0 / link.blf_khz
    sync_us = DELIMITER_US + link.tari_us + rtcal_us
    trcal_us = min(3.0 * rtcal_us, max(1.1 * rtcal_us, 64.0 / 3.0 * tpri_us))
    t1_us = max(rtcal_us, 10.0 * tpri_us)
    t2_us = 10.0 * tpri_us
    t3_us = 5.0 * tpri_us
    preamble_symbols = (6 if link.miller == 1 else 10) + (12 if link.pilot else 0)

    def reply_us(bits: int) -> float:
        return (preamble_symbols + bits + 1) * link.miller * tpri_us

    query_us = sync_us + trcal_us + QUERY_BITS * bit_us
    rep_us = sync_us + QUERY_REP_BITS * bit_us
    ack_us = sync_us + ACK_BITS * bit_us
    empty_us = rep_us + t1_us + t3_us
    collision_us = rep_us + t1_us + reply_us(RN16_BITS) + t2_us
    success_us = collision_us + ack_us + t1_us + reply_us(EPC_REPLY_BITS) + t2_us
    return SlotTimes(query_us / 1e6, empty_us / 1e6, collision_us / 1e6, success_us / 1e6)
