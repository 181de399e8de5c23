"""Keys and EPCs against the published examples."""

import pytest

from simulators.gs1 import check_digit, gtin14, sgtin96_hex, sscc18, sscc96_hex


def test_the_sgtin_of_the_tag_data_standard() -> None:
    # urn:epc:id:sgtin:0614141.812345.6789, filter 3.
    assert sgtin96_hex("0614141", 12345, 6789, indicator=8, filter_value=3) == "3074257BF7194E4000001A85"


def test_the_sscc_of_the_tag_data_standard() -> None:
    # urn:epc:id:sscc:0614141.1234567890, filter 3.
    assert sscc96_hex("0614141", 234567890, extension=1, filter_value=3) == "3174257BF4499602D2000000"


def test_check_digits() -> None:
    # GS1 check-digit calculator example: GTIN-13 6291041500213.
    assert check_digit("629104150021") == "3"
    assert gtin14("0614141", 12345, indicator=8).startswith("8061414112345")
    assert len(gtin14("0614141", 12345)) == 14
    assert len(sscc18("0614141", 234567890, 1)) == 18


def test_fields_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="SGTIN"):
        sgtin96_hex("0614141", 100_000, 1)
    with pytest.raises(ValueError, match="SSCC"):
        sscc96_hex("061414", 1)
