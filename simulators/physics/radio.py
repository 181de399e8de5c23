"""One reader over time: antennas in turn, channels in hops, links on a grid, inventory, and exact values per read.

Everything random comes from one seed per reader. Time advances in chunks of whole dwells whose bounds do not depend on
what is asked for, so reading in one go or window by window gives the same reads. Links are evaluated five times a dwell
(every 20 ms, 4 cm of a forklift) for the antenna whose turn it is, and once more at each read's own time and place.
"""

import numpy as np

from simulators.physics.antenna import Mount
from simulators.physics.budget import link_power
from simulators.physics.inventory import Inventorying, TagFlags
from simulators.physics.links import WALL_ON_DIFFUSE, FieldLinks, channel_hz_of, joined_links
from simulators.physics.parameters import CHANNELS, Inventory, Physics, Session
from simulators.physics.placing import placed
from simulators.physics.propagation import Channel, Ints
from simulators.physics.read_columns import ReadColumns, joined
from simulators.physics.receiver import ReaderClock, Receiver
from simulators.physics.world import Bools, Floats, World

STEPS_PER_DWELL = 5
DWELLS_PER_CHUNK = 10
HEARD_M = 16.0
"""Bodies farther from a reader than this are left out; there, one tag in seven would still run on a clear boresight."""
EXACT_MARGIN_DB = 1.5
"""A tag that moved into a null between grid steps is not read: this far below sensitivity at its exact place."""
SPEED_OVER_S = 0.01


class ReaderRadio:
    """One simulated reader in a world. Asked for times that do not go back; not to be shared between threads."""

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
        self._starts_s = np.array([body.path.start_s for body in world.bodies])
        self._ends_s = np.array([body.path.end_s for body in world.bodies])
        self._links = FieldLinks(world, physics, self._channel, self._first_tag)
        self._ports = np.array([mount.port for mount in mounts], dtype=np.uint16)
        self._centre = np.mean([mount.position[:2] for mount in mounts], axis=0)
        self._step_s = inventory.dwell_s / STEPS_PER_DWELL
        self._active = np.arange(len(mounts))
        self._session = inventory.session
        self._set_power(np.array([mount.power_dbm for mount in mounts]))
        self._next_dwell = 0
        self._dwells_ahead = DWELLS_PER_CHUNK
        self._pending = joined([])

    def advance(self, until_s: float) -> ReadColumns:
        """The reads not yet returned of all chunks begun before `until_s` (world time): up to a chunk beyond it."""
        parts = [self._pending]
        while self._next_dwell * self._settings.dwell_s < until_s:
            parts.append(self._chunk(self._next_dwell, self._dwells_ahead))
            self._next_dwell += self._dwells_ahead
            self._dwells_ahead = min(2 * self._dwells_ahead, DWELLS_PER_CHUNK)
        self._pending = joined([])
        return joined(parts)

    def reads_until(self, until_us: int) -> ReadColumns:
        """The reads not yet returned with reader time below `until_us`."""
        true_s = (until_us - self._base_us - self.clock.offset_us) / 1e6 / (1.0 + self.clock.drift_ppm * 1e-6)
        rows = self.advance(true_s + 1e-6)
        cut = int(np.searchsorted(rows.time_us, until_us))
        self._pending = rows.between(cut, len(rows))
        return rows.between(0, cut)

    def reads_between(self, start_us: int, until_us: int) -> ReadColumns:
        """As `reads_until`, after a gap without inventory: nothing before `start_us` is returned, now or later."""
        start_dwell = int((start_us - self._base_us) / 1e6 / self._settings.dwell_s)
        self._next_dwell = max(self._next_dwell, start_dwell)
        rows = self.reads_until(until_us)
        return rows.between(int(np.searchsorted(rows.time_us, start_us)), len(rows))

    def drive(self, now_us: int, power_dbm: dict[int, float], session: Session) -> None:
        """From now on use these ports at these powers in this session. KeyError for a port without an antenna.

        A change discards what was computed ahead; while changes keep coming (an AISpec per antenna), little is.
        """
        ports = self._ports.tolist()
        if not power_dbm or not set(power_dbm) <= set(ports):
            raise KeyError(f"antenna ports {sorted(power_dbm)} of {ports}")
        active = np.array([index for index, port in enumerate(ports) if port in power_dbm])
        power = np.array([power_dbm.get(port, 0.0) for port in ports])
        same_power = np.array_equal(power[active], self._power_dbm[active])
        if np.array_equal(active, self._active) and same_power and session is self._session:
            return
        self._active = active
        self._set_power(power)
        if session is not self._session:
            self._session = session
            self._inventorying.change_session(session)
        self._pending = joined([])
        now_dwell = int((now_us - self._base_us) / 1e6 / self._settings.dwell_s)
        if self._next_dwell > now_dwell:
            self._next_dwell = now_dwell
            self._dwells_ahead = 1

    def _set_power(self, power_dbm: Floats) -> None:
        self._power_dbm = power_dbm
        self._links.set_power(power_dbm)

    def _channels(self, t_s: Floats) -> Ints:
        hop = np.floor(t_s / self._settings.hop_s).astype(np.int64)
        return self._hops[hop % len(self._hops)]

    def _present(self, start_s: float, end_s: float) -> tuple[list[int], list[int]]:
        """Indices of bodies at rest and of bodies moving, near enough to matter."""
        rest: list[int] = []
        move: list[int] = []
        for index in np.flatnonzero((self._ends_s > start_s) & (self._starts_s < end_s)).tolist():
            path = self._world.bodies[index].path
            x_m, y_m, _ = path.at(np.array([start_s, 0.5 * (start_s + end_s), end_s]))
            if np.min(np.hypot(x_m - self._centre[0], y_m - self._centre[1])) > HEARD_M:
                continue
            whole = path.start_s <= start_s and path.end_s >= end_s
            (rest if whole and path.rests(start_s, end_s) else move).append(index)
        return rest, move

    def _chunk(self, first_dwell: int, dwells: int) -> ReadColumns:
        start_s = first_dwell * self._settings.dwell_s
        rest, move = self._present(start_s, start_s + dwells * self._settings.dwell_s)
        bodies = self._world.bodies
        if not any(len(bodies[index].tags) for index in (*rest, *move)):
            return joined([])
        steps = dwells * STEPS_PER_DWELL
        t_s: Floats = start_s + self._step_s * np.arange(steps, dtype=np.float64)
        turn = (first_dwell + np.arange(dwells)) % len(self._active)
        antenna = np.repeat(self._active[turn], STEPS_PER_DWELL)
        channel = self._channels(t_s + 1e-9)
        links = joined_links(
            self._links.at_rest(rest, move, t_s, antenna, channel),
            self._links.moving(rest, move, t_s, antenna, channel),
        )
        decode = self._receiver.decode_probability(links.reply_dbm)
        powered: Bools = (links.tag_dbm >= links.sensitivity_dbm) & (decode > 0.01)
        at: list[Floats] = []
        local: list[Ints] = []
        port: list[Ints] = []
        for first in range(0, steps, STEPS_PER_DWELL):
            rows = slice(first, first + STEPS_PER_DWELL)
            reads = self._inventorying.dwell(
                float(t_s[first]), int(antenna[first]), self._step_s, powered[rows], decode[rows], links.tag
            )
            at.append(reads.t_s)
            local.append(reads.tag)
            port.append(np.full(len(reads.t_s), antenna[first]))
        when, who, where = np.concatenate(at), np.concatenate(local), np.concatenate(port)
        if not len(when):
            return joined([])
        step = np.minimum(((when - start_s) / self._step_s).astype(np.int64), steps - 1)
        loss_db, wall_db = links.loss_db[step, who], links.wall_db[step, who]
        return self._report(when, links.tag[who], where, channel[step], loss_db, wall_db)

    def _report(
        self, when: Floats, tag: Ints, antenna: Ints, channel: Ints, loss_db: Floats, wall_db: Floats
    ) -> ReadColumns:
        """What the reader says of each reply, from the channel at its own time and place."""
        n = len(when)
        position, ahead, axis, depth_db = np.zeros((n, 3)), np.zeros((n, 3)), np.zeros((n, 3)), np.zeros(n)
        owner = np.searchsorted(self._first_tag, tag, side="right") - 1
        for index in np.unique(owner):
            rows = owner == index
            body = self._world.bodies[index]
            inner = tag[rows] - self._first_tag[index]
            position[rows], axis[rows] = placed(body, when[rows], inner)
            ahead[rows], _ = placed(body, when[rows] + SPEED_OVER_S, inner)
            depth_db[rows] = body.tags.depth_db[inner]
        hz = channel_hz_of(channel)
        pieces = self._channel.pieces(antenna, hz, position, axis)
        h = self._channel.combine(pieces, antenna, when, loss_db, depth_db + WALL_ON_DIFFUSE * wall_db)
        reply_dbm = link_power(self._physics, self._power_dbm[antenna], h).reply_dbm
        source = self._channel.positions(antenna)
        way_m = np.linalg.norm(ahead - source, axis=1) - np.linalg.norm(position - source, axis=1)
        heard = reply_dbm > self._physics.receiver.sensitivity_dbm - EXACT_MARGIN_DB
        speed = way_m[heard] / SPEED_OVER_S
        measured = self._receiver.report(reply_dbm[heard], h[heard], antenna[heard], channel[heard], speed, hz[heard])
        return ReadColumns(
            self.clock.stamp_us(self._base_us, when[heard]),
            tag[heard].astype(np.uint32),
            self._ports[antenna[heard]],
            measured.rssi_dbm.astype(np.float32),
            channel[heard].astype(np.uint16),
            measured.phase_rad.astype(np.float32),
            measured.doppler_hz.astype(np.float32),
        )
