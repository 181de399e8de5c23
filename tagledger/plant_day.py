"""A plant's day as it is lived: its paper, and what people enter on handhelds, when the time for it comes; its clock is
started with the first of it.

Who asks for a transfer does not approve it, and who counts decides about no difference: each command has its person.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from simulators.plant import Plant
from simulators.plant_store import CountBegun, CountEnded, Errand, Missing, Scan, Seen
from tagledger.plant_entry import (
    document_commands,
    errand_commands,
    opening_commands,
    storage_commands,
    store_commands,
)
from tagledger.plant_process import RunningPlant
from warehouse.commands import ApproveDocument, Command, Refusal, Result
from warehouse.times import from_us

# After the end of the day, seconds after the last load: by then it was looked at again, 9 s after it left.
SETTLE_S = 5.0
PLANNER, MANAGER = "demo", "manager"

Enter = Callable[[Command, str, str], Awaitable[Result | Refusal]]
"""Takes a command, who gives it, and its client event id."""
Tell = Callable[[datetime, str, str], None]
"""Takes when it happened, who did it, and what in words."""


async def live_a_day(plant: Plant, running: RunningPlant, submit: Enter, tell: Tell | None = None) -> None:
    """Enter the paper when its time comes, until the day is over and everything has settled."""
    entered = 0

    async def enter(command: Command, who: str = PLANNER) -> Result | Refusal:
        nonlocal entered
        entered += 1
        return await submit(command, who, f"{plant.seed}-{entered}")

    async def demand(command: Command) -> None:
        outcome = await enter(command, MANAGER if isinstance(command, ApproveDocument) else PLANNER)
        if isinstance(outcome, Refusal):
            raise RuntimeError(f"the plant's {type(command).__name__} was refused: {outcome.field} {outcome.message}")

    async def run(errand: Errand) -> None:
        """A person who is refused is told, and the books show it at the end of the day."""
        said = _words(errand)
        for command in errand_commands(errand):
            outcome = await enter(command, errand.who)
            if isinstance(outcome, Refusal):
                said = f"{said}: refused, {outcome.message}"
                break
        if tell is not None:
            tell(from_us(errand.at_us), errand.who, said)

    for command in (*storage_commands(plant), *opening_commands(plant), *store_commands(plant)):
        await demand(command)
    known_units = {standing.unit.sscc for standing in plant.opening}
    errands = plant.store.errands if plant.store is not None else ()
    agenda = sorted(
        [(document.announced_us, 0, n) for n, document in enumerate(plant.documents)]
        + [(errand.at_us, 1, n) for n, errand in enumerate(errands)]
    )
    started = False
    for at_us, is_errand, n in agenda:
        if not started and at_us > plant.start_us:
            running.start()
            started = True
        while running.clock.now_us() < at_us:
            await running.clock.sleep_until(at_us)
        if is_errand:
            await run(errands[n])
            continue
        for command in document_commands(plant.documents[n], known_units):
            await demand(command)
    if not started:
        running.start()
    end_us = plant.end_us + round(SETTLE_S * 1e6)
    while running.clock.now_us() < end_us:
        await running.clock.sleep_until(end_us)


def _words(errand: Errand) -> str:
    match errand:
        case Scan():
            return f"scans {len(errand.epcs)} cartons of {errand.number} at {errand.location}"
        case Missing():
            return f"writes off what is missing of {errand.number}: {errand.why}"
        case CountBegun():
            return f"begins count {errand.number} of {errand.location}, blind"
        case Seen():
            counted = ", ".join(f"{place} {cartons}" for place, _, cartons in errand.shelves)
            return f"counts {counted}"
        case CountEnded():
            return f"posts count {errand.number}: {errand.why}"
