"""A part that fails begins again, and does not take the others or the service with it."""

import asyncio

from tagledger.background import keep_going


async def test_a_part_that_fails_begins_again() -> None:
    begun = 0
    steady = asyncio.Event()

    async def part() -> None:
        nonlocal begun
        begun += 1
        if begun < 3:
            raise RuntimeError("a bug")
        steady.set()
        await asyncio.Event().wait()

    going = asyncio.create_task(keep_going("part", part, 0))
    async with asyncio.timeout(60):
        await steady.wait()
    assert begun == 3
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)
    assert going.cancelled()
