"""Secrets of a site file: never in it, but in files and variables that it names.

For every secret key, `password` and `dsn`, a table may have `password_file` (a path, relative to the site file; its
content without the last line break) or `password_env` (the name of a variable) instead. A password written into the
file is a mistake. A DSN may be written there: without a password it is none.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SECRETS = frozenset({"password", "dsn"})
BYTES_MAX = 64 * 1024

Found = tuple[str, str, str]


def resolve(document: dict[str, Any], environ: Mapping[str, str], folder: Path) -> list[Found]:
    """Put secrets in the place of their references; what is wrong, as (key, what, fix)."""
    return list(_resolved(document, environ, folder, ""))


def _resolved(value: Any, environ: Mapping[str, str], folder: Path, key: str) -> Iterator[Found]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _resolved(item, environ, folder, f"{key}[{index}]")
    if not isinstance(value, dict):
        return
    for name in sorted(SECRETS & value.keys()):
        if name == "password" and value[name]:
            fix = f"write {name}_file or {name}_env, or set it as a variable, and change this password"
            yield _at(key, name), "a password does not belong in a site file", fix
            del value[name]
    for name in sorted(SECRETS):
        references = [kind for kind in ("file", "env") if f"{name}_{kind}" in value]
        if len(references) + (name in value) > 1:
            yield _at(key, name), "given more than once", f"keep one of {name}, {name}_file and {name}_env"
        for kind in references:
            reference = value.pop(f"{name}_{kind}")
            secret, problem = (_of_file if kind == "file" else _of_variable)(reference, environ, folder)
            if problem is not None:
                yield _at(key, f"{name}_{kind}"), *problem
            else:
                value[name] = secret
    for name, inner in value.items():
        yield from _resolved(inner, environ, folder, _at(key, name))


def _at(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


_Answer = tuple[str, tuple[str, str] | None]


def _of_file(reference: Any, _environ: Mapping[str, str], folder: Path) -> _Answer:
    if not isinstance(reference, str) or not reference:
        return "", ("not a path", "write the path of a file in quotes")
    path = folder / reference
    try:
        with path.open("rb") as file:
            body = file.read(BYTES_MAX + 1)
        text = body.decode("utf-8")
    except OSError as error:
        return "", (f"cannot read {path}: {error.strerror}", "give the path of a file that this user may read")
    except UnicodeDecodeError:
        return "", (f"{path} is not text", "put the secret alone into the file, as UTF-8")
    text = text.removesuffix("\n").removesuffix("\r")
    if not text or len(body) > BYTES_MAX or "\n" in text:
        return "", (f"{path} does not hold one line", "put the secret alone into the file")
    return text, None


def _of_variable(reference: Any, environ: Mapping[str, str], _folder: Path) -> _Answer:
    if not isinstance(reference, str) or not reference:
        return "", ("not a variable's name", "write the name of a variable in quotes")
    secret = environ.get(reference, "")
    if not secret:
        return "", (f"the variable {reference} is not set", "set it for this process")
    return secret, None
