"""Links of all tags in the field to one reader's antennas, step by step.

Tags of bodies at rest are evaluated once per antenna and channel, and what stands still is put in their way once, until
the set of bodies at rest changes; moving bodies and what they shadow are evaluated at every step.
"""

from dataclasses import dataclass, field

import numpy as np

from simulators.physics.budget import link_power
from simulators.physics.parameters import CHANNEL_FIRST_HZ, CHANNEL_STEP_HZ, Physics, channel_hz
from simulators.physics.placing import placed_all
from simulators.physics.propagation import Channel, Ints, Pieces
from simulators.physics.shadowing import box_loss_db, wall_loss_db
from simulators.physics.world import Bools, Floats, World

WALL_ON_DIFFUSE = 0.6
"""Share of the wall's loss (in dB) that scattered waves suffer: some of them come through the door."""
NOTHING_DBM = -200.0


@dataclass(frozen=True, slots=True)
class Links:
    """Links of n tags over T steps; `loss_db` on the direct path, `wall_db` the part of it that is wall."""

    tag: Ints
    sensitivity_dbm: Floats
    tag_dbm: Floats
    reply_dbm: Floats
    loss_db: Floats
    wall_db: Floats


def no_links(steps: int) -> Links:
    empty = np.zeros((steps, 0))
    return Links(np.zeros(0, dtype=np.int64), np.zeros(0), empty, empty, empty, empty)


def joined_links(one: Links, two: Links) -> Links:
    """The tags of both, side by side."""
    return Links(
        np.concatenate([one.tag, two.tag]),
        np.concatenate([one.sensitivity_dbm, two.sensitivity_dbm]),
        np.concatenate([one.tag_dbm, two.tag_dbm], axis=1),
        np.concatenate([one.reply_dbm, two.reply_dbm], axis=1),
        np.concatenate([one.loss_db, two.loss_db], axis=1),
        np.concatenate([one.wall_db, two.wall_db], axis=1),
    )


def channel_hz_of(channel: Ints) -> Floats:
    """`channel_hz` over an array."""
    hz: Floats = CHANNEL_FIRST_HZ + CHANNEL_STEP_HZ * (channel.astype(np.float64) - 1.0)
    return hz


@dataclass(slots=True)
class Resting:
    """What is known about the tags of bodies at rest, until that set changes."""

    names: tuple[int, ...] = ()
    pieces: dict[tuple[int, int], Pieces] = field(default_factory=dict)
    losses: dict[int, tuple[Floats, Floats]] = field(default_factory=dict)


class FieldLinks:
    """All links of one reader. Indices are those of the world's bodies; `antenna` indexes the reader's mounts."""

    def __init__(self, world: World, physics: Physics, channel: Channel, first_tag: Ints) -> None:
        self._world = world
        self._physics = physics
        self._channel = channel
        self._first_tag = first_tag
        self._resting = Resting()

    def set_power(self, power_dbm: Floats) -> None:
        """Transmit power per antenna from now on."""
        self._power_dbm = power_dbm

    def moving(self, rest: list[int], move: list[int], t_s: Floats, antenna: Ints, channel: Ints) -> Links:
        bodies = [self._world.bodies[index] for index in move if len(self._world.bodies[index].tags)]
        if not bodies:
            return no_links(len(t_s))
        position, axis = placed_all(bodies, t_s)
        source = self._channel.positions(antenna)[:, None, :]
        boxes = self._box_losses((*rest, *move), t_s, source, position)
        wall = wall_loss_db(self._world.openings, self._physics.propagation.wall_db, source, position)
        pieces = self._channel.pieces(antenna[:, None], channel_hz_of(channel)[:, None], position, axis)
        here = np.concatenate(
            [
                np.repeat(((t_s >= body.path.start_s) & (t_s < body.path.end_s))[:, None], len(body.tags), axis=1)
                for body in bodies
            ],
            axis=1,
        )
        return self._links(
            [index for index in move if len(self._world.bodies[index].tags)], pieces, t_s, antenna, boxes, wall, here
        )

    def at_rest(self, rest: list[int], move: list[int], t_s: Floats, antenna: Ints, channel: Ints) -> Links:
        tagged = [index for index in rest if len(self._world.bodies[index].tags)]
        if not tagged:
            return no_links(len(t_s))
        if self._resting.names != tuple(rest):
            self._resting = Resting(names=tuple(rest))
        bodies = [self._world.bodies[index] for index in tagged]
        position, axis = placed_all(bodies, t_s[:1])
        cache = self._resting
        for ant in np.unique(antenna):
            if int(ant) not in cache.losses:
                source = self._channel.positions(np.array([ant]))[:, None, :]
                cache.losses[int(ant)] = (
                    self._box_losses(rest, t_s[:1], source, position)[0],
                    wall_loss_db(self._world.openings, self._physics.propagation.wall_db, source, position)[0],
                )
        keys = list(zip(antenna.tolist(), channel.tolist(), strict=True))
        for key in set(keys):
            if key not in cache.pieces:
                cache.pieces[key] = self._channel.pieces(
                    np.array([key[0]]), np.array([channel_hz(key[1])]), position[0], axis[0]
                )
        pieces = Pieces(
            np.stack([cache.pieces[key].direct for key in keys]),
            np.stack([cache.pieces[key].still for key in keys]),
            np.stack([cache.pieces[key].moving for key in keys]),
        )
        boxes = np.stack([cache.losses[ant][0] for ant in antenna.tolist()])
        wall = np.stack([cache.losses[ant][1] for ant in antenna.tolist()])
        if move:
            source = self._channel.positions(antenna)[:, None, :]
            boxes = boxes + self._box_losses(
                move, t_s, source, np.broadcast_to(position, (len(t_s), *position.shape[1:]))
            )
        return self._links(tagged, pieces, t_s, antenna, boxes, wall, np.ones(boxes.shape, dtype=bool))

    def _box_losses(
        self, indices: "tuple[int, ...] | list[int]", t_s: Floats, source: Floats, position: Floats
    ) -> Floats:
        total: Floats = np.zeros(position.shape[:-1])
        for index in indices:
            body = self._world.bodies[index]
            if body.path.end_s <= t_s[0] or not body.parts:
                continue
            pose = body.path.at(t_s)
            for part in body.parts:
                if part.loss.db_per_m > 0.0:
                    total += box_loss_db(part, pose, source, position)
        return total

    def _links(
        self, indices: list[int], pieces: Pieces, t_s: Floats, antenna: Ints, boxes: Floats, wall: Floats, here: Bools
    ) -> Links:
        sets = [self._world.bodies[index].tags for index in indices]
        depth = np.concatenate([tags.depth_db for tags in sets])
        loss = boxes + wall
        h = self._channel.combine(pieces, antenna[:, None], t_s[:, None], loss, depth + WALL_ON_DIFFUSE * wall)
        power = link_power(self._physics, self._power_dbm[antenna][:, None], h)
        tag = np.concatenate([np.arange(self._first_tag[index], self._first_tag[index + 1]) for index in indices])
        return Links(
            tag, np.concatenate([tags.sensitivity_dbm for tags in sets]),
            np.where(here, power.tag_dbm, NOTHING_DBM), power.reply_dbm, loss, wall,
        )  # fmt: skip
