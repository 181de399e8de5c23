"""Coverage-guided fuzzing of LLRP framing, codec and report decoding with atheris.

    python -m tests.fuzz.fuzz_llrp FOLDER -max_total_time=600     # FOLDER holds the corpus and grows

The seeds are real: give a folder with LTK's or the R420's files cut into messages (`--seed FOLDER` writes them). Only
the documented errors may come out, what decodes must encode and decode again to the same, framing must not depend on
how the stream is cut, and the bulk path must agree with the walker.
"""

import sys
from pathlib import Path
from typing import Any


def check(data: bytes) -> None:
    """Everything that must hold for any bytes, taken as a stream."""
    from readers.llrp.codec import UnknownMessage, decode, encode
    from readers.llrp.errors import DecodeError, FramingError
    from readers.llrp.framing import Framer

    def frames_of(pieces: list[bytes]) -> tuple[list[bytes], int | None]:
        framer, found = Framer(), []
        for piece in pieces:
            try:
                found += framer.feed(piece)
            except FramingError as error:
                return found + error.frames, error.offset
        return found, None

    step = 1 + (data[0] & 0x1F if data else 0)
    frames, broken_at = frames_of([data])
    assert (frames, broken_at) == frames_of([data[i : i + step] for i in range(0, len(data), step)])
    assert b"".join(frames) == data[: sum(map(len, frames))]
    assert broken_at is None or broken_at == sum(map(len, frames))
    for frame in [*frames, data]:
        try:
            version, message_id, message = decode(frame)
        except DecodeError as error:
            if not 0 <= error.offset <= max(len(frame), 2):
                raise AssertionError(f"offset {error.offset} of {len(frame)} bytes") from error
            continue
        again = encode(message, message_id=message_id, version=2)
        if not isinstance(message, UnknownMessage):
            assert decode(again).message == message, version
    _check_reports(frames)


def _check_reports(frames: list[bytes]) -> None:
    from readers.llrp.report import ReportDecoder

    one_by_one, together, walker = (ReportDecoder("r", 5) for _ in range(3))
    first = [item for frame in frames for item in one_by_one.feed(frame, 9)]
    second = together.feed_many(frames, 9)
    reports = [frame for frame in frames if frame[:2] in (b"\x04\x3d", b"\x08\x3d")]
    third = [item for frame in reports for item in walker._walk(frame, 9)]
    assert _rows(first) == _rows(second) == _rows(third)
    assert one_by_one.take_tag_memory() == together.take_tag_memory() == walker.take_tag_memory()


def _rows(out: list[Any]) -> list[tuple[Any, ...]]:
    from readers.model import ReadBatch

    found = []
    for batch in out:
        if not isinstance(batch, ReadBatch):
            continue
        for i in range(len(batch)):
            size = (int(batch.epc_bits[i]) + 7) // 8
            columns = (
                batch.antenna, batch.first_us, batch.last_us, batch.rssi_dbm, batch.channel, batch.phase_rad,
                batch.doppler_hz, batch.count,
            )  # fmt: skip
            found.append((batch.epc[i].tobytes()[:size], *(column[i].tobytes() for column in columns)))
    return found


def write_seeds(folder: Path, captures: Path) -> int:
    """Every distinct kind and size of message in LTK's captures, one file each; how many."""
    from readers.llrp.framing import Framer

    folder.mkdir(parents=True, exist_ok=True)
    seen: set[tuple[int, int]] = set()
    for file in sorted(captures.glob("ltk/*.bin")):
        for frame in Framer().feed(file.read_bytes()):
            kind = (frame[1], len(frame))
            if kind not in seen and len(frame) < 4096:
                seen.add(kind)
                (folder / f"{file.stem}-{frame[1]}-{len(frame)}").write_bytes(frame)
    return len(seen)


def main() -> None:
    """Seed a corpus, or fuzz until stopped."""
    import atheris

    if len(sys.argv) == 4 and sys.argv[1] == "--seed":
        sys.stdout.write(f"{write_seeds(Path(sys.argv[2]), Path(sys.argv[3]))} seeds\n")
        return
    with atheris.instrument_imports(include=["readers"]):
        import readers.llrp.report
    assert readers.llrp.report
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
