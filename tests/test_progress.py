"""Long fills report their progress; an exception of the callback or Ctrl-C stops them."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import fastinit

FILLS = {  # of one call: the elements that it fills
    "normal": (lambda: fastinit.normal(1 << 20, generator=0), 1 << 20),
    "orthogonal": (lambda: fastinit.orthogonal((400, 300), generator=0), 400 * 300),
    "keystream": (lambda: fastinit.keystream(0, 3_000_001), 3_000_001),
}


@pytest.mark.parametrize("name", FILLS)
def test_progress(threads, name):
    fill, elements = FILLS[name]
    seen = []
    with fastinit.report_progress(lambda done, total: seen.append((done, total))):
        fill()
    assert seen[-1] == (elements, elements)
    assert seen == sorted(seen)


def test_exception_of_the_progress_callback_stops_the_fill():
    array = np.zeros(1 << 25, np.float32)
    before = fastinit.isa()

    def stop(done, total):
        raise LookupError(f"{done} of {total}")

    fastinit._core.choose_isa("portable")
    try:
        with pytest.raises(LookupError, match="of 33554432"), fastinit.report_progress(stop):
            fastinit.normal_(array, generator=0)
    finally:
        fastinit._core.choose_isa(before)
    assert (array[-1000:] == 0).all()
    remembered = array.copy()
    time.sleep(0.05)
    assert (array == remembered).all()


@pytest.mark.parametrize(
    ("shape", "fill"),
    [  # 4 GiB, mostly untouched; 64 MiB
        ("1 << 30", "fastinit.normal_(array, generator=0)"),
        ("1 << 30", "fastinit.keystream(0, 1 << 32)"),
        ("(4096, 4096)", "fastinit.orthogonal_(array, generator=0)"),
    ],
    ids=["normal", "keystream", "orthogonal"],
)
@pytest.mark.parametrize("threads", ["1", "2"])
def test_ctrl_c_stops_a_long_fill(threads, shape, fill):
    code = (
        "import fastinit, numpy as np, sys, time\n"
        f"array = np.zeros({shape}, np.float32)\n"
        "print('ready', flush=True)\n"
        "try:\n"
        f"    while True: {fill}\n"
        "except KeyboardInterrupt:\n"
        "    print(time.time(), flush=True)\n"
    )
    environment = {**os.environ, "FASTINIT_ISA": "portable", "FASTINIT_NUM_THREADS": threads}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.5)
    sent = time.time()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    print(f"stopped {float(output) - sent:.3f} s after the signal")
