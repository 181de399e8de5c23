"""Enumerations of the C1G2 air protocol: LLRP 1.0.1 §15, with what 1.1 added."""

from readers.llrp.enums import WireEnum


class C1G2DRValue(WireEnum):
    """LLRP 1.0.1 §15.2.1.1.2.1."""

    DRV_8 = 0
    DRV_64_3 = 1


class C1G2MValue(WireEnum):
    """LLRP 1.0.1 §15.2.1.1.2.1."""

    MV_FM0 = 0
    MV_2 = 1
    MV_4 = 2
    MV_8 = 3


class C1G2ForwardLinkModulation(WireEnum):
    """LLRP 1.0.1 §15.2.1.1.2.1."""

    PR_ASK = 0
    SSB_ASK = 1
    DSB_ASK = 2


class C1G2SpectralMaskIndicator(WireEnum):
    """LLRP 1.0.1 §15.2.1.1.2.1."""

    Unknown = 0
    SI = 1
    MI = 2
    DI = 3


class C1G2TruncateAction(WireEnum):
    """LLRP 1.0.1 §15.2.1.2.1.1."""

    Unspecified = 0
    Do_Not_Truncate = 1
    Truncate = 2


class C1G2StateAwareTarget(WireEnum):
    """LLRP 1.0.1 §15.2.1.2.1.1.2."""

    SL = 0
    Inventoried_State_For_Session_S0 = 1
    Inventoried_State_For_Session_S1 = 2
    Inventoried_State_For_Session_S2 = 3
    Inventoried_State_For_Session_S3 = 4


class C1G2StateAwareAction(WireEnum):
    """LLRP 1.0.1 §15.2.1.2.1.1.2."""

    AssertSLOrA_DeassertSLOrB = 0
    AssertSLOrA_Noop = 1
    Noop_DeassertSLOrB = 2
    NegateSLOrABBA_Noop = 3
    DeassertSLOrB_AssertSLOrA = 4
    DeassertSLOrB_Noop = 5
    Noop_AssertSLOrA = 6
    Noop_NegateSLOrABBA = 7


class C1G2StateUnawareAction(WireEnum):
    """LLRP 1.0.1 §15.2.1.2.1.1.3."""

    Select_Unselect = 0
    Select_DoNothing = 1
    DoNothing_Unselect = 2
    Unselect_DoNothing = 3
    Unselect_Select = 4
    DoNothing_Select = 5


class C1G2TagInventoryStateAwareI(WireEnum):
    """LLRP 1.0.1 §15.2.1.2.1.3.1."""

    State_A = 0
    State_B = 1


class C1G2TagInventoryStateAwareS(WireEnum):
    """LLRP 1.0.1 §15.2.1.2.1.3.1."""

    SL = 0
    Not_SL = 1


class C1G2LockPrivilege(WireEnum):
    """LLRP 1.0.1 §15.2.1.3.2.4.1."""

    Read_Write = 0
    Perma_Lock = 1
    Perma_Unlock = 2
    Unlock = 3


class C1G2LockDataField(WireEnum):
    """LLRP 1.0.1 §15.2.1.3.2.4.1."""

    Kill_Password = 0
    Access_Password = 1
    EPC_Memory = 2
    TID_Memory = 3
    User_Memory = 4


class C1G2ReadResultType(WireEnum):
    """LLRP 1.0.1 §15.2.1.5.5.1."""

    Success = 0
    Nonspecific_Tag_Error = 1
    No_Response_From_Tag = 2
    Nonspecific_Reader_Error = 3
    Memory_Overrun_Error = 4  # 1.1
    Memory_Locked_Error = 5  # 1.1
    Incorrect_Password_Error = 6  # 1.1


class C1G2WriteResultType(WireEnum):
    """LLRP 1.0.1 §15.2.1.5.5.2."""

    Success = 0
    Tag_Memory_Overrun_Error = 1
    Tag_Memory_Locked_Error = 2
    Insufficient_Power = 3
    Nonspecific_Tag_Error = 4
    No_Response_From_Tag = 5
    Nonspecific_Reader_Error = 6
    Incorrect_Password_Error = 7  # 1.1


class C1G2KillResultType(WireEnum):
    """LLRP 1.0.1 §15.2.1.5.5.3."""

    Success = 0
    Zero_Kill_Password_Error = 1
    Insufficient_Power = 2
    Nonspecific_Tag_Error = 3
    No_Response_From_Tag = 4
    Nonspecific_Reader_Error = 5
    Incorrect_Password_Error = 6  # 1.1


class C1G2LockResultType(WireEnum):
    """LLRP 1.0.1 §15.2.1.5.5.4."""

    Success = 0
    Insufficient_Power = 1
    Nonspecific_Tag_Error = 2
    No_Response_From_Tag = 3
    Nonspecific_Reader_Error = 4
    Incorrect_Password_Error = 5  # 1.1
    Tag_Memory_Overrun_Error = 6  # 1.1
    Tag_Memory_Locked_Error = 7  # 1.1


class C1G2BlockEraseResultType(WireEnum):
    """LLRP 1.0.1 §15.2.1.5.5.5."""

    Success = 0
    Tag_Memory_Overrun_Error = 1
    Tag_Memory_Locked_Error = 2
    Insufficient_Power = 3
    Nonspecific_Tag_Error = 4
    No_Response_From_Tag = 5
    Nonspecific_Reader_Error = 6
    Incorrect_Password_Error = 7  # 1.1


class C1G2BlockWriteResultType(WireEnum):
    """LLRP 1.0.1 §15.2.1.5.5.6."""

    Success = 0
    Tag_Memory_Overrun_Error = 1
    Tag_Memory_Locked_Error = 2
    Insufficient_Power = 3
    Nonspecific_Tag_Error = 4
    No_Response_From_Tag = 5
    Nonspecific_Reader_Error = 6
    Incorrect_Password_Error = 7  # 1.1


class C1G2RecommissionResultType(WireEnum):
    """New in LLRP 1.1."""

    Success = 0
    Zero_Kill_Password_Error = 1
    Insufficient_Power = 2
    Nonspecific_Tag_Error = 3
    No_Response_From_Tag = 4
    Nonspecific_Reader_Error = 5
    Incorrect_Password_Error = 6


class C1G2BlockPermalockResultType(WireEnum):
    """New in LLRP 1.1."""

    Success = 0
    Insufficient_Power = 1
    Nonspecific_Tag_Error = 2
    No_Response_From_Tag = 3
    Nonspecific_Reader_Error = 4
    Incorrect_Password_Error = 5
    Tag_Memory_Overrun_Error = 6


class C1G2GetBlockPermalockStatusResultType(WireEnum):
    """New in LLRP 1.1."""

    Success = 0
    Nonspecific_Tag_Error = 1
    No_Response_From_Tag = 2
    Nonspecific_Reader_Error = 3
    Incorrect_Password_Error = 4
    Tag_Memory_Overrun_Error = 5
