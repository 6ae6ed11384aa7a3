"""Processes that time the rows, one per build of fastinit.

One process cannot import two builds of one extension. A worker waits for a line of JSON on its
standard input, without using a CPU, and answers with a line of JSON on its standard output.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks import ROOT
from benchmarks.timing import SAMPLE_SECONDS, Side, pace, sample

TURN_SECONDS = 0.01  # total time of the samples of a turn, unless one call takes longer
LEAST_SAMPLES = 3


class WorkerError(Exception):
    """A build cannot be imported, or a worker has died."""


@dataclass(frozen=True)
class Pace:
    """The calls and samples of a turn."""

    calls: int  # per sample
    samples: int
    seconds: float  # total time of the samples


class Worker:
    """A process that has imported a build."""

    def __init__(self, build: Path, elements: int, isa: str | None) -> None:
        environment = {**os.environ, "PYTHONPATH": str(build), "PYTHONHASHSEED": "0"}
        if isa is not None:
            environment["FASTINIT_ISA"] = isa
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", __name__, str(build), str(elements)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def imported(self) -> str:
        """Wait until the build is imported; return its instruction set."""
        answer = self._receive()
        if "error" in answer:
            raise WorkerError(answer["error"])
        isa: str = answer["isa"]
        return isa

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(f"a worker has ended by itself, with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _send(self, **question: Any) -> None:
        assert self._process.stdin is not None
        print(json.dumps(question), file=self._process.stdin, flush=True)

    def start(self, row: str) -> None:
        """Tell the worker to set a row up and to warm it up; does not wait."""
        self._send(start=row)

    def started(self) -> Pace | str:
        """Wait until the row is warm; return its pace, or the error if the build cannot run it."""
        answer = self._receive()
        return answer["error"] if "error" in answer else Pace(**answer)

    def turn(self, pace: Pace, cpus: Sequence[int]) -> float:
        """Run one turn of the row that was started last; return the seconds per call.

        The turn runs on `cpus`, if the system lets a process choose its CPUs.
        """
        self._send(turn={"calls": pace.calls, "samples": pace.samples, "cpus": list(cpus)})
        seconds: float = self._receive()["seconds"]
        return seconds

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _run_on(cpus: Sequence[int]) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cpus)


def _describe(error: Exception) -> str:
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"


def _turn(side: Side, calls: int, samples: int) -> float:
    """Return the seconds per call of the fastest sample.

    Disturbances only add time: other processes, cold caches, new memory.
    """
    return min(sample(side, calls, is_settled=False) for _ in range(samples)) / side.repeats


def _pace(side: Side) -> Pace:
    """Warm a side up, and return its pace."""
    calls, _ = pace(side)
    seconds = calls * sample(side, calls, is_settled=False)
    samples = max(LEAST_SAMPLES, round(TURN_SECONDS / max(seconds, SAMPLE_SECONDS)))
    return Pace(calls, samples, samples * seconds)


def _serve(build: Path, elements: int) -> None:
    # Libraries may print: keep their output apart from the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(**content: Any) -> None:
        print(json.dumps(content), file=answers, flush=True)

    try:
        import fastinit
        from benchmarks.machine import cpus
        from benchmarks.rows import ROWS, Sizes
    except Exception as error:
        answer(error=_describe(error))
        return
    if not Path(fastinit.__file__).is_relative_to(build):
        answer(error=f"ImportError: fastinit is {fastinit.__file__}, and not in {build}")
        return
    sizes = Sizes(elements, fastinit.get_num_threads())
    every_cpu = cpus()
    side: Side | None = None
    answer(isa=fastinit.isa())
    gc.disable()
    for line in sys.stdin:
        question = json.loads(line)
        if "start" in question:
            side = None  # its memory is freed before more is allocated
            gc.collect()
            _run_on(every_cpu)
            row = ROWS[question["start"]]
            try:
                side = row.make(sizes)
                answer(**asdict(_pace(side)))
            except Exception as error:  # any kind: an older build lacks something
                answer(error=_describe(error))
        else:
            assert side is not None
            _run_on(question["turn"].pop("cpus"))
            if not row.is_lasting:
                side = row.make(sizes)
            answer(seconds=_turn(side, **question["turn"]))


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), int(sys.argv[2]))
