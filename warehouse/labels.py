"""Labels in ZPL II with their RFID tag: what is printed from a template, what is encoded by us.

A template is the visible part, `^XA … ^XZ`, with fields such as `{item}` and `{lot}`. The encoding is put in after
`^XA` by `render`, so that no template can forget it: `^RS8` (EPC Class 1 Gen 2) and `^RFW,H,,,A`, which writes the EPC
in hexadecimal to the EPC bank and sets the length in the PC word, whatever the EPC's length (Zebra ZPL Programming
Guide, ^RF, memory bank A). Field data may hold anything: `^FH_` precedes it and what ZPL would take for a command is
escaped.
"""

import re
from collections.abc import Mapping

FIELDS = frozenset({"epc", "uri", "key", "serial", "item", "name", "gtin", "lot", "expires", "quantity", "unit"})
TEMPLATE_MAX = 16_384

_FIELD = re.compile(r"\{([A-Za-z_]*)\}")
_ESCAPED = "^~_"


class LabelError(ValueError):
    """The template cannot be used; the message says where."""


def check_template(zpl: str) -> None:
    """Raises LabelError."""
    text = zpl.strip()
    if len(zpl) > TEMPLATE_MAX:
        raise LabelError(f"a template has at most {TEMPLATE_MAX} characters")
    if not text.startswith("^XA") or not text.endswith("^XZ") or text.count("^XA") != 1 or text.count("^XZ") != 1:
        raise LabelError("a template is one label: it begins with ^XA and ends with ^XZ")
    unknown = sorted({field for field in _FIELD.findall(text) if field not in FIELDS})
    if unknown:
        raise LabelError(f"no field {{{unknown[0]}}}: one of {', '.join(sorted(FIELDS))}")
    if re.search(r"\^RF|\^RS", text):
        raise LabelError("the tag is encoded by us: leave ^RF and ^RS out")
    for match in re.finditer(r"\^FD(.*?)\^FS", text, re.DOTALL):
        if "{" in match[1] and not text[: match.start()].endswith("^FH_"):
            raise LabelError("a ^FD with a field needs ^FH_ before it, or the field could end it")


def render(zpl: str, fields: Mapping[str, str]) -> bytes:
    """One label. Fields that are absent are empty. `fields["epc"]` is hexadecimal, whole 16-bit words."""
    epc = fields["epc"]
    if re.fullmatch(r"(?:[0-9A-F]{4})+", epc) is None:
        raise LabelError(f"{epc!r} is no EPC of whole words")
    text = _FIELD.sub(lambda match: escaped(fields.get(match[1], "")), zpl.strip())
    body = text.removeprefix("^XA")
    return f"^XA^CI28^RS8^RFW,H,,,A^FD{epc}^FS{body}\n".encode()


def escaped(value: str) -> str:
    """For a ^FD after ^FH_: commands, the escape itself and control characters as `_hh` of their UTF-8."""
    return "".join(
        "".join(f"_{byte:02X}" for byte in character.encode())
        if character in _ESCAPED or not character.isprintable()
        else character
        for character in value
    )
