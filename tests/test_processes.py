"""Calls without a generator in threads and in processes, by every start method."""

import multiprocessing
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import fastinit
from fastinit import streams

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*fork.*:RuntimeWarning"),
]


def draw():
    return fastinit.normal(4).tobytes()


def draw_into(queue, calls=2):
    queue.put([draw() for _ in range(calls)])


def draw_in_fork(work=draw):
    """Return the bytes that `work` returns in a forked child."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(writing, work())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        values = pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    return values


@pytest.fixture
def unseeded(monkeypatch):
    """Reset the default stream to that of a process that has not called manual_seed."""
    monkeypatch.setattr(streams, "_default", streams._random_calls())


@pytest.fixture
def seeded(monkeypatch):
    monkeypatch.setattr(streams, "_default", None)
    fastinit.manual_seed(3)


def started(method, count=3):
    """Return the draws of `count` children that multiprocessing starts one after another."""
    context = multiprocessing.get_context(method)
    queue = context.SimpleQueue()
    drawn = []
    for _ in range(count):
        child = context.Process(target=draw_into, args=(queue,))
        child.start()
        drawn += queue.get()
        child.join()
        assert child.exitcode == 0
    return drawn


@pytest.mark.parametrize("calls_before", [0, 1])
def test_forked_children_differ(unseeded, calls_before):
    drawn = [draw() for _ in range(calls_before)]
    for _ in range(3):
        drawn += [draw_in_fork(), draw()]
    assert len(set(drawn)) == calls_before + 6


def test_parent_keeps_its_stream(unseeded):
    root = streams._default._root
    draw()
    draw_in_fork()
    expected = fastinit.normal(4, generator=root / "1").tobytes()
    assert draw() == expected


def test_forked_children_of_a_seeded_parent_draw_the_same(seeded):
    """Each child continues after the parent's last call."""
    draw()
    second = fastinit.normal(4, generator=fastinit.Stream(3) / "1").tobytes()
    assert draw_in_fork() == draw_in_fork() == draw() == second


def test_fork_of_a_fork(unseeded):
    def both():
        return draw() + draw_in_fork() + draw() + draw_in_fork()

    values = draw_in_fork(both)
    drawn = [values[i : i + 16] for i in range(0, len(values), 16)]
    assert len(drawn) == 4
    assert len({*drawn, draw()}) == 5


def test_seed_of_a_child_is_kept_by_its_children(unseeded):
    def seed():
        fastinit.manual_seed(3)
        return draw_in_fork()

    assert draw_in_fork(seed) == fastinit.normal(4, generator=fastinit.Stream(3) / "0").tobytes()


def test_fork_while_another_thread_fills(unseeded, threads):
    array = np.empty(1 << 21, np.float32)
    stop = threading.Event()

    def fill():
        while not stop.is_set():
            fastinit.normal_(array)

    filler = threading.Thread(target=fill)
    filler.start()
    try:
        drawn = [draw_in_fork(lambda: fastinit.normal(1 << 18).tobytes()[:16]) for _ in range(3)]
        drawn += [fastinit.normal(1 << 18).tobytes()[:16] for _ in range(3)]
    finally:
        stop.set()
        filler.join()
    assert len(set(drawn)) == 6


def test_threads_draw_different_values(unseeded):
    drawn, count = [], 500
    together = threading.Barrier(8)

    def work():
        together.wait()
        drawn.extend([draw() for _ in range(count)])

    team = [threading.Thread(target=work) for _ in range(8)]
    for thread in team:
        thread.start()
    for thread in team:
        thread.join()
    assert len(set(drawn)) == len(drawn) == 8 * count


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_differ(unseeded, method):
    drawn = [*started(method), draw()]
    assert len(set(drawn)) == 7


def test_seed_of_the_parent_affects_only_forked_children(seeded):
    parents = [fastinit.normal(4, generator=fastinit.Stream(3) / str(k)) for k in range(2)]
    assert started("fork") == [values.tobytes() for values in parents] * 3
    for method in ("spawn", "forkserver"):
        drawn = started(method, 2)
        assert len({*drawn, *(values.tobytes() for values in parents)}) == 6


def test_fork_server_that_has_imported_fastinit(tmp_path):
    """One process, which draws nothing, forks all children."""
    code = (
        "import multiprocessing, fastinit\n"
        "def draw(queue): queue.put(fastinit.normal(4).tobytes())\n"
        "if __name__ == '__main__':\n"
        "    multiprocessing.set_forkserver_preload(['fastinit'])\n"
        "    context = multiprocessing.get_context('forkserver')\n"
        "    queue, drawn = context.SimpleQueue(), set()\n"
        "    for _ in range(3):\n"
        "        child = context.Process(target=draw, args=(queue,))\n"
        "        child.start(); drawn.add(queue.get()); child.join()\n"
        "    print(len(drawn))\n"
    )
    path = tmp_path / "program.py"
    path.write_text(code)
    command = [sys.executable, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "3\n"
