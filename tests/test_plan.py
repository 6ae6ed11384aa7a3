"""Plans write the same values as the initializers, whole and in parts."""

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastinit
from fastinit.entries import (
    Constant,
    Description,
    Entry,
    InitializerEntry,
    is_constant,
    keep,
    takes,
    text_of,
)
from fastinit.fill import report_progress
from fastinit.moments import Moments
from fastinit.plan import Plan

MIXED = [
    ("normal", (7, 6), "float32", partial(fastinit.normal_, std=0.02)),
    ("uniform", (5,), "float64", fastinit.uniform_),
    ("truncated", (4, 3, 2), "float16", fastinit.trunc_normal_),
    ("xavier", (6, 8), "float32", partial(fastinit.xavier_normal_, layout="io")),
    ("kaiming", (8, 2, 3), "float32", partial(fastinit.he_uniform_, groups=2)),
    ("scaled", (4, 4), "float64", partial(fastinit.variance_scaling_, mode="fan_avg")),
    ("ones", (3, 2), "float32", fastinit.ones_),
    ("constant", (), "float32", partial(fastinit.constant_, val=0.25)),
    ("orthogonal", (6, 4), "float32", partial(fastinit.orthogonal_, gain=2)),
    ("delta", (4, 3, 3), "float64", fastinit.delta_orthogonal_),
    ("sparse", (9, 5), "float32", partial(fastinit.sparse_, sparsity=0.4)),
    ("eye", (4, 6), "float16", fastinit.eye_),
    ("dirac", (4, 2, 3), "float32", partial(fastinit.dirac_, groups=2)),
    ("padded", (6, 4), "float32", fastinit.normal_, ("head",), 2),
    ("padded from the end", (6, 4), "float32", fastinit.orthogonal_, (), -1),
    ("empty", (0, 3), "float32", fastinit.kaiming_normal_),
]


def empty_targets(plan):
    return {entry.name: np.full(entry.shape, np.nan, entry.dtype) for entry in plan}


def filled(plan, seed=0):
    targets = empty_targets(plan)
    plan.fill(seed, targets)
    return targets


def alone(entry, seed=0):
    """Return the values of an entry's initializer, called without the plan."""
    array = np.full(entry.shape, np.nan, entry.dtype)
    if array.size == 0:
        return array
    stream = fastinit.Stream(seed) / entry.name
    keywords = {"generator": stream} if takes(entry.initializer, "generator") else {}
    entry.initializer(array, **keywords)
    if entry.zero_row is not None:
        array[entry.zero_row] = 0
    return array


@pytest.mark.parametrize("seed", [0, 7])
def test_fill_equals_the_initializers(seed, threads):
    plan = Plan(MIXED)
    targets = filled(plan, seed)
    for entry in plan:
        np.testing.assert_array_equal(targets[entry.name], alone(entry, seed))


def test_every_initializer_is_planned():
    plan = Plan(
        (name, (4, 4, 3), "float32", getattr(fastinit, name))
        for name in fastinit.__all__
        if name.endswith("_") and name not in ("constant_", "sparse_", "eye_")
    )
    targets = filled(plan, 2)
    for entry in plan:
        np.testing.assert_array_equal(targets[entry.name], alone(entry, 2))


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_narrow_dtypes(dtype):
    pytest.importorskip("ml_dtypes")
    functions = {"a": fastinit.normal_, "b": fastinit.orthogonal_}
    plan = Plan((name, (9, 7), dtype, function) for name, function in functions.items())
    targets = {entry.name: fastinit.empty(entry.shape, dtype) for entry in plan}
    plan.fill(3, targets)
    for entry in plan:
        wanted = getattr(fastinit, entry.initializer.__name__[:-1])(
            entry.shape, generator=fastinit.Stream(3) / entry.name, dtype=dtype
        )
        assert targets[entry.name].tobytes() == wanted.tobytes()


@st.composite
def slices(draw, length):
    bound = st.none() | st.integers(-length - 2, length + 2)
    step = draw(st.sampled_from([None, 1, 2, 3, -1, -2]))
    return slice(draw(bound), draw(bound), step)


@given(st.data(), st.sampled_from([each for each in MIXED if 0 not in each[1]]))
def test_parts_equal_the_whole(data, given_entry):
    plan = Plan([given_entry])
    (entry,) = plan
    index = tuple(data.draw(slices(length)) for length in entry.shape)
    whole = filled(plan)[entry.name]
    part = np.full_like(whole[index], np.nan)
    plan.fill(0, {entry.name: part}, {entry.name: index})
    np.testing.assert_array_equal(part, whole[index])


def test_some_whole_and_some_in_parts():
    plan = Plan(MIXED)
    whole = filled(plan)
    index = {"normal": (slice(1, 7, 2), slice(None, None, -1)), "orthogonal": (..., slice(1, 3))}
    targets = empty_targets(plan)
    for name, each in index.items():
        targets[name] = np.full_like(whole[name][each], np.nan)
    plan.fill(0, targets, index)
    for name, array in whole.items():
        np.testing.assert_array_equal(targets[name], array[index[name]] if name in index else array)


def test_strided_targets():
    plan = Plan([("w", (4, 6), "float32", fastinit.normal_, (), 1)])
    memory = np.zeros((12, 8), np.float32)
    plan.fill(0, {"w": memory[::3, 7:1:-1]})
    np.testing.assert_array_equal(memory[::3, 7:1:-1], filled(plan)["w"])
    memory[::3, 7:1:-1] = 0
    assert not memory.any()


def test_order_and_neighbours_do_not_matter():
    forwards, backwards = Plan(MIXED), Plan(MIXED[::-1])
    one, other = filled(forwards), filled(backwards)
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name])


def test_table():
    plan = Plan(MIXED, "a title")
    lines = str(plan).splitlines()
    assert lines[0] == "a title"
    rows = {line.split()[0]: line for line in lines[2:]}
    assert "6x8  " in rows["xavier"]
    assert "6 / 8" in rows["xavier"]  # layout "io"
    assert "6 / 12" in rows["kaiming"]  # groups=2 divide the outputs' fan
    assert "6 / 6" in rows["dirac"]
    assert "padded = head" in str(plan)
    assert "normal_, row 2 zero" in str(plan)
    assert rows["normal"].split()[-1] == "0.02"
    assert str(plan.__rich__()) == str(plan)
    assert repr(plan) == "<Plan a title: 16 entries>"


def test_show_without_rich(monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "rich.console", None)
    plan = Plan(MIXED)
    plan.show()
    assert capsys.readouterr().out == f"{plan}\n"


def test_moments():
    plan = Plan(MIXED)
    moments = {entry.name: entry.moments() for entry in plan}
    assert moments["normal"] == Moments(0, 0.02, 3, -math.inf, math.inf)
    assert moments["constant"] == Moments(0.25, 0, 1, 0.25, 0.25)
    assert moments["orthogonal"] is None


@pytest.mark.parametrize(
    ("entry", "error", "message"),
    [
        (("w", (3,), "int8", fastinit.normal_), TypeError, "dtype int8, but only float64, "),
        (("w", (3, -1), "float32", fastinit.normal_), ValueError, "at least 0, not -1"),
        (("w", (3, 1.5), "float32", fastinit.normal_), TypeError, "int entries, not 1.5"),
        (("w", (3,), "float32", 0.5), TypeError, "must be callable, not 0.5"),
        (("w", (3,), "float32", fastinit.kaiming_normal_), ValueError, "fewer than 2 dimensions"),
        (("w", (3,), "float32", fastinit.orthogonal_), ValueError, "2 or more dimensions"),
        (("w", (3,), "float32", partial(fastinit.normal_, std=-1)), RuntimeError, "std -1"),
        (("w", (3,), "float32", partial(fastinit.normal_, sd=1)), TypeError, "sd"),
        (("w", (3,), "float32", fastinit.normal_, (), 3), ValueError, "no row 3 in shape"),
        (("w", (), "float32", fastinit.normal_, (), 0), ValueError, "no row 0 in shape"),
        (
            ("w", (4, 4), "float32", partial(fastinit.orthogonal_, layout="oix")),
            ValueError,
            "layout 'oix' does not describe 2 dimensions",
        ),
    ],
)
def test_errors_of_an_entry_name_it(entry, error, message):
    with pytest.raises(error, match=r"parameter w: .*" + message):
        Plan([("other", (2, 2), "float32", fastinit.ones_), entry])


def test_names_are_unique():
    a = ("a", (2,), "float32", fastinit.ones_)
    with pytest.raises(ValueError, match="parameter a: the plan has two tensors of that name"):
        Plan([a, a])
    with pytest.raises(ValueError, match="parameter a: the plan has two"):
        Plan([a, ("b", (2,), "float32", fastinit.ones_, ("a",))])


def broken_targets(change):
    plan = Plan(MIXED)
    targets = empty_targets(plan)
    change(targets)
    return plan, targets


@pytest.mark.parametrize(
    ("change", "index", "error", "message"),
    [
        (lambda t: t.pop("sparse"), {}, ValueError, "parameter sparse: it has no target"),
        (lambda t: t.update(extra=t["ones"]), {}, ValueError, "targets has names .*: extra; "),
        (lambda t: None, {"extra": (slice(1),)}, ValueError, "index has names .*: extra; "),
        (
            lambda t: t.update(eye=np.full((4, 5), np.nan, np.float16)),
            {},
            ValueError,
            r"parameter eye: its target has shape \(4, 5\), but the plan says \(4, 6\)",
        ),
        (
            lambda t: t.update(eye=np.full((4, 6), np.nan)),
            {},
            TypeError,
            "parameter eye: its target has dtype float64, but the plan says float16",
        ),
        (
            lambda t: None,
            {"eye": (slice(2),)},
            ValueError,
            r"parameter eye: tensor has shape \(4, 6\), but index selects \(2, 6\)",
        ),
        (
            lambda t: t["eye"].setflags(write=False),
            {},
            ValueError,
            "parameter eye: tensor is read-only",
        ),
    ],
)
def test_errors_leave_all_targets_unchanged(change, index, error, message):
    plan, targets = broken_targets(change)
    with pytest.raises(error, match=message):
        plan.fill(0, targets, index)
    assert all(np.isnan(array).all() for array in targets.values())


def ramp_(tensor):
    tensor[...] = np.arange(tensor.size).reshape(tensor.shape)


def drawn_(tensor, generator):
    fastinit.uniform_(tensor, 1, 2, generator=generator)


def drawn_in_parts_(tensor, generator, shape=None, index=None):
    fastinit.uniform_(tensor, 1, 2, generator=generator, shape=shape, index=index)


def test_functions_of_the_user():
    plan = Plan(
        [
            ("drawn", (5, 4), "float32", drawn_, (), 1),
            ("ramp", (3, 2), "float64", Constant(ramp_)),
            ("bias", (3,), "float32", fastinit.ones_),
        ]
    )
    targets = filled(plan)
    wanted = fastinit.uniform((5, 4), 1, 2, generator=fastinit.Stream(0) / "drawn")
    wanted[1] = 0
    np.testing.assert_array_equal(targets["drawn"], wanted)
    assert targets["ramp"].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert [entry.moments() is None for entry in plan] == [True, True, False]
    assert text_of(Constant(ramp_)) == "ramp_"


def test_a_part_needs_a_function_that_takes_parts():
    index = {"w": (slice(2, 4),)}
    plan = Plan([("w", (5, 4), "float32", drawn_)])
    target = np.zeros((2, 4), np.float32)
    with pytest.raises(TypeError, match="parameter w: drawn_ takes no `shape` and `index`"):
        plan.fill(0, {"w": target}, index)
    assert not target.any()
    plan = Plan([("w", (5, 4), "float32", drawn_in_parts_)])
    plan.fill(0, {"w": target}, index)
    np.testing.assert_array_equal(target, filled(plan)["w"][2:4])


def test_a_seed_must_have_an_effect():
    plan = Plan([("w", (3, 2), "float64", ramp_)])
    with pytest.raises(TypeError, match="parameter w: ramp_ takes no `generator`, so that"):
        filled(plan)
    assert filled(plan, None)["w"][2, 1] == 5
    assert is_constant(partial(fastinit.eye_))
    assert not is_constant(fastinit.normal_)


def test_errors_of_functions_name_the_entry():
    def fail_(tensor, generator):
        raise ValueError("no such luck")

    plan = Plan([("a", (3,), "float32", fastinit.ones_), ("b", (3,), "float32", fail_)])
    targets = empty_targets(plan)
    with pytest.raises(ValueError, match="parameter b: no such luck"):
        plan.fill(0, targets)
    assert np.isnan(targets["a"]).all()


def test_kept_entries_need_no_target():
    plan = Plan([("table", (3,), "int64", keep), ("w", (3,), "float32", fastinit.ones_)])
    target = np.zeros(3, np.float32)
    plan.fill(0, {"w": target})
    assert target.all()
    assert "keep" in str(plan)


def test_seeds_and_generators():
    plan = Plan([("w", (8,), "float32", fastinit.normal_)])
    by_seed, by_stream = filled(plan, 5)["w"], filled(plan, fastinit.Stream(5))["w"]
    assert (by_seed == by_stream).all()
    fastinit.manual_seed(1)
    first = filled(plan, None)["w"]
    fastinit.manual_seed(1)
    assert (first == filled(plan, None)["w"]).all()
    generator = np.random.default_rng(0)
    assert (filled(plan, generator)["w"] != filled(plan, generator)["w"]).any()


def test_one_job():
    plan = Plan([(str(n), (100, 100), "float32", fastinit.normal_) for n in range(5)])
    totals = set()
    with report_progress(lambda done, total: totals.add(total)):
        filled(plan)
    assert totals == {50_000}


class Replay:
    """Another kind of entry: in its turn, it writes a ramp scaled by a random number."""

    name, aliases, shape, dtype = "replayed", (), (4, 3), "float32"

    def __init__(self, log):
        self.log = log

    def describe(self):
        return Description("arange, mul_")

    def moments(self):
        return None

    def fills(self, target, stream, index=None):
        def replay():
            self.log.append(self.name)
            whole = np.arange(12, dtype=np.float32).reshape(4, 3)
            whole *= fastinit.uniform((), generator=stream / self.name / "1")
            target[...] = whole if index is None else whole[index]

        return [replay]


def test_other_kinds_of_entries():
    log = []
    ordinary = InitializerEntry("w", (4, 3), "float32", fastinit.normal_)
    plan = Plan([Replay(log), ordinary])
    assert all(isinstance(entry, Entry) for entry in plan)
    assert "replayed   4x3                  arange, mul_" in str(plan)
    whole = filled(plan)
    index = {"replayed": (slice(1, 3),), "w": (slice(1, 3),)}
    targets = {name: np.zeros((2, 3), np.float32) for name in index}
    plan.fill(0, targets, index)
    assert log == ["replayed"] * 2
    for name, target in targets.items():
        np.testing.assert_array_equal(target, whole[name][1:3])
