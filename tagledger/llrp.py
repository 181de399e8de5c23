"""`tagledger llrp`: look into files of LLRP messages.

A file holds complete messages one after the other, as a connection carries them; or, with `--message TYPE`, the body of
one message of that type without its header, as EdgeX keeps its recordings. TYPE is a name (`ROAccessReport`) or number.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from readers.llrp import messages
from readers.llrp.codec import Frame, decode, decode_body, encode, encode_body
from readers.llrp.errors import DecodeError, EncodeError, FramingError
from readers.llrp.framing import Framer
from readers.llrp.text import lines, message_name, plain
from readers.llrp.wire import VERSION_1_0_1, VERSION_1_1, Message
from tagledger.llrp_record import record
from tagledger.terminal import EXIT_FAILED, EXIT_USAGE, complain, complaints, print_json, print_summary

app = typer.Typer(
    help="Look into files of LLRP messages.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)
app.command()(record)

PROBLEMS_MAX = 100
"""Problems kept and printed for one file; the rest are only counted."""

_VERSION_NAMES = {VERSION_1_0_1: "1.0.1", VERSION_1_1: "1.1"}

MessageOption = Annotated[
    str | None, typer.Option("--message", metavar="TYPE", help="The files are bodies of this message, name or number.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Files of LLRP messages.", exists=True, dir_okay=False)],
    message: MessageOption = None,
    json: JsonOption = False,
) -> None:
    """Decode and re-encode every message; report counts, differences and errors with their offsets."""
    body_type = _type_or_exit(message)
    results = [_check_file(path, body_type) for path in files]
    if json:
        print_json({"files": [result.plain() for result in results], "ok": all(result.ok for result in results)})
    else:
        for result in results:
            _print_result(result)
    if not all(result.ok for result in results):
        raise typer.Exit(EXIT_FAILED)


@app.command()
def dump(
    file: Annotated[Path, typer.Argument(help="A file of LLRP messages.", exists=True, dir_okay=False)],
    message: MessageOption = None,
    json: JsonOption = False,
) -> None:
    """Print every message readably, or as one JSON object a line."""
    body_type = _type_or_exit(message)
    failed = False
    for found in _messages(file.read_bytes(), body_type):
        failed |= isinstance(found.content, Exception)
        if json:
            print_json(_plain_found(found))
        else:
            sys.stdout.write("\n".join(_text_found(found)) + "\n")
    if failed:
        raise typer.Exit(EXIT_FAILED)


@dataclass(frozen=True, slots=True)
class _Found:
    """One message of a file, or what stands where one should."""

    offset: int
    data: bytes
    content: Frame | Message | DecodeError | FramingError


@dataclass(slots=True)
class _Result:
    """What checking one file found."""

    path: Path
    size: int = 0
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    differences: int = 0
    errors: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not (self.differences or self.errors)

    def add_problem(self, text: str) -> None:
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(text)

    def plain(self) -> dict[str, Any]:
        return {
            "file": str(self.path),
            "bytes": self.size,
            "messages": self.counts.total(),
            "counts": dict(self.counts.most_common()),
            "differences": self.differences,
            "errors": self.errors,
            "problems": self.problems,
            "seconds": round(self.seconds, 3),
        }


def _messages(data: bytes, body_type: int | None) -> Iterator[_Found]:
    """The messages of a file in order; a framing error is the last."""
    if body_type is not None:
        try:
            yield _Found(0, data, decode_body(body_type, data))
        except DecodeError as error:
            yield _Found(0, data, error)
        return
    framer = Framer()
    broken: FramingError | None = None
    try:
        frames = framer.feed(data)
    except FramingError as error:
        frames, broken = error.frames, error
    offset = 0
    for frame in frames:
        try:
            yield _Found(offset, frame, decode(frame))
        except DecodeError as decode_error:
            yield _Found(offset, frame, decode_error)
        offset += len(frame)
    if broken is None and framer.pending_bytes:
        broken = FramingError(offset, "a complete message", f"{framer.pending_bytes} bytes of one", [])
    if broken is not None:
        yield _Found(offset, data[offset:], broken)


def _with_progress(messages_found: Iterator[_Found], total_bytes: int, title: str) -> Iterator[_Found]:
    """The same messages, with a bar on a terminal while they are worked on."""
    with Progress(console=complaints, transient=True, disable=not complaints.is_terminal) as progress:
        task = progress.add_task(title, total=total_bytes)
        for found in messages_found:
            yield found
            progress.update(task, completed=found.offset + len(found.data))


def _check_file(path: Path, body_type: int | None) -> _Result:
    data = path.read_bytes()
    result = _Result(path, len(data))
    begin = time.perf_counter()
    for found in _with_progress(_messages(data, body_type), len(data), str(path)):
        content = found.content
        if isinstance(content, DecodeError | FramingError):
            result.errors += 1
            result.add_problem(_explain(found.offset, content))
            continue
        message = content.message if isinstance(content, Frame) else content
        result.counts[message_name(message)] += 1
        try:
            if isinstance(content, Frame):
                again = encode(message, message_id=content.message_id, version=content.version)
            else:
                again = encode_body(message, version=VERSION_1_1)
        except EncodeError as error:
            result.errors += 1
            result.add_problem(f"message at {found.offset}: cannot be encoded again: {error}")
            continue
        if again != found.data:
            result.differences += 1
            result.add_problem(f"message at {found.offset}: {message_name(message)} {_difference(found.data, again)}")
    result.seconds = time.perf_counter() - begin
    return result


def _explain(offset: int, error: DecodeError | FramingError) -> str:
    """An error with offsets that count from the start of the file."""
    where = error.offset if isinstance(error, FramingError) else offset + error.offset
    return f"message at {offset}: offset {where}: expected {error.expected}, found {error.found}"


def _difference(data: bytes, again: bytes) -> str:
    at = next((i for i, (a, b) in enumerate(zip(data, again, strict=False)) if a != b), min(len(data), len(again)))
    return f"differs from byte {at}: {data[at : at + 8].hex()} read, {again[at : at + 8].hex()} written"


def _print_result(result: _Result) -> None:
    rows = result.plain()
    del rows["counts"], rows["problems"]
    print_summary("LLRP check", {**rows, **result.counts}, as_json=False)
    for problem in result.problems:
        complaints.print(f"  {problem}", soft_wrap=True, markup=False)


def _plain_found(found: _Found) -> dict[str, Any]:
    head: dict[str, Any] = {"offset": found.offset, "length": len(found.data)}
    if isinstance(found.content, DecodeError | FramingError):
        return {**head, "error": _explain(found.offset, found.content), "bytes": found.data[:64].hex()}
    if isinstance(found.content, Frame):
        version, message_id, message = found.content
        head |= {"version": version, "message_id": message_id}
    else:
        message = found.content
    return {**head, "message": message_name(message), "content": plain(message)}


def _text_found(found: _Found) -> Iterator[str]:
    if isinstance(found.content, DecodeError | FramingError):
        yield f"ERROR {_explain(found.offset, found.content)}"
        return
    message = found.content.message if isinstance(found.content, Frame) else found.content
    title = f"{message_name(message)}  offset {found.offset}, {len(found.data)} bytes"
    if isinstance(found.content, Frame):
        title += f", id {found.content.message_id}, version {_VERSION_NAMES[found.content.version]}"
    yield title
    yield from lines(message, 1)


def _type_or_exit(name: str | None) -> int | None:
    """The number of a message type given by name or number."""
    if name is None:
        return None
    if name.isdecimal() and int(name) < 1024:
        return int(name)
    known = {
        cls.__name__.casefold(): cls.TYPE
        for cls in vars(messages).values()
        if isinstance(cls, type) and issubclass(cls, Message) and cls.TYPE
    }
    found = known.get(name.replace("_", "").casefold())
    if found is None:
        complain(f"no LLRP message is called {name}; try ROAccessReport, or a number")
        raise typer.Exit(EXIT_USAGE)
    return found
