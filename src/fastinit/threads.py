"""The number of threads of a large fill: the CPUs that the process may use, or what was set."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

_threads: int | None = None


def set_num_threads(threads: int | None) -> None:
    """Set the largest number of threads that a fill uses.

    Parameters
    ----------
    threads : int or None
        At least 1. None restores the default: FASTINIT_NUM_THREADS if it is set; otherwise the
        number of CPUs that this process may use (the smaller of its affinity and the CPU quota of
        its cgroup, rounded up), divided by LOCAL_WORLD_SIZE if torchrun has set it. The quota is
        read once per process.

    Raises
    ------
    ValueError
        Not an int of at least 1.

    Examples
    --------
    >>> import fastinit
    >>> fastinit.set_num_threads(1)
    >>> fastinit.get_num_threads()
    1
    >>> fastinit.set_num_threads(None)
    """
    global _threads
    _threads = None if threads is None else _checked_threads("threads", threads)


def get_num_threads() -> int:
    """Return the largest number of threads that a fill uses.

    Returns
    -------
    int
    """
    if _threads is not None:
        return _threads
    if text := os.environ.get("FASTINIT_NUM_THREADS"):
        return _checked_threads("FASTINIT_NUM_THREADS", text)
    if hasattr(os, "sched_getaffinity"):
        available = len(os.sched_getaffinity(0))
    else:
        available = os.cpu_count() or 1
    available = min(available, _own_quota() or available)
    ranks = os.environ.get("LOCAL_WORLD_SIZE", "")
    return max(1, available // max(1, int(ranks) if ranks.isdecimal() else 1))


def _checked_threads(name: str, value: int | str) -> int:
    try:
        threads = int(value)
    except (TypeError, ValueError):
        threads = 0
    if threads < 1 or isinstance(value, bool | float):
        raise ValueError(f"{name} must be an int of at least 1, not {value!r}")
    return threads


def cpu_quota(root: Path) -> int | None:
    """Return the CPUs that the cgroups of this process allow it, rounded up; None is no limit.

    The smallest quota from the process's own group up to the root applies. Both versions of cgroups
    count, wherever mountinfo says that they are mounted. `root` is the directory that holds
    ``proc``.

    References
    ----------
    The kernel's Documentation/admin-guide/cgroup-v2.rst (``cpu.max``) and
    Documentation/scheduler/sched-bwc.rst (``cpu.cfs_quota_us``); cgroups(7); proc(5).
    """
    try:
        membership = _read(root / "proc/self/cgroup")
        groups = list(_groups(membership, _read(root / "proc/self/mountinfo")))
    except (OSError, ValueError):  # not Linux, no /proc, or files of another format
        return None
    limits = (_limit(root / group.relative_to("/")) for group in groups)
    return min((limit for limit in limits if limit is not None), default=None)


@cache
def _own_quota() -> int | None:
    return cpu_quota(Path("/"))


if hasattr(os, "register_at_fork"):
    # A launcher may move a child to another cgroup.
    os.register_at_fork(after_in_child=_own_quota.cache_clear)


def _read(path: Path) -> str:
    return path.read_text("utf-8", "surrogateescape")  # names of mounts may be any bytes


def _groups(membership: str, mounts: str) -> Iterator[PurePosixPath]:
    """Yield the directory of each group that contains this process and may have a CPU quota."""
    paths: dict[str, PurePosixPath] = {}  # by controller of version 1, and by "" of version 2
    for line in membership.splitlines():
        _, controllers, path = line.split(":", 2)
        paths |= dict.fromkeys(controllers.split(","), PurePosixPath(path))
    for line in mounts.splitlines():
        mount, _, filesystem = line.partition(" - ")
        kind, *_, options = filesystem.split(" ")
        if kind == "cgroup2":
            own = paths.get("")
        elif kind == "cgroup" and "cpu" in options.split(","):
            own = paths.get("cpu")
        else:
            continue
        top, directory = (PurePosixPath(_unescaped(field)) for field in mount.split(" ")[3:5])
        # A mount may show only the groups below `top`, which may not contain the process's.
        if own is not None and own.is_relative_to(top) and ".." not in own.parts:
            below = own.relative_to(top)
            yield directory / below
            yield from (directory / below).parents[: len(below.parts)]


def _unescaped(field: str) -> str:
    """Return a field of mountinfo, which writes spaces and the like as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)


def _limit(group: Path) -> int | None:
    """Return the CPUs that a group is limited to, rounded up; None is no limit."""
    try:
        if (group / "cpu.max").exists():
            quota, period = _read(group / "cpu.max").split()
        else:
            quota = _read(group / "cpu.cfs_quota_us")
            period = _read(group / "cpu.cfs_period_us")
        return -(-int(quota) // int(period)) if int(quota) > 0 else None
    except (OSError, ValueError):  # no such file, or "max"
        return None
