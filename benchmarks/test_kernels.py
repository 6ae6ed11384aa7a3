"""Times the kernels, to compare a change with the last commit: see the README."""

from collections.abc import Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import fastinit
from benchmarks.rows import IN_CACHE, NORMAL, TRUNCATED, UNIFORM, Work, fastinit_side
from fastinit.arrays import dtype_of

IN_MEMORY = 1 << 24


@pytest.fixture(params=fastinit.available_isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    before = fastinit.isa()
    yield request.param
    fastinit._core.choose_isa(before)
    fastinit.set_num_threads(None)


@pytest.mark.parametrize("elements", [IN_CACHE, IN_MEMORY])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64"])
@pytest.mark.parametrize("work", [UNIFORM, NORMAL, TRUNCATED], ids=lambda work: work.name)
def test_kernel(
    benchmark: BenchmarkFixture, isa: str, work: Work, dtype: str, elements: int
) -> None:
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    if isa == "portable" and elements > IN_CACHE:
        pytest.skip("it is bound by its arithmetic at any size")
    array = fastinit.empty(elements, dtype_of(dtype))
    side = fastinit_side(work, array, isa=isa)
    side.prepare()
    benchmark.group = f"{work.name} {dtype} x{elements}"
    benchmark(side.run)
