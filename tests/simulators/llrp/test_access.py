"""AccessSpecs: which tags they match, what reading and writing tag memory gives, when they end."""

import pytest

from readers.llrp import enums as e
from readers.llrp import enums_c1g2 as g
from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.wire import BitArray
from simulators.llrp.models import FX9600
from simulators.llrp.radio import TagMemory
from tests.simulators.llrp.talk import EPCS, Talk, epc_of, report_spec, rospec, use_1_1

USER = [0x1111, 0x2222, 0x3333, 0x4444]
TID = [0xE280, 0x1160, 0x6000, 0x0204]
READ, WRITE = g.C1G2ReadResultType, g.C1G2WriteResultType


def memories(**changes: object) -> dict[bytes, TagMemory]:
    return {EPCS[0]: TagMemory({0: [0, 0, 0xABCD, 0x1234], 2: list(TID), 3: list(USER)}, **changes)}  # type: ignore[arg-type]


def access(
    *operations: p.Parameter,
    epc: bytes = EPCS[0],
    match: bool = True,
    count: int = 1,
    antenna: int = 0,
    rospec_id: int = 0,
    at_once: bool = True,
) -> p.AccessSpec:
    mask = BitArray(len(epc) * 8, b"\xff" * len(epc))
    stop = e.AccessSpecStopTriggerType.Operation_Count if count else e.AccessSpecStopTriggerType.Null
    report = e.AccessReportTriggerType.End_Of_AccessSpec if at_once else e.AccessReportTriggerType(0)
    return p.AccessSpec(
        1,
        antenna,
        e.AirProtocols.EPCGlobalClass1Gen2,
        e.AccessSpecState.Disabled,
        rospec_id,
        p.AccessSpecStopTrigger(stop, count),
        p.AccessCommand(p.C1G2TagSpec((p.C1G2TargetTag(1, match, 32, mask, BitArray(len(epc) * 8, epc)),)), operations),
        p.AccessReportSpec(report),
    )


def results(talk: Talk, spec: p.AccessSpec, *, seconds: float = 0.5) -> list[tuple[bytes, tuple[p.Parameter, ...]]]:
    """Run an inventory with this AccessSpec; what it did to whom."""
    report = report_spec(1, 0, EnableAccessSpecID=True)
    talk.ok(m.AddROSpec(rospec(report=report)), m.AddAccessSpec(spec), m.EnableAccessSpec(1), m.EnableROSpec(1))
    talk.wait(seconds)
    talk.ok(m.DisableROSpec(1))
    return [
        (epc_of(tag), tag.AccessCommandOpSpecResult)
        for tags in talk.reports()
        for tag in tags
        if tag.AccessCommandOpSpecResult
    ]


def only(found: list[tuple[bytes, tuple[p.Parameter, ...]]]) -> p.Parameter:
    ((_, (result,)),) = found
    return result


def test_user_memory_and_tid_are_read_from_the_matching_tag_once() -> None:
    talk = Talk(memories=memories())
    found = results(talk, access(p.C1G2Read(1, 0, 3, 1, 2), p.C1G2Read(2, 0, 2, 0, 0)))
    expected = (
        p.C1G2ReadOpSpecResult(READ.Success, 1, (0x2222, 0x3333)),
        p.C1G2ReadOpSpecResult(READ.Success, 2, tuple(TID)),
    )
    assert found == [(EPCS[0], expected)]


def test_an_accessspec_is_deleted_when_its_count_is_reached() -> None:
    talk = Talk(memories=memories())
    results(talk, access(p.C1G2Read(1, 0, 3, 0, 1), count=2))
    assert talk.ask(m.GetAccessSpecs()).AccessSpec == ()


def test_an_accessspec_without_a_count_goes_on() -> None:
    talk = Talk(memories=memories())
    found = results(talk, access(p.C1G2Read(1, 0, 3, 0, 1), count=0))
    assert len(found) == 5
    (kept,) = talk.ask(m.GetAccessSpecs()).AccessSpec
    assert kept.CurrentState == e.AccessSpecState.Active


def test_the_result_is_reported_at_once_or_with_the_next_report() -> None:
    for at_once in (True, False):
        talk = Talk(memories=memories())
        report = report_spec(1, 0, EnableAccessSpecID=True)
        talk.ok(m.AddROSpec(rospec(report=report)), m.AddAccessSpec(access(p.C1G2Read(1, 0, 3, 0, 1), at_once=at_once)))
        talk.ok(m.EnableAccessSpec(1), m.EnableROSpec(1))
        talk.wait(0.2)
        early = talk.reports()
        assert bool(early) == at_once
        talk.ok(m.StopROSpec(1))
        tags = [tag for report_ in (*early, *talk.reports()) for tag in report_]
        (worked_on,) = [tag for tag in tags if tag.AccessCommandOpSpecResult]
        assert worked_on.AccessSpecID.AccessSpecID == 1
        assert sum(tag.TagSeenCount.TagCount for tag in tags) == 20


def test_a_pattern_can_mean_every_other_tag() -> None:
    talk = Talk(memories=memories())
    found = results(talk, access(p.C1G2Read(1, 0, 1, 2, 6), match=False, count=9))
    assert {epc for epc, _ in found} == set(EPCS[1:])


def test_an_empty_pattern_means_every_tag() -> None:
    found = results(Talk(), access(p.C1G2Read(1, 0, 1, 1, 7), epc=b"", count=10))
    assert {epc for epc, _ in found} == set(EPCS)
    for epc, (result,) in found:
        assert b"".join(word.to_bytes(2, "big") for word in result.ReadData) == b"\x30\x00" + epc


def test_antenna_and_rospec_of_the_accessspec_must_fit() -> None:
    assert results(Talk(memories=memories()), access(p.C1G2Read(1, 0, 3, 0, 1), antenna=2)) == []
    assert results(Talk(memories=memories()), access(p.C1G2Read(1, 0, 3, 0, 1), rospec_id=9)) == []


@pytest.mark.parametrize(
    ("operation", "old", "new"),
    [
        (p.C1G2Read(1, 0, 3, 3, 2), READ.Nonspecific_Tag_Error, READ.Memory_Overrun_Error),
        (p.C1G2Read(1, 0xBAD, 3, 0, 1), READ.Nonspecific_Tag_Error, READ.Incorrect_Password_Error),
        (p.C1G2Write(1, 0, 3, 3, (1, 2)), WRITE.Tag_Memory_Overrun_Error, WRITE.Tag_Memory_Overrun_Error),
        (p.C1G2Write(1, 0, 2, 0, (1,)), WRITE.Tag_Memory_Locked_Error, WRITE.Tag_Memory_Locked_Error),
        (p.C1G2Write(1, 0xBAD, 3, 0, (1,)), WRITE.Nonspecific_Tag_Error, WRITE.Incorrect_Password_Error),
    ],
    ids=["beyond the bank", "wrong password", "write beyond", "write the TID", "write with a wrong password"],
)
def test_failures_have_the_result_types_of_their_version(operation: p.Parameter, old: int, new: int) -> None:
    assert only(results(Talk(memories=memories()), access(operation))).Result == old
    assert only(results(use_1_1(Talk(memories=memories())), access(operation))).Result == new


def test_what_is_written_is_read_back() -> None:
    stored = memories()
    talk = Talk(memories=stored)
    found = results(talk, access(p.C1G2Write(1, 0, 3, 1, (0xAAAA, 0xBBBB)), p.C1G2Read(2, 0, 3, 0, 0)))
    ((_, (written, read)),) = found
    assert (written.Result, written.NumWordsWritten) == (WRITE.Success, 2)
    assert read.ReadData == (0x1111, 0xAAAA, 0xBBBB, 0x4444)
    assert stored[EPCS[0]].banks[3][1] == 0xAAAA


def test_a_locked_bank_needs_the_password() -> None:
    stored = memories(locked_banks=frozenset({3}))
    assert only(results(Talk(memories=stored), access(p.C1G2Write(1, 0, 3, 0, (1,))))).Result == (
        WRITE.Tag_Memory_Locked_Error
    )
    with_password = p.C1G2Write(1, 0xABCD1234, 3, 0, (1,))
    assert only(results(Talk(memories=stored), access(with_password))).Result == WRITE.Success


def test_locking_takes_the_password_and_holds() -> None:
    payload = (p.C1G2LockPayload(g.C1G2LockPrivilege.Read_Write, g.C1G2LockDataField.User_Memory),)
    stored = memories()
    assert only(results(Talk(memories=stored), access(p.C1G2Lock(1, 0, payload)))).Result != 0
    assert only(results(Talk(memories=stored), access(p.C1G2Lock(1, 0xABCD1234, payload)))).Result == 0
    assert only(results(Talk(memories=stored), access(p.C1G2Write(1, 0, 3, 0, (1,))))).Result == (
        WRITE.Tag_Memory_Locked_Error
    )


def test_a_reader_that_can_erase_erases() -> None:
    stored = memories()
    assert only(results(Talk(FX9600, memories=stored), access(p.C1G2BlockErase(1, 0, 3, 1, 2)))).Result == 0
    assert stored[EPCS[0]].banks[3] == [0x1111, 0, 0, 0x4444]


def test_a_killed_tag_never_answers_again() -> None:
    stored = {EPCS[0]: TagMemory({0: [0xDEAD, 0xBEEF, 0, 0]})}
    assert only(results(Talk(memories=stored), access(p.C1G2Kill(1, 0)))).Result == (
        g.C1G2KillResultType.Zero_Kill_Password_Error
    )
    talk = Talk(memories=stored)
    assert only(results(talk, access(p.C1G2Kill(1, 0xDEADBEEF)))).Result == 0
    talk.ok(m.EnableROSpec(1))
    talk.wait(0.5)
    talk.ok(m.DisableROSpec(1))
    assert {epc_of(tag) for tags in talk.reports() for tag in tags} == set(EPCS[1:])


def test_a_tag_whose_epc_is_rewritten_answers_with_the_new_one() -> None:
    new = bytes.fromhex("e2801160600002040000beef")
    words = tuple(int.from_bytes(new[place : place + 2], "big") for place in range(0, 12, 2))
    talk = Talk()
    results(talk, access(p.C1G2Write(1, 0, 1, 2, words)))
    talk.ok(m.EnableROSpec(1))
    talk.wait(0.5)
    talk.ok(m.DisableROSpec(1))
    assert {epc_of(tag) for tags in talk.reports() for tag in tags} == {new, *EPCS[1:]}
    shorter = p.C1G2Write(1, 0, 1, 1, (4 << 11, *words[:4]))
    again = results_again(talk, access(shorter, epc=new))
    assert {epc_of(tag) for tag in again} >= {new[:8]}


def results_again(talk: Talk, spec: p.AccessSpec) -> list[p.TagReportData]:
    """Another AccessSpec on the inventory that is there."""
    talk.ok(m.AddAccessSpec(spec), m.EnableAccessSpec(1), m.EnableROSpec(1))
    talk.wait(0.5)
    talk.ok(m.DisableROSpec(1))
    return [tag for tags in talk.reports() for tag in tags]
