"""What LLRP 1.1 added to parameters that 1.0.1 has too, so what a description of 1.0 lacks."""

NEW_IN_1_1 = {
    "GeneralDeviceCapabilities": {"MaximumReceiveSensitivity"},
    "UHFBandCapabilities": {"RFSurveyFrequencyCapabilities"},
    "ReaderEventNotificationData": {"SpecLoopEvent"},
    "TagReportContentSelector": {"Custom"},
    "AntennaConfiguration": {"Custom"},
    "C1G2LLRPCapabilities": {
        "CanSupportBlockPermalock",
        "CanSupportTagRecommissioning",
        "CanSupportUMIMethod2",
        "CanSupportXPC",
    },
    "C1G2TagInventoryStateAwareSingulationAction": {"S_All"},
    "C1G2EPCMemorySelector": {"EnableXPCBits"},
}
