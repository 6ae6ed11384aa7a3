"""Types of options that the command lines share."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def multiple_of(unit: int) -> Callable[[str], int]:
    """Return the type of an option that is a positive multiple of a number."""

    def convert(text: str) -> int:
        value = int(text) if text.isdecimal() else 0
        if value < unit or value % unit != 0:
            raise argparse.ArgumentTypeError(f"must be a positive multiple of {unit}, not {text!r}")
        return value

    return convert
