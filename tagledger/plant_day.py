"""A plant's day as it is lived: its paper entered when its time comes, its clock started with the first of it."""

from collections.abc import Awaitable, Callable

from simulators.plant import Plant
from tagledger.plant_entry import document_commands, opening_commands, storage_commands
from tagledger.plant_process import RunningPlant
from warehouse.commands import Command, Refusal, Result

# After the last load: a passage closes within 2 s of it, and what was late may amend it.
SETTLE_S = 5.0

Enter = Callable[[Command, str], Awaitable[Result | Refusal]]
"""Takes a command and its client event id."""


async def live_a_day(plant: Plant, running: RunningPlant, submit: Enter) -> None:
    """Enter the paper when its time comes, until the day is over and everything has settled."""
    entered = 0

    async def enter(command: Command) -> None:
        nonlocal entered
        entered += 1
        outcome = await submit(command, f"{plant.seed}-{entered}")
        if isinstance(outcome, Refusal):
            raise RuntimeError(f"the plant's {type(command).__name__} was refused: {outcome.field} {outcome.message}")

    for command in (*storage_commands(plant), *opening_commands(plant)):
        await enter(command)
    known_units = {standing.unit.sscc for standing in plant.opening}
    started = False
    for document in plant.documents:  # in the order they are announced
        if not started and document.announced_us > plant.start_us:
            running.start()
            started = True
        while running.clock.now_us() < document.announced_us:
            await running.clock.sleep_until(document.announced_us)
        for command in document_commands(document, known_units):
            await enter(command)
    if not started:
        running.start()
    end_us = plant.end_us + round(SETTLE_S * 1e6)
    while running.clock.now_us() < end_us:
        await running.clock.sleep_until(end_us)
