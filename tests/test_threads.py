"""The default number of threads: CPU affinity, cgroup quotas, the ranks of a launcher."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import fastinit
from fastinit import threads

UNIFIED = "30 23 0:26 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
CPU = "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
OTHERS = (
    "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
    "34 31 0:31 / /sys/fs/cgroup/cpuset rw shared:9 - cgroup cgroup rw,cpuset\n"
    "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
)


@pytest.fixture
def machine(tmp_path):
    """Return a function that makes a root directory and returns the quota read from it."""

    def read(membership, mounts, files):
        proc = tmp_path / "proc/self"
        proc.mkdir(parents=True, exist_ok=True)
        (proc / "cgroup").write_text(membership)
        (proc / "mountinfo").write_text(OTHERS + mounts)
        for name, text in files.items():
            path = tmp_path / "sys/fs/cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return threads.cpu_quota(tmp_path)

    return read


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("150000 100000\n", 2),
        ("200000 100000\n", 2),
        ("200001 100000\n", 3),
        ("50000 100000\n", 1),
        ("1000 1000000\n", 1),
        ("max 100000\n", None),
        ("", None),
    ],
)
def test_quota_of_version_2(machine, text, cpus):
    assert machine("0::/a\n", UNIFIED, {"a/cpu.max": text}) == cpus


@pytest.mark.parametrize(
    ("quota", "period", "cpus"),
    [("150000\n", "100000\n", 2), ("-1\n", "100000\n", None), ("50000\n", "100000\n", 1)],
)
def test_quota_of_version_1(machine, quota, period, cpus):
    files = {
        "cpu,cpuacct/docker/1/cpu.cfs_quota_us": quota,
        "cpu,cpuacct/docker/1/cpu.cfs_period_us": period,
    }
    assert machine("5:cpuset:/\n4:cpu,cpuacct:/docker/1\n0::/\n", CPU, files) == cpus


def test_every_group_up_to_the_root_counts(machine):
    files = {"a/b/c/cpu.max": "800000 100000", "a/cpu.max": "300000 100000", "cpu.max": "max 1000"}
    assert machine("0::/a/b/c\n", UNIFIED, files) == 3
    # A group without the controller lacks the file; a removed group lacks the directory.
    assert machine("0::/a/b/c/d\n", UNIFIED, files) == 3
    assert machine("0::/a/b/c/e (deleted)\n", UNIFIED, files) == 3
    assert machine("0::/\n", UNIFIED, files) is None
    assert machine("0::/other\n", UNIFIED, files) is None


def test_both_versions_at_once(machine):
    unified = UNIFIED.replace("/sys/fs/cgroup ", "/sys/fs/cgroup/unified ")
    files = {
        "unified/x/cpu.max": "500000 100000",
        "cpu,cpuacct/y/cpu.cfs_quota_us": "400000",
        "cpu,cpuacct/y/cpu.cfs_period_us": "100000",
    }
    assert machine("4:cpu,cpuacct:/y\n0::/x\n", unified + CPU, files) == 4


def test_part_of_the_hierarchy_in_a_container(machine):
    """The mount shows only the container's group, by its name outside the container."""
    files = {"cpu.max": "300000 100000", "inner/cpu.max": "200000 100000"}
    mounts = UNIFIED.replace(" / /sys", " /docker/1 /sys")
    assert machine("0::/docker/1\n", mounts, files) == 3
    assert machine("0::/docker/1/inner\n", mounts, files) == 2
    # A part that does not contain the process.
    assert machine("0::/docker/10\n", mounts, files) is None
    assert machine("0::/\n", mounts, files) is None
    # A group outside the root of its namespace.
    assert machine("0::/../inner\n", UNIFIED, files) is None


def test_names_with_spaces(machine):
    mounts = UNIFIED.replace("/sys/fs/cgroup ", "/sys/fs/cgroup/two\\040words ")
    assert machine("0::/a b:c\n", mounts, {"two words/a b:c/cpu.max": "100000 100000"}) == 1


@pytest.mark.parametrize("text", ["", "\n", "0::/\n", "?", "cpu"])
def test_other_systems(tmp_path, text):
    assert threads.cpu_quota(tmp_path) is None
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(text)
    assert threads.cpu_quota(tmp_path) is None
    (tmp_path / "proc/self/mountinfo").write_text(text)
    assert threads.cpu_quota(tmp_path) is None


@pytest.mark.parametrize(
    ("cpus", "quota", "ranks", "expected"),
    [
        (8, None, "", 8),
        (8, 3, "", 3),
        (8, 30, "", 8),
        (8, 6, "2", 3),
        (8, 6, "4", 1),
        (8, 1, "8", 1),
        (8, None, "2", 4),
        (8, 6, "x", 6),
        (8, 6, "0", 6),
    ],
)
def test_default_number_of_threads(monkeypatch, cpus, quota, ranks, expected):
    monkeypatch.delenv("FASTINIT_NUM_THREADS", raising=False)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", ranks)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(cpus)))
    monkeypatch.setattr(threads, "_own_quota", lambda: quota)
    assert fastinit.get_num_threads() == expected
    monkeypatch.setenv("FASTINIT_NUM_THREADS", "5")
    assert fastinit.get_num_threads() == 5


def test_quota_is_read_once(monkeypatch):
    reads = []
    monkeypatch.setattr(threads, "cpu_quota", reads.append)
    threads._own_quota.cache_clear()
    try:
        for _ in range(3):
            fastinit.get_num_threads()
    finally:
        threads._own_quota.cache_clear()
    assert reads == [Path("/")]


@pytest.fixture
def group():
    """Make a cgroup with a quota of 1.5 CPUs; skip the test if the system does not allow it."""
    versions = (
        ("/sys/fs/cgroup/cpu", {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "150000"}),
        ("/sys/fs/cgroup", {"cpu.max": "150000 100000"}),
    )
    reasons = []
    for parent, files in versions:
        path = Path(parent) / f"fastinit-test-{os.getpid()}"
        try:
            path.mkdir()
        except OSError as error:
            reasons.append(str(error))
            continue
        try:
            for name, text in files.items():
                (path / name).write_text(text)
        except OSError as error:
            reasons.append(str(error))
        else:
            yield path
            return
        finally:
            path.rmdir()
    pytest.skip(f"no cgroup can be made here: {'; '.join(reasons)}")


def test_quota_of_a_real_group(group):
    """A forked child that is moved to the group reads its own quota, not its parent's."""
    code = (
        "import fastinit, os, sys\n"
        "from fastinit import threads\n"
        "before = fastinit.get_num_threads()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    open(sys.argv[1] + '/cgroup.procs', 'w').write('0')\n"
        "    quota = threads._own_quota()\n"
        "    count = fastinit.get_num_threads()\n"
        "    print(quota, count == min(2, len(os.sched_getaffinity(0))), flush=True)\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)\n"
        "print(fastinit.get_num_threads() == before)\n"
    )
    environment = {**os.environ, "LOCAL_WORLD_SIZE": "", "FASTINIT_NUM_THREADS": ""}
    command = [sys.executable, "-c", code, str(group)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.stdout.split() == ["2", "True", "True"], done.stderr
