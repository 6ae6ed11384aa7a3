"""Types of the public API on NumPy arrays: checked by mypy and pyright, never run.

`assert_type` fails where a checker infers another type. A line that must be an error carries
`type: ignore`, and both checkers fail where such a comment is not needed.
"""

from collections.abc import Sequence
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import fastinit

array: npt.NDArray[np.float32] = np.empty((4, 4), np.float32)
stream = fastinit.Stream(0)


class Subclass(np.ndarray[tuple[int, int], np.dtype[np.float64]]):
    """A type of array that a fill must keep."""


def keep_the_type_of_their_target(special: Subclass, buffer: bytearray) -> None:
    assert_type(fastinit.uniform_(array, 0, 1, 0), npt.NDArray[np.float32])
    assert_type(fastinit.normal_(array, std=0.02, generator=stream), npt.NDArray[np.float32])
    assert_type(fastinit.trunc_normal_(array), npt.NDArray[np.float32])
    assert_type(fastinit.constant_(array, 1), npt.NDArray[np.float32])
    assert_type(fastinit.ones_(array), npt.NDArray[np.float32])
    assert_type(fastinit.zeros_(array), npt.NDArray[np.float32])
    assert_type(fastinit.eye_(array), npt.NDArray[np.float32])
    assert_type(fastinit.dirac_(array, 2), npt.NDArray[np.float32])
    assert_type(fastinit.xavier_uniform_(array, gain=2), npt.NDArray[np.float32])
    assert_type(fastinit.xavier_normal_(array), npt.NDArray[np.float32])
    assert_type(fastinit.glorot_uniform_(array), npt.NDArray[np.float32])
    assert_type(fastinit.glorot_normal_(array), npt.NDArray[np.float32])
    assert_type(fastinit.kaiming_uniform_(array, mode="fan_out"), npt.NDArray[np.float32])
    assert_type(fastinit.kaiming_normal_(array, nonlinearity="relu"), npt.NDArray[np.float32])
    assert_type(fastinit.he_uniform_(array), npt.NDArray[np.float32])
    assert_type(fastinit.he_normal_(array, layout="io", groups=2), npt.NDArray[np.float32])
    assert_type(fastinit.lecun_uniform_(array), npt.NDArray[np.float32])
    assert_type(fastinit.lecun_normal_(array), npt.NDArray[np.float32])
    assert_type(fastinit.variance_scaling_(array, 2.0, "fan_avg"), npt.NDArray[np.float32])
    assert_type(fastinit.orthogonal_(array), npt.NDArray[np.float32])
    assert_type(fastinit.delta_orthogonal_(array), npt.NDArray[np.float32])
    assert_type(fastinit.sparse_(array, 0.5), npt.NDArray[np.float32])
    assert_type(fastinit.kaiming_normal_(special), Subclass)
    assert_type(fastinit.normal_(buffer), bytearray)


def create_arrays(shape: Sequence[int]) -> None:
    assert_type(fastinit.uniform(3), npt.NDArray[Any])
    assert_type(fastinit.normal(shape, generator=0), npt.NDArray[Any])
    assert_type(fastinit.trunc_normal((3, 4), a=0.0), npt.NDArray[Any])
    assert_type(fastinit.constant(3, 0.5), npt.NDArray[Any])
    assert_type(fastinit.ones(3), npt.NDArray[Any])
    assert_type(fastinit.zeros(3, dtype=np.float64), npt.NDArray[Any])
    assert_type(fastinit.eye((3, 4)), npt.NDArray[Any])
    assert_type(fastinit.dirac((4, 4, 3)), npt.NDArray[Any])
    assert_type(fastinit.xavier_uniform((3, 4)), npt.NDArray[Any])
    assert_type(fastinit.xavier_normal((3, 4)), npt.NDArray[Any])
    assert_type(fastinit.glorot_uniform((3, 4)), npt.NDArray[Any])
    assert_type(fastinit.glorot_normal((3, 4)), npt.NDArray[Any])
    assert_type(fastinit.kaiming_uniform((3, 4)), npt.NDArray[Any])
    assert_type(fastinit.kaiming_normal((8, 4), index=(slice(2), slice(None))), npt.NDArray[Any])
    assert_type(fastinit.he_uniform((3, 4)), npt.NDArray[Any])
    assert_type(fastinit.he_normal((3, 4)), npt.NDArray[Any])
    assert_type(fastinit.lecun_uniform((3, 4)), npt.NDArray[Any])
    assert_type(fastinit.lecun_normal((3, 4), layout="io"), npt.NDArray[Any])
    assert_type(fastinit.variance_scaling((3, 4)), npt.NDArray[Any])
    assert_type(fastinit.orthogonal((3, 4)), npt.NDArray[Any])
    assert_type(fastinit.delta_orthogonal((4, 4, 3)), npt.NDArray[Any])
    assert_type(fastinit.sparse((3, 4), 0.5), npt.NDArray[Any])
    assert_type(fastinit.empty((3, 4), "float16"), npt.NDArray[Any])


def streams() -> None:
    assert_type(stream.child("weight"), fastinit.Stream)
    assert_type(stream / "weight" / "0", fastinit.Stream)
    assert_type(stream.key, bytes)
    assert_type(stream.numpy(), np.random.Generator)
    assert_type(stream == fastinit.Stream(1), bool)
    assert_type(hash(stream), int)
    stream.key = b""  # type: ignore
    stream / 0  # type: ignore
    fastinit.Stream("0")  # type: ignore


def accept_every_generator(numpy_generator: np.random.Generator) -> None:
    fastinit.normal_(array, generator=None)
    fastinit.normal_(array, generator=0)
    fastinit.normal_(array, generator=np.int64(0))
    fastinit.normal_(array, generator=stream)
    fastinit.normal_(array, generator=numpy_generator)


def other_functions(done: list[int]) -> None:
    assert_type(fastinit.calculate_gain("relu"), float)
    assert_type(fastinit.calculate_fan_in_and_fan_out(array, "io"), tuple[int, int])
    assert_type(fastinit.calculate_fan_in_and_fan_out((3, 4), groups=2), tuple[int, int])
    assert_type(fastinit.get_num_threads(), int)
    assert_type(fastinit.isa(), str)
    assert_type(fastinit.available_isas(), list[str])
    fastinit.keystream(0, 16).astype(np.uint8)
    fastinit.manual_seed(0)
    fastinit.set_num_threads(None)
    with fastinit.report_progress(lambda count, total: done.append(count)):
        pass
    fastinit.set_num_threads("2")  # type: ignore
    fastinit.kaiming_normal_(array, groups="2")  # type: ignore
    fastinit.constant_(array)  # type: ignore
    fastinit.uniform((3, 4), dype="float64")  # type: ignore


def plans() -> None:
    plan: fastinit.Plan[Any] = fastinit.Plan([("w", (4, 4), "float32", fastinit.normal_)], "model")
    plan.fill(0, {"w": array})
    plan.show()
    assert_type(str(plan), str)
    assert_type(len(plan), int)
    fastinit.Plan(5)  # type: ignore
