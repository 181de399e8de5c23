"""The loads on the floor, by node: the truth that no message can talk away. A load is at a node or on a vehicle."""

from collections.abc import Mapping


class Floor:
    """Loads by node. `moves` is everything that happened, in order."""

    def __init__(self, loads: Mapping[str, list[str]] | None = None) -> None:
        self._loads = {node: list(found) for node, found in (loads or {}).items()}
        self.moves: list[tuple[str, str, str]] = []

    def take(self, vehicle: str, node: str, load_id: str) -> str | None:
        """The load a vehicle lifts at a node: the one named, or any when none is; None when it is not there."""
        here = self._loads.get(node, [])
        found = load_id if load_id in here else (here[0] if here and not load_id else None)
        if found is not None:
            here.remove(found)
            self.moves.append((vehicle, node, f"+{found}"))
        return found

    def put(self, vehicle: str, node: str, load_id: str) -> None:
        """A vehicle sets a load down."""
        self._loads.setdefault(node, []).append(load_id)
        self.moves.append((vehicle, node, f"-{load_id}"))

    def at(self, node: str) -> list[str]:
        """What stands at a node."""
        return list(self._loads.get(node, ()))

    def drops_of(self, load_id: str) -> int:
        """How often a load was set down."""
        return sum(what == f"-{load_id}" for _, _, what in self.moves)
