"""The site file: one TOML per site, environment overrides, everything checked before anything connects.

The file's keys are the fields of `warehouse.site.Site` and the dataclasses it holds, nothing else. A variable
`TAGLEDGER_<SECTION>__<KEY>` (or `TAGLEDGER_<KEY>` for a top-level one) replaces a single value:
`TAGLEDGER_DATABASE__DSN`, `TAGLEDGER_API__PORT`, `TAGLEDGER_STATE_DIR`. Secrets are in files or variables that the file
names (`tagledger.site_secrets`). All problems are reported at once, each with
the file, the key and the fix.
"""

import dataclasses
import difflib
import tomllib
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from tagledger.site_checks import cross_checks
from tagledger.site_secrets import resolve
from warehouse.site import Site

ENV_PREFIX = "TAGLEDGER_"
# Variables of the program itself that share the prefix and are not site keys.
_OTHER_VARIABLES = ("SITE", "API_KEY", "LOG", "LOG_FORMAT", "SHARED_DATA", "NO_SKIP", "KAFKA_HOME")
_TESTS_VARIABLES = "TEST_"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a site file: where (file or variable), which key, what, and what to do."""

    where: str
    key: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.where}: {self.key}: {self.what}. Fix: {self.fix}."


class ConfigError(ValueError):
    """The site file cannot be used; `problems` lists everything wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def load_site(path: Path, environ: Mapping[str, str]) -> Site:
    """Read and check a site file. Raises `ConfigError` with every problem found."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            [_problem(path, "file", error.strerror or str(error), "give the path of a site file")]
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError([_problem(path, "file", f"not UTF-8 at byte {error.start}", "save it as UTF-8")]) from None
    return parse_site(text, str(path), environ, path.parent)


def parse_site(text: str, where: str, environ: Mapping[str, str], folder: Path = Path()) -> Site:
    """Check a site file's text; `where` names it in problems, files it names are looked for from `folder`.

    Raises `ConfigError` with every problem found.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([_problem(where, "file", f"not TOML: {error}", "correct the syntax there")]) from None
    problems = [Problem(where, *found) for found in resolve(document, environ, folder)]
    sources = dict.fromkeys(_override(document, environ), "environment")
    problems += _unknown_keys(document, Site, where, "")
    try:
        site = TypeAdapter(Site).validate_python(document)
    except ValidationError as error:
        for item in error.errors():
            key = _key(item["loc"])
            problems.append(_type_problem(sources.get(key, where), key, item["type"], item["msg"], item.get("input")))
        raise ConfigError(problems) from None
    problems += [Problem(where, *found) for found in cross_checks(site)]
    if problems:
        raise ConfigError(problems)
    return site


def _problem(where: object, key: str, what: str, fix: str) -> Problem:
    return Problem(str(where), key, what, fix)


def _override(document: dict[str, typing.Any], environ: Mapping[str, str]) -> Iterator[str]:
    """Put environment values into the document; yields the dotted keys that were replaced."""
    for name in sorted(environ):
        key = name.removeprefix(ENV_PREFIX)
        if key == name or key in _OTHER_VARIABLES or key.startswith(_TESTS_VARIABLES):
            continue
        path = key.lower().split("__")
        table = document
        for part in path[:-1]:
            inner = table.setdefault(part, {})
            if not isinstance(inner, dict):
                inner = table[part] = {}
            table = inner
        table[path[-1]] = environ[name]
        yield ".".join(path)


def _dataclass_of(annotation: object) -> type | None:
    """The dataclass behind `X`, `X | None` or `tuple[X, ...]`, if there is one."""
    for candidate in (annotation, *typing.get_args(annotation)):
        if isinstance(candidate, type) and dataclasses.is_dataclass(candidate):
            return candidate
    return None


def _unknown_keys(value: object, cls: type, where: str, prefix: str) -> Iterator[Problem]:
    if not isinstance(value, dict):
        return
    hints = typing.get_type_hints(cls)
    for key, inner in value.items():
        path = f"{prefix}{key}"
        if key not in hints:
            close = difflib.get_close_matches(key, hints, n=1)
            fix = f"did you mean {close[0]!r}?" if close else f"remove it; known keys are {', '.join(sorted(hints))}"
            yield Problem(where, path, "unknown key", fix.rstrip("?"))
            continue
        nested = _dataclass_of(hints[key])
        if nested is None:
            continue
        if isinstance(inner, list):
            for index, item in enumerate(inner):
                yield from _unknown_keys(item, nested, where, f"{path}[{index}].")
        else:
            yield from _unknown_keys(inner, nested, where, f"{path}.")


def _key(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


_FIXES = {
    "missing": "add it",
    "int_parsing": "write a whole number",
    "int_type": "write a whole number",
    "float_parsing": "write a number",
    "float_type": "write a number",
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "string_type": "write text in quotes",
    "tuple_type": "write a list of tables, as in deploy/site/site.toml",
    "dataclass_type": "write a table of keys",
    "dataclass_exact_type": "write a table of keys",
}


def _type_problem(where: str, key: str, kind: str, message: str, value: object) -> Problem:
    if kind == "missing":
        return Problem(where, key, "missing", _FIXES[kind])
    shown = "" if isinstance(value, dict | list) else f" (it is {value!r})"
    return Problem(where, key, message[0].lower() + message[1:] + shown, _FIXES.get(kind, "choose one of these"))
