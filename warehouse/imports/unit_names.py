"""Names of units as people write them, to the codes that `warehouse.units` and the items use.

Only names that mean the same everywhere: a set (套), a carton (箱) or a box (盒) is each maker's own and stays so.
"""

_NAMES = {
    "pc": ("pc", "pcs", "pce", "piece", "pieces", "ea", "each", "个", "件", "只"),
    "kg": ("kg", "kgs", "kilogram", "kilograms", "千克", "公斤"),
    "g": ("g", "gram", "grams", "克"),
    "t": ("t", "ton", "tons", "tonne", "tonnes", "吨"),
    "lb": ("lb", "lbs", "pound", "pounds", "磅"),
    "m": ("m", "metre", "metres", "meter", "meters", "米"),
    "mm": ("mm", "millimetre", "millimetres", "毫米"),
    "l": ("l", "litre", "litres", "liter", "liters", "升"),
    "dozen": ("dozen", "dz", "打"),
}
_CODES = {name: code for code, names in _NAMES.items() for name in names}


def unit_code(text: str) -> str:
    """The unit's code; a name that is not known stays as it is."""
    return _CODES.get(text.lower(), text)
