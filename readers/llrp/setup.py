"""What a client says to set a reader up, and to leave it, in the order things happen.

Scripts are generators: they yield requests and get their answers.

    GET_SUPPORTED_VERSION, SET_PROTOCOL_VERSION (fallback to 1.0.1), GET_READER_CAPABILITIES, vendor extensions,
    GET_READER_CONFIG, GET_ROSPECS and GET_ACCESSSPECS; then either our ROSpec is still there and runs (a lost
    connection: only SET_READER_CONFIG), or DELETE_ACCESSSPEC, DELETE_ROSPEC, SET_READER_CONFIG, ADD, ENABLE and START;
    and last ENABLE_EVENTS_AND_REPORTS, which releases what the reader has held since the connection was lost.
"""

from collections.abc import Callable, Generator

from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.enums import GetReaderCapabilitiesRequestedData, GetReaderConfigRequestedData, ROSpecState
from readers.llrp.facts import ReaderFacts, facts_of
from readers.llrp.messages_custom import ImpinjEnableExtensions, ImpinjEnableExtensionsResponse
from readers.llrp.quirks import quirks_of
from readers.llrp.refusal import ReaderRefused, must_succeed, status_of, succeeded
from readers.llrp.rospec import ROSPEC_ID, access_spec, reader_config, rospec
from readers.llrp.wire import VERSION_1_0_1, VERSION_1_1, Message
from warehouse.site import Reader

Script = Generator[Message, Message, None]


class Setup:
    """Setting one reader up. `version` is what is spoken as of now; `facts` are known before the inventory runs.

    `on_running` is told that it does, and whether it ran on while we were gone, before what was held is released.
    """

    def __init__(self, reader: Reader, version_max: int, on_running: Callable[[ReaderFacts, bool], None]) -> None:
        self._reader = reader
        self._version_max = version_max
        self._on_running = on_running
        self.version = VERSION_1_0_1
        self.negotiating = False
        self.facts: ReaderFacts | None = None

    def script(self) -> Script:
        """From the version to the running inventory. Raises `LlrpError` when the reader refuses, or cannot."""
        if self._version_max >= VERSION_1_1:
            yield from self._agree_on_version()
        capabilities = yield m.GetReaderCapabilities(GetReaderCapabilitiesRequestedData.All)
        if not isinstance(capabilities, m.GetReaderCapabilitiesResponse):
            raise ReaderRefused("GetReaderCapabilities", status_of(capabilities))
        must_succeed("GetReaderCapabilities", capabilities)
        extensions = yield from self._enable_extensions(capabilities)
        answer = yield m.GetReaderConfig(0, GetReaderConfigRequestedData.All, 0, 0)
        configuration = answer if isinstance(answer, m.GetReaderConfigResponse) and succeeded(answer) else None
        self.facts = facts_of(capabilities, configuration, self.version, extensions=extensions)
        wanted = rospec(self._reader, self.facts)
        wanted_access = access_spec(self._reader.inventory)
        resumed = yield from self._still_running(wanted, wanted_access)
        if not resumed:
            # A reader without AccessSpecs may refuse to delete them; what is left over would fail ADD_ROSPEC.
            yield m.DeleteAccessSpec(0)
            yield m.DeleteROSpec(0)
        must_succeed("SetReaderConfig", (yield reader_config(self._reader, self.facts)))
        if not resumed:
            must_succeed("AddROSpec", (yield m.AddROSpec(wanted)))
            if wanted_access is not None:
                must_succeed("AddAccessSpec", (yield m.AddAccessSpec(wanted_access)))
                identifier = wanted_access.AccessSpecID
                must_succeed("EnableAccessSpec", (yield m.EnableAccessSpec(identifier)))
            must_succeed("EnableROSpec", (yield m.EnableROSpec(ROSPEC_ID)))
            must_succeed("StartROSpec", (yield m.StartROSpec(ROSPEC_ID)))
        self._on_running(self.facts, resumed)
        yield m.EnableEventsAndReports()

    def _agree_on_version(self) -> Script:
        """Ask in 1.1; a reader of 1.0.1 answers with an error, and 1.0.1 it is."""
        self.negotiating = True
        supported = yield m.GetSupportedVersion()
        if isinstance(supported, m.GetSupportedVersionResponse) and succeeded(supported):
            if supported.CurrentVersion == VERSION_1_1:
                self.version = VERSION_1_1
            elif supported.SupportedVersion >= VERSION_1_1:
                settled = yield m.SetProtocolVersion(VERSION_1_1)
                if isinstance(settled, m.SetProtocolVersionResponse) and succeeded(settled):
                    self.version = VERSION_1_1
        self.negotiating = False

    def _enable_extensions(self, capabilities: m.GetReaderCapabilitiesResponse) -> Generator[Message, Message, bool]:
        general = capabilities.GeneralDeviceCapabilities
        wanted = self._reader.inventory.impinj_extensions
        if not wanted or general is None or not quirks_of(general.DeviceManufacturerName).impinj_extensions:
            return False
        answer = yield ImpinjEnableExtensions()
        return isinstance(answer, ImpinjEnableExtensionsResponse) and succeeded(answer)

    def _still_running(self, wanted: p.ROSpec, access: p.AccessSpec | None) -> Generator[Message, Message, bool]:
        """Whether exactly what we would add is there and active, left over from a connection that was lost."""
        answer = yield m.GetROSpecs()
        if not isinstance(answer, m.GetROSpecsResponse) or len(answer.ROSpec) != 1:
            return False
        there = answer.ROSpec[0]
        if there.CurrentState != ROSpecState.Active or _essence(there) != _essence(wanted):
            return False
        found = yield m.GetAccessSpecs()
        if not isinstance(found, m.GetAccessSpecsResponse):
            return access is None
        return [_access_essence(one) for one in found.AccessSpec] == (
            [_access_essence(access)] if access is not None else []
        )


def leaving(leave_running: bool) -> Script:
    """Our ROSpec is deleted unless it is to run on; then the connection is closed."""
    if not leave_running:
        yield m.DeleteAccessSpec(0)
        yield m.DeleteROSpec(ROSPEC_ID)
    yield m.CloseConnection()


def _essence(spec: p.ROSpec) -> tuple[object, ...]:
    """All of an ROSpec but its state."""
    return (spec.ROSpecID, spec.Priority, spec.ROBoundarySpec, spec.SpecParameter, spec.ROReportSpec)


def _access_essence(spec: p.AccessSpec) -> tuple[object, ...]:
    """All of an AccessSpec but its state."""
    return (spec.AccessSpecID, spec.AntennaID, spec.ROSpecID, spec.AccessSpecStopTrigger, spec.AccessCommand)
