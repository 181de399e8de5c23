"""What was read out of tags beside their EPC."""

from dataclasses import dataclass

from readers.llrp.enums_c1g2 import C1G2ReadResultType


@dataclass(frozen=True, slots=True)
class TagMemory:
    """Result of one C1G2Read, or an Impinj SerializedTID (then both ids are 0). `data` holds whole 16-bit words.

    `at_us` is the read's last_us, corrected; `epc` has `epc_bits` bits.
    """

    epc: bytes
    epc_bits: int
    antenna: int
    at_us: int
    access_spec_id: int
    op_spec_id: int
    result: C1G2ReadResultType
    data: bytes

    @property
    def is_tid(self) -> bool:
        """Whether this is a TID that came by itself, not the result of an access operation."""
        return self.op_spec_id == 0 and self.access_spec_id == 0
