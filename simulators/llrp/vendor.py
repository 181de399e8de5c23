"""Vendor parameters in requests: Impinj's are understood by Impinj models, once their extensions are enabled."""

from readers.llrp import params as p
from readers.llrp.enums import StatusCode
from readers.llrp.messages import SetReaderConfig
from simulators.llrp.models import ReaderModel
from simulators.llrp.refusal import Refusal


def check_vendor_parameters(spec: p.ROSpec, model: ReaderModel, *, extensions_enabled: bool) -> Refusal | None:
    """Why the vendor parameters inside an ROSpec are refused; None when there are none or all are known."""
    for path, custom in _customs(spec):
        known = isinstance(custom, p.VendorParameter) and model.is_impinj
        if not known:
            return Refusal(StatusCode.P_UnsupportedParameter, "unknown vendor parameter", (*path, custom.TYPE))
        if not extensions_enabled:
            why = "IMPINJ_ENABLE_EXTENSIONS comes first"
            return Refusal(StatusCode.P_UnexpectedParameter, why, (*path, custom.TYPE))
    return None


def check_vendor_settings(request: SetReaderConfig, model: ReaderModel) -> Refusal | None:
    """Why the vendor parameters of a SET_READER_CONFIG are refused. Known ones are taken, and change nothing here."""
    customs = [*request.Custom, *(custom for antenna in request.AntennaConfiguration for custom in antenna.Custom)]
    for custom in customs:
        if not (isinstance(custom, p.VendorParameter) and model.is_impinj):
            return Refusal(StatusCode.P_UnsupportedParameter, "unknown vendor parameter", (custom.TYPE,))
    return None


def _customs(spec: p.ROSpec) -> list[tuple[tuple[int, ...], p.CustomParameter]]:
    """Every vendor parameter with the path to it."""
    found: list[tuple[tuple[int, ...], p.CustomParameter]] = []
    top = (spec.TYPE,)
    for part in spec.SpecParameter:
        if not isinstance(part, p.AISpec):
            continue
        ai = (*top, part.TYPE)
        found += [(ai, custom) for custom in part.Custom]
        for inventory in part.InventoryParameterSpec:
            inside = (*ai, inventory.TYPE)
            found += [(inside, custom) for custom in inventory.Custom]
            for antenna in inventory.AntennaConfiguration:
                deeper = (*inside, antenna.TYPE)
                found += [(deeper, custom) for custom in antenna.Custom]
                for command in antenna.AirProtocolInventoryCommandSettings:
                    found += [((*deeper, command.TYPE), custom) for custom in command.Custom]
    report = spec.ROReportSpec
    if report is not None:
        outer = (*top, report.TYPE)
        found += [(outer, custom) for custom in report.Custom]
        selector = report.TagReportContentSelector
        found += [((*outer, selector.TYPE), custom) for custom in selector.Custom]
    return found
