"""fastinit fills huge weight tensors with their initial values, at memory speed, reproducibly.

A value depends on seed, name and logical index alone: not on the machine, the instruction set, the
number of threads, or the strides. A float16, bfloat16 or float8 value is the float32 value rounded
once to nearest even (a uniform is then kept below `high`); float64 has values of its own.

fastinit fills any writable CPU array in place, as torch.nn.init does::

    fastinit.kaiming_normal_(array, generator=fastinit.Stream(0) / "layers.0.weight")

and creates NumPy arrays by functions without the underscore::

    weight = fastinit.kaiming_normal((4096, 4096), generator=0, dtype="float32")

Modules, from the top down; none imports one above it:

* `cli`: the command ``python -m fastinit``
* `torch`: plans of PyTorch models, and checks; imported only when asked for
* `plan`: many named tensors and what fills each: print them, fill them whole or in parts
* `entries`: one of them: its shape, dtype and initializer, and the pieces that fill it
* `moments`, `table`: the moments of values, expected and measured; tables of text
* `creation`: every initializer as a function that creates an array
* `initializers`: every initializer in place; each carries its rule
* `matrices`: diagonal, orthogonal and sparse matrices
* `streams`: seeds, names, keys, other libraries' generators, the raw keystream
* `fill`: the one door to the core: parts of a logical tensor, threads, progress
* `rules`: dtype, shape and arguments to distribution
* `torch_tensors`: views of torch tensors; imported with the first one
* `arrays`: views of CPU memory, allocation
* `_core`: the seam to C
* `fans`, `dtypes`, `threads`: fans and gains, the table of dtypes, the number of threads
"""

import os as _os

from fastinit import _core
from fastinit._core import available_isas, isa
from fastinit.arrays import empty
from fastinit.creation import (
    constant,
    delta_orthogonal,
    dirac,
    eye,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    kaiming_normal,
    kaiming_uniform,
    lecun_normal,
    lecun_uniform,
    normal,
    ones,
    orthogonal,
    sparse,
    trunc_normal,
    uniform,
    variance_scaling,
    xavier_normal,
    xavier_uniform,
    zeros,
)
from fastinit.fans import calculate_fan_in_and_fan_out, calculate_gain
from fastinit.fill import report_progress
from fastinit.initializers import (
    constant_,
    delta_orthogonal_,
    dirac_,
    eye_,
    glorot_normal_,
    glorot_uniform_,
    he_normal_,
    he_uniform_,
    kaiming_normal_,
    kaiming_uniform_,
    lecun_normal_,
    lecun_uniform_,
    normal_,
    ones_,
    orthogonal_,
    sparse_,
    trunc_normal_,
    uniform_,
    variance_scaling_,
    xavier_normal_,
    xavier_uniform_,
    zeros_,
)
from fastinit.plan import Plan
from fastinit.streams import Stream, keystream, manual_seed
from fastinit.threads import get_num_threads, set_num_threads

__version__ = "0.1.0"  # a literal: the build reads it without importing the package

if _name := _os.environ.get("FASTINIT_ISA"):
    try:
        _core.choose_isa(_name)
    except ValueError as _error:
        raise ImportError(f"FASTINIT_ISA: {_error}") from None

__all__ = [
    "Plan",
    "Stream",
    "available_isas",
    "calculate_fan_in_and_fan_out",
    "calculate_gain",
    "constant",
    "constant_",
    "delta_orthogonal",
    "delta_orthogonal_",
    "dirac",
    "dirac_",
    "empty",
    "eye",
    "eye_",
    "get_num_threads",
    "glorot_normal",
    "glorot_normal_",
    "glorot_uniform",
    "glorot_uniform_",
    "he_normal",
    "he_normal_",
    "he_uniform",
    "he_uniform_",
    "isa",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "keystream",
    "lecun_normal",
    "lecun_normal_",
    "lecun_uniform",
    "lecun_uniform_",
    "manual_seed",
    "normal",
    "normal_",
    "ones",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "report_progress",
    "set_num_threads",
    "sparse",
    "sparse_",
    "trunc_normal",
    "trunc_normal_",
    "uniform",
    "uniform_",
    "variance_scaling",
    "variance_scaling_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros",
    "zeros_",
]
