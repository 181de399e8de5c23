"""Tamper evidence: cases M1 and M2, and proofs for all sizes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.merkle import consistency_proof, includes, inclusion_proof, is_consistent, root

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
# The reference roots of RFC 6962 implementations for sizes 0 to 8 (transparency-dev/merkle, testonly/constants.go).
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


@pytest.mark.parametrize("size", range(9))
def test_m1_reference_roots(size: int) -> None:
    assert root(LEAVES[:size]).hex() == ROOTS[size]


sizes = st.integers(1, 40)


@given(sizes, st.data())
def test_every_leaf_is_proved_and_m2_no_changed_one(size: int, data: st.DataObject) -> None:
    leaves = [bytes([n]) * 3 for n in range(size)]
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(leaves, index)
    head = root(leaves)
    assert includes(head, size, leaves[index], index, proof)
    flipped = bytes([leaves[index][0] ^ 1]) + leaves[index][1:]
    assert not includes(head, size, flipped, index, proof)
    assert not includes(head, size, leaves[index], (index + 1) % size if size > 1 else 1, proof)
    other = list(leaves)
    other[data.draw(st.integers(0, size - 1))] += b"!"
    assert not includes(root(other), size, leaves[index], index, proof)


@given(sizes, st.data())
def test_every_beginning_is_proved_and_m2_no_other(size: int, data: st.DataObject) -> None:
    leaves = [bytes([n]) * 3 for n in range(size)]
    old_size = data.draw(st.integers(1, size))
    proof = consistency_proof(leaves, old_size)
    old, new = root(leaves[:old_size]), root(leaves)
    assert is_consistent(old, old_size, new, size, proof)
    dropped = root(leaves[1:old_size] or [b"?"])
    assert not is_consistent(dropped, old_size, new, size, proof)
    if old_size >= 2:
        swapped = [leaves[1], leaves[0], *leaves[2:old_size]]
        assert not is_consistent(root(swapped), old_size, new, size, proof)
