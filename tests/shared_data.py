"""The one way tests reach the captures and schemas that live beside the repository in `shared/data`."""

import os
from pathlib import Path

import pytest

_FOLDER = Path(os.environ.get("TAGLEDGER_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))


def shared_data(*parts: str) -> Path:
    """The path of a shared file or folder; skips the test when `shared/data` is not beside the repository."""
    if not _FOLDER.is_dir():
        pytest.skip(f"no {_FOLDER}: set TAGLEDGER_SHARED_DATA to the folder with the captures")
    path = _FOLDER.joinpath(*parts)
    assert path.exists(), f"{path} is missing from the shared data"
    return path
