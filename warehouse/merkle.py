"""Tamper evidence: a Merkle tree over ledger rows, so that whoever kept a root can prove rows were not changed. Pure.

RFC 6962 section 2.1: a leaf is SHA-256(00 || data), a node SHA-256(01 || left || right), and the split is at the
largest power of two below the size. Inclusion proofs are by 2.1.1, consistency proofs by 2.1.2.
"""

from collections.abc import Sequence
from hashlib import sha256


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The tree head over the leaves' data; of no leaves, the hash of nothing."""
    return _root([leaf_hash(leaf) for leaf in leaves])


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The hashes that lead from a leaf to the root. IndexError when there is no such leaf."""
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    return tuple(_path([leaf_hash(leaf) for leaf in leaves], index))


def includes(head: bytes, size: int, data: bytes, index: int, proof: Sequence[bytes]) -> bool:
    """Whether the leaf is at that place in the tree of that size with that root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last = index, size - 1
    computed = leaf_hash(data)
    for other in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            computed = node_hash(other, computed)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            computed = node_hash(computed, other)
        place >>= 1
        last >>= 1
    return last == 0 and computed == head


def consistency_proof(leaves: Sequence[bytes], size: int) -> tuple[bytes, ...]:
    """That the tree of the first `size` leaves is the beginning of this one. IndexError when it has not that many."""
    if not 0 < size <= len(leaves):
        raise IndexError(size)
    return tuple(_consistency([leaf_hash(leaf) for leaf in leaves], size, True))


def is_consistent(old: bytes, old_size: int, new: bytes, new_size: int, proof: Sequence[bytes]) -> bool:
    """Whether the old tree is the beginning of the new one (RFC 9162, 2.1.4.2)."""
    if not 0 < old_size <= new_size:
        return False
    if old_size == new_size:
        return old == new and not proof
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old)
    if not path:
        return False
    place, last = old_size - 1, new_size - 1
    while place & 1:
        place >>= 1
        last >>= 1
    first = second = path[0]
    for other in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            first, second = node_hash(other, first), node_hash(other, second)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            second = node_hash(second, other)
        place >>= 1
        last >>= 1
    return last == 0 and first == old and second == new


def _root(hashes: Sequence[bytes]) -> bytes:
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    middle = _split(len(hashes))
    return node_hash(_root(hashes[:middle]), _root(hashes[middle:]))


def _path(hashes: Sequence[bytes], index: int) -> list[bytes]:
    if len(hashes) == 1:
        return []
    middle = _split(len(hashes))
    if index < middle:
        return [*_path(hashes[:middle], index), _root(hashes[middle:])]
    return [*_path(hashes[middle:], index - middle), _root(hashes[:middle])]


def _consistency(hashes: Sequence[bytes], size: int, whole: bool) -> list[bytes]:
    if size == len(hashes):
        return [] if whole else [_root(hashes)]
    middle = _split(len(hashes))
    if size <= middle:
        return [*_consistency(hashes[:middle], size, whole), _root(hashes[middle:])]
    return [*_consistency(hashes[middle:], size - middle, False), _root(hashes[:middle])]


def _split(size: int) -> int:
    """The largest power of two below the size."""
    return int(1 << (size - 1).bit_length() - 1)
