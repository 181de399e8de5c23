"""One reader over time: antennas in turn, channels in hops, links on a grid, inventory, and exact values per read.

Everything random comes from one seed per reader. Time advances in chunks of fixed bounds, so that reading in one go or
window by window gives the same reads. Links are evaluated five times a dwell (every 20 ms, 4 cm of a forklift) for the
antenna whose turn it is; tags of bodies at rest once per antenna and channel until something comes or goes.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simulators.physics.antenna import Mount
from simulators.physics.budget import link_power
from simulators.physics.inventory import Inventorying, TagFlags
from simulators.physics.parameters import (
    CHANNEL_FIRST_HZ,
    CHANNEL_STEP_HZ,
    CHANNELS,
    Inventory,
    Physics,
    Session,
    channel_hz,
)
from simulators.physics.propagation import Channel, Ints, Pieces
from simulators.physics.receiver import ReaderClock, Receiver
from simulators.physics.shadowing import box_loss_db, wall_loss_db
from simulators.physics.world import Body, Bools, Floats, World

STEPS_PER_DWELL = 5
DWELLS_PER_CHUNK = 10
HEARD_M = 16.0
"""Bodies farther from a reader than this are left out: 3 dB below the weakest tag in free space at 30 dBm."""
EXACT_MARGIN_DB = 1.5
"""A tag that moved into a null between grid steps is not read: this far below sensitivity at its exact place."""
WALL_ON_DIFFUSE = 0.6
"""Share of the wall's loss (in dB) that scattered waves suffer: some of them come through the door."""


@dataclass(frozen=True, slots=True)
class ReadColumns:
    """n reads, ordered by time; `tag` indexes the world's tags (all bodies in order), times in the reader's clock."""

    time_us: Ints
    tag: NDArray[np.uint32]
    antenna: NDArray[np.uint16]
    rssi_dbm: NDArray[np.float32]
    channel: NDArray[np.uint16]
    phase_rad: NDArray[np.float32]
    doppler_hz: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.time_us)

    def between(self, first: int, last: int) -> "ReadColumns":
        """Rows first to last − 1."""
        return ReadColumns(
            self.time_us[first:last], self.tag[first:last], self.antenna[first:last], self.rssi_dbm[first:last],
            self.channel[first:last], self.phase_rad[first:last], self.doppler_hz[first:last],
        )  # fmt: skip


def joined(parts: list[ReadColumns]) -> ReadColumns:
    """Parts one after another."""
    return ReadColumns(
        np.concatenate([np.zeros(0, np.int64), *(part.time_us for part in parts)]),
        np.concatenate([np.zeros(0, np.uint32), *(part.tag for part in parts)]),
        np.concatenate([np.zeros(0, np.uint16), *(part.antenna for part in parts)]),
        np.concatenate([np.zeros(0, np.float32), *(part.rssi_dbm for part in parts)]),
        np.concatenate([np.zeros(0, np.uint16), *(part.channel for part in parts)]),
        np.concatenate([np.zeros(0, np.float32), *(part.phase_rad for part in parts)]),
        np.concatenate([np.zeros(0, np.float32), *(part.doppler_hz for part in parts)]),
    )


@dataclass(slots=True)
class _Resting:
    """What is known about the tags of bodies at rest, until that set changes."""

    names: tuple[int, ...] = ()
    pieces: dict[tuple[int, int], Pieces] = field(default_factory=dict)
    losses: dict[int, tuple[Floats, Floats]] = field(default_factory=dict)


class ReaderRadio:
    """One simulated reader in a world. `advance` must be called with times that do not go back."""

    def __init__(
        self,
        world: World,
        mounts: tuple[Mount, ...],
        physics: Physics,
        inventory: Inventory,
        base_us: int,
        seed: int,
        *,
        exact_clock: bool = False,
    ) -> None:
        rng = np.random.default_rng(seed)
        self._world = world
        self._mounts = mounts
        self._physics = physics
        self._settings = inventory
        self._base_us = base_us
        drawn = ReaderClock.drawn(physics.clock, rng)
        self.clock = ReaderClock(0.0, 0.0) if exact_clock else drawn
        self._channel = Channel(physics, mounts, rng)
        self._receiver = Receiver(physics, len(mounts), rng)
        self._first_tag = np.cumsum([0, *(len(body.tags) for body in world.bodies)])
        flags = TagFlags(inventory.session, physics.persistence, int(self._first_tag[-1]), rng)
        self._inventorying = Inventorying(inventory, flags, len(mounts), rng)
        self._hops = np.concatenate([rng.permutation(CHANNELS) + 1 for _ in range(8)])
        self._power_dbm = np.array([mount.power_dbm for mount in mounts])
        self._ports = np.array([mount.port for mount in mounts], dtype=np.uint16)
        self._centre = np.mean([mount.position[:2] for mount in mounts], axis=0)
        self._step_s = inventory.dwell_s / STEPS_PER_DWELL
        self._chunk_s = inventory.dwell_s * DWELLS_PER_CHUNK
        self._active = np.arange(len(mounts))
        self._session = inventory.session
        self._next_chunk = 0
        self._resting = _Resting()
        self._pending = joined([])

    def advance(self, until_s: float) -> ReadColumns:
        """The reads not yet returned that ended (world time) in chunks begun before `until_s`.

        Reads up to one chunk after `until_s` may be among them; use `reads_until` for exact windows.
        """
        parts = [self._pending]
        while self._next_chunk * self._chunk_s < until_s:
            parts.append(self._chunk(self._next_chunk))
            self._next_chunk += 1
        self._pending = joined([])
        return joined(parts)

    def reads_until(self, until_us: int) -> ReadColumns:
        """The reads not yet returned with reader time below `until_us`."""
        ahead = (until_us - self._base_us) / 1e6 + 0.05
        rows = self.advance(ahead)
        cut = int(np.searchsorted(rows.time_us, until_us))
        self._pending = rows.between(cut, len(rows))
        return rows.between(0, cut)

    def reads_between(self, start_us: int, until_us: int) -> ReadColumns:
        """As `reads_until`, after a gap without inventory: nothing before `start_us` is returned, now or later."""
        start_s = (start_us - self._base_us) / 1e6
        self._next_chunk = max(self._next_chunk, int(start_s / self._chunk_s))
        rows = self.reads_until(until_us)
        return rows.between(int(np.searchsorted(rows.time_us, start_us)), len(rows))

    def drive(self, power_dbm: dict[int, float], session: Session) -> None:
        """Use these ports at these powers in this session from the next chunk on. KeyError: a port without antenna."""
        ports = self._ports.tolist()
        for port in power_dbm:
            if port not in ports:
                raise KeyError(port)
        self._active = np.array([index for index, port in enumerate(ports) if port in power_dbm])
        self._power_dbm = np.array([power_dbm.get(port, 0.0) for port in ports])
        if session is not self._session:
            self._session = session
            self._inventorying.change_session(session)

    def _channels(self, t_s: Floats) -> Ints:
        hop = np.floor(t_s / self._settings.hop_s).astype(np.int64)
        return self._hops[hop % len(self._hops)]

    def _present(self, start_s: float, end_s: float) -> tuple[list[int], list[int]]:
        """Indices of bodies at rest and of bodies moving, near enough to matter."""
        rest: list[int] = []
        move: list[int] = []
        for index, body in enumerate(self._world.bodies):
            path = body.path
            if path.end_s <= start_s or path.start_s >= end_s:
                continue
            x_m, y_m, _ = path.at(np.array([start_s, 0.5 * (start_s + end_s), end_s]))
            if np.min(np.hypot(x_m - self._centre[0], y_m - self._centre[1])) > HEARD_M:
                continue
            whole = path.start_s <= start_s and path.end_s >= end_s
            (rest if whole and path.rests(start_s, end_s) else move).append(index)
        return rest, move

    def _chunk(self, number: int) -> ReadColumns:
        start_s = number * self._chunk_s
        rest, move = self._present(start_s, start_s + self._chunk_s)
        bodies = self._world.bodies
        if not any(len(bodies[index].tags) for index in (*rest, *move)):
            return joined([])
        dwell = number * DWELLS_PER_CHUNK + np.arange(DWELLS_PER_CHUNK)
        steps = DWELLS_PER_CHUNK * STEPS_PER_DWELL
        t_s: Floats = start_s + self._step_s * np.arange(steps, dtype=np.float64)
        antenna = np.repeat(self._active[dwell % len(self._active)], STEPS_PER_DWELL)
        channel = self._channels(t_s + 1e-9)
        still = self._still_links(rest, move, t_s, antenna, channel)
        moving = self._moving_links(rest, move, t_s, antenna, channel)
        tag_index = np.concatenate([still.tag, moving.tag])
        tag_dbm = np.concatenate([still.tag_dbm, moving.tag_dbm], axis=1)
        reply_dbm = np.concatenate([still.reply_dbm, moving.reply_dbm], axis=1)
        loss_db = np.concatenate([still.loss_db, moving.loss_db], axis=1)
        wall_db = np.concatenate([still.wall_db, moving.wall_db], axis=1)
        powered: Bools = tag_dbm >= np.concatenate([still.sensitivity_dbm, moving.sensitivity_dbm])
        decode = self._receiver.decode_probability(reply_dbm)
        powered &= decode > 0.01
        at: list[Floats] = []
        local: list[Ints] = []
        port: list[Ints] = []
        for turn in range(DWELLS_PER_CHUNK):
            rows = slice(turn * STEPS_PER_DWELL, (turn + 1) * STEPS_PER_DWELL)
            reads = self._inventorying.dwell(
                float(t_s[rows.start]), int(antenna[rows.start]), self._step_s, powered[rows], decode[rows], tag_index
            )
            at.append(reads.t_s)
            local.append(reads.tag)
            port.append(np.full(len(reads.t_s), antenna[rows.start]))
        when, who, where = np.concatenate(at), np.concatenate(local), np.concatenate(port)
        if not len(when):
            return joined([])
        step = np.minimum(((when - start_s) / self._step_s).astype(np.int64), steps - 1)
        return self._report(when, tag_index[who], where, channel[step], loss_db[step, who], wall_db[step, who])

    def _moving_links(self, rest: list[int], move: list[int], t_s: Floats, antenna: Ints, channel: Ints) -> "_Links":
        bodies = [self._world.bodies[index] for index in move if len(self._world.bodies[index].tags)]
        if not bodies:
            return _no_links(len(t_s))
        position, axis = _placed_all(bodies, t_s)
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

    def _still_links(self, rest: list[int], move: list[int], t_s: Floats, antenna: Ints, channel: Ints) -> "_Links":
        tagged = [index for index in rest if len(self._world.bodies[index].tags)]
        if not tagged:
            return _no_links(len(t_s))
        if self._resting.names != tuple(rest):
            self._resting = _Resting(names=tuple(rest))
        bodies = [self._world.bodies[index] for index in tagged]
        position, axis = _placed_all(bodies, t_s[:1])
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
    ) -> "_Links":
        sets = [self._world.bodies[index].tags for index in indices]
        depth = np.concatenate([tags.depth_db for tags in sets])
        loss = boxes + wall
        h = self._channel.combine(pieces, antenna[:, None], t_s[:, None], loss, depth + WALL_ON_DIFFUSE * wall)
        power = link_power(self._physics, self._power_dbm[antenna][:, None], h)
        tag = np.concatenate([np.arange(self._first_tag[index], self._first_tag[index + 1]) for index in indices])
        return _Links(
            tag, np.concatenate([tags.sensitivity_dbm for tags in sets]),
            np.where(here, power.tag_dbm, -200.0), power.reply_dbm, loss, wall,
        )  # fmt: skip

    def _report(self, when: Floats, tag: Ints, antenna: Ints, channel: Ints, loss: Floats, wall: Floats) -> ReadColumns:
        """Exact channel at each read's own time and place."""
        position = np.zeros((len(when), 3))
        ahead = np.zeros((len(when), 3))
        axis = np.zeros((len(when), 3))
        depth = np.zeros(len(when))
        owner = np.searchsorted(self._first_tag, tag, side="right") - 1
        for index in np.unique(owner):
            rows = owner == index
            body = self._world.bodies[index]
            inner = tag[rows] - self._first_tag[index]
            position[rows], axis[rows] = _placed(body, when[rows], inner)
            ahead[rows], _ = _placed(body, when[rows] + 0.01, inner)
            depth[rows] = body.tags.depth_db[inner]
        hz = channel_hz_of(channel)
        pieces = self._channel.pieces(antenna, hz, position, axis)
        h = self._channel.combine(pieces, antenna, when, loss, depth + WALL_ON_DIFFUSE * wall)
        power = link_power(self._physics, self._power_dbm[antenna], h)
        heard = power.reply_dbm > self._physics.receiver.sensitivity_dbm - EXACT_MARGIN_DB
        if not heard.all():
            return self._report(when[heard], tag[heard], antenna[heard], channel[heard], loss[heard], wall[heard])
        source = self._channel.positions(antenna)
        speed = (np.linalg.norm(ahead - source, axis=1) - np.linalg.norm(position - source, axis=1)) / 0.01
        measured = self._receiver.report(power.reply_dbm, h, antenna, channel, speed, hz)
        return ReadColumns(
            self.clock.stamp_us(self._base_us, when), tag.astype(np.uint32), self._ports[antenna],
            measured.rssi_dbm.astype(np.float32), channel.astype(np.uint16),
            measured.phase_rad.astype(np.float32), measured.doppler_hz.astype(np.float32),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Links:
    """Links of n tags over T steps; `loss_db` on the direct path, `wall_db` the part of it that is wall."""

    tag: Ints
    sensitivity_dbm: Floats
    tag_dbm: Floats
    reply_dbm: Floats
    loss_db: Floats
    wall_db: Floats


def _no_links(steps: int) -> _Links:
    empty = np.zeros((steps, 0))
    return _Links(np.zeros(0, dtype=np.int64), np.zeros(0), empty, empty, empty, empty)


def channel_hz_of(channel: Ints) -> Floats:
    """`channel_hz` over an array."""
    hz: Floats = CHANNEL_FIRST_HZ + CHANNEL_STEP_HZ * (channel.astype(np.float64) - 1.0)
    return hz


def _turned(vectors: Floats, yaw: Floats) -> Floats:
    """Vectors (..., 3) turned about z; yaw broadcasts over the leading shape."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    return np.stack(
        [
            cos * vectors[..., 0] - sin * vectors[..., 1],
            sin * vectors[..., 0] + cos * vectors[..., 1],
            np.broadcast_to(vectors[..., 2], np.broadcast_shapes(vectors.shape[:-1], np.shape(yaw))),
        ],
        axis=-1,
    )


def _placed(body: Body, t_s: Floats, tag: Ints) -> tuple[Floats, Floats]:
    """Position and axis of chosen tags at their own times, (n, 3) each."""
    x_m, y_m, yaw = body.path.at(t_s)
    position = _turned(body.tags.offset_m[tag], yaw)
    position[:, 0] += x_m
    position[:, 1] += y_m
    return position, _turned(body.tags.axis[tag], yaw)


def _placed_all(bodies: list[Body], t_s: Floats) -> tuple[Floats, Floats]:
    """Position and axis of all tags of some bodies at all times, (T, n, 3) each."""
    positions, axes = [], []
    for body in bodies:
        x_m, y_m, yaw = body.path.at(t_s)
        position = _turned(body.tags.offset_m[None], yaw[:, None])
        position[..., 0] += x_m[:, None]
        position[..., 1] += y_m[:, None]
        positions.append(position)
        axes.append(_turned(body.tags.axis[None], yaw[:, None]))
    return np.concatenate(positions, axis=1), np.concatenate(axes, axis=1)
