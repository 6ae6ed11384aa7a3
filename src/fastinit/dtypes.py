"""The dtypes that can be filled: the one table of what Python has to know of each.

A new dtype is a row here and one of the core's list. `tests/test_dtypes.py` compares every column
with NumPy, ml_dtypes, torch and the core.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

# DLPack's type codes, by its own names: https://dmlc.github.io/dlpack/latest/c_api.html
Code = IntEnum(
    "Code",
    {
        "kDLFloat": 2,
        "kDLBfloat": 4,
        "kDLFloat8_e4m3fn": 10,
        "kDLFloat8_e4m3fnuz": 11,
        "kDLFloat8_e5m2": 12,
        "kDLFloat8_e5m2fnuz": 13,
    },
)


class Dtype(NamedTuple):
    """What is known of a dtype."""

    itemsize: int  # bytes
    largest: float  # the largest finite value
    torch_name: str  # in the texts of torch's errors
    dlpack: Code
    exponent_bits: int
    poison: int  # bits of a NaN that no arithmetic makes; float8 has hardly any NaN to choose from
    has_infinity: bool = True
    needs_ml_dtypes: bool = True  # NumPy itself does not have it
    has_negative_zero: bool = True  # else its pattern is the only NaN, and the bias is one higher

    @property
    def mantissa_bits(self) -> int:
        """Bits that are neither sign nor exponent."""
        return 8 * self.itemsize - 1 - self.exponent_bits

    @property
    def bias(self) -> int:
        """What the bits of an exponent are above it."""
        return (1 << (self.exponent_bits - 1)) - self.has_negative_zero


# By name, which is the same in NumPy, ml_dtypes and torch.
DTYPES = {
    "float64": Dtype(
        8,
        1.7976931348623157e308,
        "double",
        Code.kDLFloat,
        11,
        0x7FFDA5A5A5A5A5A5,
        needs_ml_dtypes=False,
    ),
    "float32": Dtype(
        4, 3.4028234663852886e38, "float", Code.kDLFloat, 8, 0x7FE5A5A5, needs_ml_dtypes=False
    ),
    "float16": Dtype(2, 65504.0, "c10::Half", Code.kDLFloat, 5, 0x7FA5, needs_ml_dtypes=False),
    "bfloat16": Dtype(2, 3.3895313892515355e38, "c10::BFloat16", Code.kDLBfloat, 8, 0x7FE5),
    "float8_e4m3fn": Dtype(
        1, 448.0, "c10::Float8_e4m3fn", Code.kDLFloat8_e4m3fn, 4, 0x7F, has_infinity=False
    ),
    "float8_e5m2": Dtype(1, 57344.0, "c10::Float8_e5m2", Code.kDLFloat8_e5m2, 5, 0x7D),
    "float8_e4m3fnuz": Dtype(
        1,
        240.0,
        "c10::Float8_e4m3fnuz",
        Code.kDLFloat8_e4m3fnuz,
        4,
        0x80,
        has_infinity=False,
        has_negative_zero=False,
    ),
    "float8_e5m2fnuz": Dtype(
        1,
        57344.0,
        "c10::Float8_e5m2fnuz",
        Code.kDLFloat8_e5m2fnuz,
        5,
        0x80,
        has_infinity=False,
        has_negative_zero=False,
    ),
}
NAMES = ", ".join(DTYPES)  # for error texts
