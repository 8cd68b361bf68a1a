"""Numbers for people."""

from __future__ import annotations

import math
from typing import Any

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
NOTHING = "–"


def number(value: Any, digits: int = 4) -> str:
    """A number with so many significant digits, with a power of ten where it is large or small; a dash for nan."""
    value = float(value)
    if math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        text = f"{value:,.0f}" if value == round(value) else f"{value:.{digits}g}"
        if "e" in text:  # rounded up to more digits than asked for
            text = f"{value:,.0f}"
        return text.replace("-", "−")
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa} × 10{str(int(power)).translate(_RAISED)}".replace("-", "−")


def with_error(value: Any, error: Any) -> str:
    """A value rounded to two digits of its error, with the error; "± –" says that there is none."""
    value, error = float(value), float(error)
    if math.isnan(value):
        return NOTHING
    if math.isnan(error) or error <= 0 or math.isinf(error):
        return f"{number(value, 6)} ± {'0' if error == 0 else NOTHING}"
    places = max(0, 1 - math.floor(math.log10(error)))
    if places > 8 or abs(value) >= 1e7:
        return f"{number(value, 6)} ± {number(error, 2)}"
    return f"{value:.{places}f} ± {error:.{places}f}".replace("-", "−")
