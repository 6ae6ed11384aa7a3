"""Forks, threads, memory limits, imports, memory-mapped files."""

import mmap
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import fastinit


def run_python(code, **keywords):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, **keywords
    )


def test_import_imports_no_framework():
    code = (
        "import sys, fastinit\n"
        "print([name for name in ('torch', 'jax', 'jaxlib', 'rich', 'ml_dtypes', 'dask', 'scipy')"
        " if name in sys.modules])"
    )
    assert run_python(code).stdout.strip() == "[]"


def test_numpy_random_is_imported_when_it_is_asked_for():
    """NumPy 1.26 imports it by itself."""
    code = (
        "import sys, numpy\n"
        "before = 'numpy.random' in sys.modules\n"
        "import fastinit\n"
        "fastinit.normal(3); fastinit.normal(3, generator=fastinit.Stream(0))\n"
        "print(('numpy.random' in sys.modules) == before)\n"
        "print(fastinit.Stream(0).numpy())\n"
    )
    output = run_python(code)
    assert output.stdout == "True\nGenerator(SFC64)\n", output.stderr


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*fork.*:RuntimeWarning")
def test_fork_after_use(threads):
    size = 1 << 21
    expected = fastinit.normal(size, generator=0)
    child = os.fork()
    if child == 0:
        same = (fastinit.normal(size, generator=0) == expected).all()
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert (fastinit.normal(size, generator=0) == expected).all()


def test_fork_before_use():
    code = (
        "import fastinit, hashlib, os, sys\n"
        "child = os.fork()\n"
        "digest = hashlib.sha256(fastinit.normal(1 << 21, generator=0)).hexdigest()\n"
        "if child == 0: print(digest, flush=True); os._exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "print(digest)\n"
    )
    lines = run_python(code).stdout.split()
    assert len(lines) == 2
    assert lines[0] == lines[1]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*fork.*:RuntimeWarning")
def test_fork_during_a_fill(threads):
    """A child lacks its parent's filling threads, and must not wait for their locks."""
    size = 1 << 21
    array = np.empty(size, np.float32)
    expected = fastinit.normal(size, generator=0)
    filler = threading.Thread(target=fastinit.normal_, args=(array,), kwargs={"generator": 0})
    filler.start()
    child = os.fork()
    if child == 0:
        same = (fastinit.normal(size, generator=0) == expected).all()
        os._exit(0 if same else 1)
    filler.join()
    assert os.waitpid(child, 0)[1] == 0
    assert (array == expected).all()


def test_concurrent_callers(threads):
    size = 1 << 20
    expected = [fastinit.normal(size, generator=seed) for seed in range(8)]
    results = [np.empty(size, np.float32) for _ in range(8)]
    team = [
        threading.Thread(target=fastinit.normal_, args=(results[seed],), kwargs={"generator": seed})
        for seed in range(8)
    ]
    for thread in team:
        thread.start()
    for thread in team:
        thread.join()
    for a, b in zip(results, expected, strict=True):
        assert (a == b).all()


def test_default_stream_is_shared_by_threads():
    fastinit.manual_seed(1)
    expected = {fastinit.normal(4).tobytes() for _ in range(40)}
    fastinit.manual_seed(1)
    found = set()
    team = [
        threading.Thread(
            target=lambda: found.update(fastinit.normal(4).tobytes() for _ in range(10))
        )
        for _ in range(4)
    ]
    for thread in team:
        thread.start()
    for thread in team:
        thread.join()
    assert found == expected


def test_memory_limit():
    code = (
        "import fastinit, resource\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"
        "try: fastinit.normal((1 << 30,))\n"
        "except MemoryError as error: print('MemoryError', error)\n"
        "print(fastinit.normal(3, generator=0).shape)\n"
    )
    output = run_python(code, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    assert "MemoryError unable to allocate 4294967296 bytes" in output.stdout, output.stderr
    assert "(3,)" in output.stdout


def test_memory_limit_of_threads_and_temporaries():
    """Fill with fewer threads if some cannot start; raise MemoryError if memory is short."""
    code = (
        "import fastinit, numpy as np, resource\n"
        "array = np.zeros((4096, 4096), np.float32)\n"
        "hard = resource.getrlimit(resource.RLIMIT_AS)[1]\n"
        "with open('/proc/self/statm') as file: used = int(file.read().split()[0]) * 4096\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 20), hard))\n"
        "fastinit.set_num_threads(64)\n"
        "fastinit.normal_(array, generator=0)\n"
        "try: fastinit.normal((1 << 28,))\n"
        "except MemoryError: print('MemoryError')\n"
        "resource.setrlimit(resource.RLIMIT_AS, (hard, hard))\n"
        "print((fastinit.normal(array.shape, generator=0) == array).all())\n"
    )
    output = run_python(code, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    assert output.stdout == "MemoryError\nTrue\n", output.stderr


def test_read_only_maps(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(bytes(4096))
    read_only = np.memmap(path, np.float32, "r")
    with path.open("rb") as file:
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    for target in (read_only, mapping, np.frombuffer(mapping, np.float32)):
        with pytest.raises(ValueError, match="read-only"):
            fastinit.normal_(target, generator=0)
    copy_on_write = np.memmap(path, np.float32, "c")
    fastinit.normal_(copy_on_write, generator=0)
    assert (copy_on_write == fastinit.normal(1024, generator=0)).all()
    assert path.read_bytes() == bytes(4096)


@pytest.mark.parametrize("store", ["fastinit.normal_(array, generator=0)", "array[...] = 1"])
@pytest.mark.parametrize("size", [1 << 12, 8 << 20])
def test_file_truncated_under_a_map(tmp_path, size, store):
    """Stores beyond the end of a file raise SIGBUS, as NumPy's do."""
    code = (
        "import fastinit, numpy as np, os, sys\n"
        f"array = np.memmap(sys.argv[1], np.float32, 'w+', shape=({size},))\n"
        f"os.truncate(sys.argv[1], 0)\n{store}\n"
    )
    process = subprocess.run([sys.executable, "-c", code, tmp_path / "file"], timeout=60)
    assert process.returncode == -signal.SIGBUS


def test_no_temporary_of_the_targets_size():
    code = (
        "import fastinit, numpy as np, resource\n"
        "arrays = [np.zeros((8192, 4096), np.float32), np.zeros((8192, 4096), np.float16)]\n"
        "for a in arrays: a.fill(1)\n"
        "fastinit.normal_(np.zeros((1000, 3000), np.float32).T)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for a in arrays:\n"
        "    for view in (a, a.T, a[::-1, ::2], a[:, :7]):\n"
        "        fastinit.normal_(view); fastinit.trunc_normal_(view); fastinit.zeros_(view)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    output = run_python(code)
    assert int(output.stdout) < 2048, output.stderr  # KiB
