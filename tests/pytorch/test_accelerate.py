"""Code of others, constructed by fastinit: which values it gets, and what is as it was after."""

import contextlib
import contextvars
import importlib.util
import inspect
import itertools
import math
import pathlib
import subprocess
import sys
import threading
import types
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from networks import (
    DenseNet,
    ResNeXt29,
    TimmBlock,
    WideResNet,
    aliases,
    of_transformers,
)
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.autograd import forward_ad
from torch.nn import init
from torch.nn.init import orthogonal_ as orthogonal_by_another_name
from torch.nn.init import sparse_ as sparse_by_another_name
from torch.nn.init import trunc_normal_ as trunc_normal_by_another_name
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import fastinit
from fastinit import torch as ft
from fastinit.torch import exchange, fills
from fastinit.torch.accelerate import accelerate, no_acceleration

SEED = 7


def expected(number, function, shape, *arguments):
    """Return the values that call `number` of an acceleration with a seed makes."""
    stream = fastinit.Stream(SEED) / str(number)
    return torch.from_numpy(
        function(np.empty(shape, np.float32), *arguments, generator=stream, shape=shape)
    )


def is_accelerated():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.manual_seed(0)
        tensor = torch.empty(100).normal_()
        torch.manual_seed(0)
        key = torch.Generator().manual_seed(0)
    return torch.equal(tensor, fastinit.normal_(torch.empty(100), generator=key))


def functions_of_torch():
    """Return the functions that fill; others torch exchanges itself, when it compiles."""
    creators = {name: getattr(torch, name) for name in ("rand", "randn", "randn_like", "normal")}
    return creators | {
        (owner, name): value
        for owner in (torch.Tensor, init)
        for name, value in vars(owner).items()
        if callable(value)
    }


@pytest.fixture(autouse=True)
def nothing_stays_behind():
    """Every test must leave torch as it found it."""
    code = {name: getattr(init, name).__code__ for name in init.__all__}
    functions = functions_of_torch()
    yield
    assert {name: getattr(init, name).__code__ for name in init.__all__} == code
    assert functions.items() <= functions_of_torch().items()
    assert not is_accelerated()


def test_no_object_of_torch_changes():
    functions = functions_of_torch()
    with accelerate():
        assert functions_of_torch() == functions
    ft.enable_acceleration()
    assert functions_of_torch() == functions
    ft.disable_acceleration()


CALLS = [
    (lambda t: t.normal_(), fastinit.normal_, ()),
    (lambda t: t.normal_(1, 0.5), fastinit.normal_, (1, 0.5)),
    (lambda t: t.normal_(std=0.5), fastinit.normal_, (0, 0.5)),
    (lambda t: torch.Tensor.normal_(t, mean=2), fastinit.normal_, (2,)),
    (lambda t: t.uniform_(), fastinit.uniform_, ()),
    (lambda t: t.uniform_(-1, to=2), fastinit.uniform_, (-1, 2)),
    (lambda t: t.data.normal_(0, 0.02), fastinit.normal_, (0, 0.02)),
    (init.normal_, fastinit.normal_, ()),
    (init.kaiming_uniform_, fastinit.kaiming_uniform_, ()),
    (init.xavier_normal_, fastinit.xavier_normal_, ()),
    (init.trunc_normal_, fastinit.trunc_normal_, ()),
    (trunc_normal_by_another_name, fastinit.trunc_normal_, ()),
    (
        lambda t: trunc_normal_by_another_name(t, std=0.5, a=0, b=9),
        fastinit.trunc_normal_,
        (0, 0.5, 0, 9),
    ),
    (orthogonal_by_another_name, fastinit.orthogonal_, ()),
    (lambda t: orthogonal_by_another_name(t, gain=2), fastinit.orthogonal_, (2,)),
    (lambda t: sparse_by_another_name(t, 0.5), fastinit.sparse_, (0.5,)),
]


@pytest.mark.parametrize(("call", "function", "arguments"), CALLS)
def test_values_equal_those_of_fastinit(call, function, arguments):
    tensor = torch.empty(30, 20)
    with accelerate(seed=SEED):
        assert call(tensor) is not None
    assert torch.equal(tensor, expected(0, function, (30, 20), *arguments))


def test_layers_get_values_by_their_own_rules():
    with accelerate(seed=SEED):
        layer = nn.Linear(20, 30)
        attention = nn.MultiheadAttention(16, 4)
        embedding = nn.Embedding(10, 8, padding_idx=3)
    bound = 1 / math.sqrt(20)
    assert torch.equal(layer.weight, expected(0, fastinit.kaiming_uniform_, (30, 20), math.sqrt(5)))
    assert torch.equal(layer.bias, expected(1, fastinit.uniform_, (30,), -bound, bound))
    # Its out_proj, a Linear, is calls 2 and 3.
    assert torch.equal(attention.in_proj_weight, expected(4, fastinit.xavier_uniform_, (48, 16)))
    assert not attention.in_proj_bias.any()
    rows = expected(5, fastinit.normal_, (10, 8))
    rows[3] = 0
    assert torch.equal(embedding.weight, rows)


LAYERS = [
    (nn.Linear, (64, 96)),
    (nn.Bilinear, (16, 16, 32)),
    (nn.Conv1d, (16, 64, 5)),
    (nn.Conv2d, (16, 64, 3)),
    (nn.Conv3d, (8, 32, 3)),
    (nn.ConvTranspose2d, (16, 64, 3)),
    (nn.Embedding, (100, 64)),
    (nn.EmbeddingBag, (100, 64)),
    (nn.LSTM, (64, 32)),
    (nn.GRU, (64, 32)),
    (nn.RNNCell, (64, 64)),
    (nn.MultiheadAttention, (64, 4)),
    (nn.TransformerEncoderLayer, (64, 4, 128)),
    (nn.TransformerDecoderLayer, (64, 4, 128)),
    (nn.BatchNorm2d, (64,)),
    (nn.LayerNorm, (64,)),
    (nn.PReLU, (64,)),
]


@pytest.mark.parametrize(("layer", "arguments"), LAYERS)
def test_every_layer_has_the_same_distributions_as_in_torch(layer, arguments):
    torch.manual_seed(1)
    by_torch = dict(layer(*arguments).named_parameters())
    with accelerate():
        ours = dict(layer(*arguments).named_parameters())
    assert ours.keys() == by_torch.keys()
    for name, parameter in ours.items():
        assert_alike(name, parameter.detach(), by_torch[name].detach())


def assert_alike(name, ours, by_torch):
    if by_torch.numel() == 1 or not by_torch.std() > 0:
        assert torch.equal(ours, by_torch), name
        return
    # Standard errors of mean and std, of both, for a kurtosis of at most the normal's.
    error = 6 * math.sqrt(2 / ours.numel()) * by_torch.std()
    assert abs(ours.mean() - by_torch.mean()) < error, name
    assert abs(ours.std() - by_torch.std()) < error, name
    assert not torch.equal(ours, by_torch), name


def test_manual_seed_of_torch_determines_the_values():
    def build():
        with accelerate():
            return [*nn.TransformerEncoderLayer(32, 4, 64).parameters()]

    torch.manual_seed(2)
    first, other = build(), build()
    torch.manual_seed(2)
    assert all(map(torch.equal, first, build()))
    assert not all(map(torch.equal, first, other))


def test_a_seed_starts_again_and_does_not_advance_the_generator():
    torch.manual_seed(3)
    state = torch.get_rng_state()
    values = []
    for _ in range(2):
        with accelerate(seed=SEED):
            values.append(torch.empty(5).normal_())
    assert torch.equal(*values)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_call_may_name_its_generator():
    values = []
    for seed in (None, 0):
        with accelerate(seed=seed):
            generator = torch.Generator().manual_seed(4)
            values.append(torch.empty(5).normal_(generator=generator))
            values.append(init.trunc_normal_(torch.empty(5), generator=generator))
    assert torch.equal(values[0], values[2])
    assert torch.equal(values[1], values[3])


def test_contexts_nest():
    with accelerate(seed=SEED):
        first = torch.empty(5).normal_()
        with accelerate(seed=SEED + 1):
            inner = torch.empty(5).normal_()
        second = torch.empty(5).normal_()
    assert torch.equal(first, expected(0, fastinit.normal_, (5,)))
    assert torch.equal(second, expected(1, fastinit.normal_, (5,)))
    assert not torch.equal(inner, second)


def test_an_exception_ends_a_context():
    with pytest.raises(ZeroDivisionError), accelerate(), accelerate():
        raise ZeroDivisionError


def test_contexts_may_end_in_any_order():
    first, second = accelerate(seed=SEED), accelerate(seed=SEED + 1)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    stream = fastinit.Stream(SEED + 1) / "0"
    assert torch.equal(torch.empty(5).normal_(), fastinit.normal_(torch.empty(5), generator=stream))
    second.__exit__(None, None, None)
    assert not is_accelerated()


def test_a_context_may_end_in_another_contextvars_context():
    """As where a task or the garbage collector finishes a generator."""

    def generate():
        with accelerate():
            yield

    generator = generate()
    contextvars.copy_context().run(next, generator)
    generator.close()


def test_acceleration_ends_in_copies_of_the_context():
    with accelerate():
        copy = contextvars.copy_context()
        assert copy.run(is_accelerated)
    ended, entered = threading.Event(), threading.Event()

    def other():
        with accelerate():
            entered.set()
            ended.wait(60)

    thread = threading.Thread(target=other)
    thread.start()
    entered.wait(60)
    found = copy.run(is_accelerated)
    ended.set()
    thread.join()
    assert not found


def test_a_context_may_be_entered_again():
    context = accelerate(seed=SEED)
    values = []
    with context:
        values.append(torch.empty(5).normal_())
        with context:
            values.append(torch.empty(5).normal_())
        assert not torch.equal(torch.empty(5).normal_(), values[0])
    with context:
        values.append(torch.empty(5).normal_())
    assert torch.equal(values[0], values[1])
    assert torch.equal(values[0], values[2])


def test_generators_and_coroutines_cannot_be_decorated():
    class Model(nn.Module):
        pass

    def generate():
        yield

    async def build():
        pass

    for decorate in (accelerate, accelerate(seed=SEED)):
        for function in (Model, generate, build):
            with pytest.raises(TypeError, match="use it in a with statement"):
                decorate(function)


def test_methods_are_decorated():
    class Model(nn.Module):
        @accelerate
        def __init__(self):
            super().__init__()
            self.found = is_accelerated()

    assert Model().found


def test_decorators():
    @accelerate(seed=SEED)
    def build(n):
        """Build."""
        return torch.empty(n).normal_()

    @accelerate
    def build_plainly(n):
        return is_accelerated() and n

    assert torch.equal(build(5), build(5))
    assert build.__doc__ == "Build."
    assert build_plainly(3) == 3


def test_seeds_are_checked_at_once():
    with pytest.raises(ValueError, match="seed must be at least 0"):
        accelerate(seed=-1)
    with pytest.raises(TypeError, match="seed must be an int"):
        accelerate(seed="a")
    with pytest.raises(ValueError, match="seed must be at least 0"):
        ft.enable_acceleration(1 << 128)


def test_other_threads_are_not_accelerated():
    found = {}
    inside, done = threading.Event(), threading.Event()

    def other():
        inside.wait(60)
        found["other"] = is_accelerated()
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with accelerate():
        inside.set()
        done.wait(60)
        found["own"] = is_accelerated()
    thread.join()
    assert found == {"other": False, "own": True}


def test_threads_that_come_and_go():
    failures = []

    def build(seed):
        try:
            for _ in range(50):
                with accelerate(seed=seed):
                    tensor = init.trunc_normal_(torch.empty(20))
                stream = fastinit.Stream(seed) / "0"
                if not torch.equal(
                    tensor, fastinit.trunc_normal_(torch.empty(20), generator=stream)
                ):
                    failures.append(seed)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=build, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_the_switch_reaches_every_thread():
    def other():
        found.append(is_accelerated())

    found = []
    ft.enable_acceleration()
    ft.enable_acceleration()
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    with accelerate(seed=SEED):
        inner = torch.empty(5).normal_()
    assert is_accelerated()
    ft.disable_acceleration()
    ft.disable_acceleration()
    assert found == [True]
    assert torch.equal(inner, expected(0, fastinit.normal_, (5,)))


def test_the_switch_can_change_within_a_context():
    with accelerate(seed=SEED):
        ft.enable_acceleration(seed=SEED + 1)
        first = torch.empty(5).normal_()
    ft.disable_acceleration()
    assert torch.equal(first, expected(0, fastinit.normal_, (5,)))


def test_autograd_raises_the_same_errors():
    leaf = torch.empty(3, requires_grad=True)
    inner = torch.ones(3, requires_grad=True) * 2
    with accelerate():
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
            leaf.normal_()
        assert inner.uniform_().grad_fn.name() == "UniformBackward0"
        with torch.no_grad():
            assert leaf.normal_() is leaf
    assert leaf.requires_grad


def computed_weight():
    return torch.nn.utils.parametrizations.weight_norm(nn.Linear(8, 8)).weight


@pytest.mark.parametrize(
    "fill",
    [
        init.normal_,
        init.xavier_uniform_,
        init.trunc_normal_,
        init.orthogonal_,
        lambda tensor: init.sparse_(tensor, 0.5),
        lambda tensor: tensor.normal_(),
        ft.init.normal_,
        ft.init.trunc_normal_,
        ft.init.orthogonal_,
        ft.init.eye_,
        ft.init.ones_,
    ],
)
def test_computed_tensors_are_filled_with_a_warning(fill):
    """As torch fills them: what the user wanted to fill stays as it was."""
    weight = computed_weight()
    before = weight.detach().clone()
    warned = pytest.warns(UserWarning, match="computed by autograd")
    with accelerate(seed=SEED), torch.no_grad(), warned as caught:
        assert fill(weight) is weight
    assert not torch.equal(weight, before)
    assert caught[0].filename in (__file__, init.__file__)


def test_views_of_leaves_are_filled_without_a_warning():
    leaf = torch.zeros(4, 4, requires_grad=True)
    with accelerate(seed=SEED), torch.no_grad():
        for view in (leaf.t(), leaf[1:3], leaf.view(-1), leaf.detach(), *leaf.chunk(2)):
            init.normal_(view)
            ft.init.normal_(view)
    assert leaf.all()


BAD_CALLS = [
    lambda: torch.empty(3).normal_(0, -1),
    lambda: torch.empty(3).normal_(1, 2, 3),
    lambda: torch.empty(3).normal_("a"),
    lambda: torch.empty(3).normal_(generator=5),
    lambda: torch.empty(3).normal_(generator=0),
    lambda: torch.empty(3).normal_(tensor=0),
    lambda: torch.empty(3).uniform_(low=0),
    lambda: init.trunc_normal_(torch.empty(3), generator=0),
    lambda: torch.empty(3).uniform_(2, 1),
    lambda: torch.empty(3).uniform_(down=1),
    lambda: torch.empty(3, dtype=torch.int32).normal_(),
    lambda: init.trunc_normal_(torch.empty(3), std=0),
    lambda: init.trunc_normal_(torch.empty(3), 1, 2, 3, 4, 5, 6, 7),
    lambda: init.orthogonal_(torch.empty(3)),
    lambda: init.sparse_(torch.empty(3, 3)),
    lambda: torch.Tensor.normal_(5),
]


def error_of(call):
    try:
        call()
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize("call", BAD_CALLS)
def test_errors_equal_those_of_torch(call):
    by_torch = error_of(call)
    assert by_torch is not None
    with accelerate():
        assert error_of(call) == by_torch


def test_warnings_equal_those_of_torch():
    with accelerate():
        with pytest.warns(UserWarning, match="mean is more than 2 std"):
            init.trunc_normal_(torch.empty(3), mean=9)
        with pytest.warns(UserWarning, match="zero-element"):
            init.kaiming_normal_(torch.empty(0, 3))


def test_torch_fills_what_fastinit_cannot():
    def fill(tensor):
        torch.manual_seed(0)
        return tensor.normal_()

    kinds = {
        "complex": lambda: torch.empty(5, dtype=torch.complex64),
        "empty": lambda: torch.empty(0),
    }
    for make in kinds.values():
        by_torch = fill(make())
        with accelerate():
            assert torch.equal(fill(make()), by_torch)


def test_meta_device():
    with accelerate(), torch.device("meta"):
        layer = nn.TransformerEncoderLayer(32, 4, 64)
    assert all(parameter.is_meta for parameter in layer.parameters())
    with torch.device("cpu"), accelerate(seed=SEED):
        assert torch.equal(torch.empty(5).normal_(), expected(0, fastinit.normal_, (5,)))


@contextlib.contextmanager
def no_init_weights():
    """Skip initialisation, as many libraries do: by other functions in torch's place."""
    names = [name for name in init.__all__ if name.endswith("_")]
    before = {name: getattr(init, name) for name in names}
    for name in names:
        setattr(init, name, lambda tensor, *args, **kwargs: tensor)
    try:
        yield
    finally:
        for name in names:
            setattr(init, name, before[name])


@contextlib.contextmanager
def no_methods():
    """Skip initialisation by other methods of torch.Tensor."""
    torch.Tensor.normal_ = lambda tensor, *args, **kwargs: tensor
    try:
        yield
    finally:
        del torch.Tensor.normal_


def test_context_managers_that_skip_initialisation():
    for outer, inner in itertools.permutations([no_init_weights, accelerate]):
        with outer(), inner():
            tensor = init.normal_(torch.zeros(3))
        assert not tensor.any()
    for outer, inner in itertools.permutations([no_methods, accelerate]):
        with outer(), inner():
            assert not torch.zeros(3).normal_().any()


def test_imported_while_a_manager_skips_initialisation():
    """What stands in torch's place may be no function at all."""
    source = """
import functools, torch
from torch.nn import init
before, init.orthogonal_ = init.orthogonal_, functools.partial(lambda tensor: tensor)
import fastinit.torch
init.orthogonal_ = before
state = torch.get_rng_state()
with fastinit.torch.accelerate(seed=0):
    init.orthogonal_(torch.empty(3, 3))
    init.trunc_normal_(torch.empty(3))
assert torch.equal(torch.get_rng_state(), state)
"""
    subprocess.run([sys.executable, "-c", source], check=True, timeout=300)


def test_methods_of_torch_that_others_have_wrapped():
    def wrapper(tensor, *args):
        return torch._C.TensorBase.normal_(tensor, *args).add_(1)

    with accelerate(seed=SEED):
        torch.Tensor.normal_ = wrapper
        assert torch.equal(torch.empty(5).normal_(), expected(0, fastinit.normal_, (5,)) + 1)
    assert torch.Tensor.normal_ is wrapper
    del torch.Tensor.normal_


CREATORS = [
    (lambda: torch.randn(5), fastinit.normal_, ()),
    (lambda: torch.randn(size=(5,), dtype=torch.float32), fastinit.normal_, ()),
    (lambda: torch.randn(5, out=torch.empty(5)), fastinit.normal_, ()),
    (lambda: torch.randn_like(torch.empty(5)), fastinit.normal_, ()),
    (lambda: torch.normal(1.0, 2.0, (5,)), fastinit.normal_, (1, 2)),
    (lambda: torch.rand(5, requires_grad=True).detach(), fastinit.uniform_, ()),
    (lambda: torch.rand_like(torch.empty(5)), fastinit.uniform_, ()),
]


@pytest.mark.parametrize(("create", "function", "arguments"), CREATORS)
def test_creation(create, function, arguments):
    with accelerate(seed=SEED):
        values = create()
    assert torch.equal(values, expected(0, function, (5,), *arguments))


def test_creation_of_tensors_that_fastinit_cannot_fill():
    with accelerate(creation=True):
        assert torch.randn(2, device="meta").is_meta
        assert torch.randn(2, dtype=torch.complex64).dtype is torch.complex64
        with pytest.raises(RuntimeError, match="not implemented for 'Int'"):
            torch.randn(3, dtype=torch.int32)
        with pytest.raises(TypeError, match="invalid combination of arguments"):
            torch.rand(3, generator=0)
    with pytest.raises(ValueError, match="no_acceleration"):
        accelerate(creation=False)
    with pytest.raises(ValueError, match="no_acceleration"):
        ft.enable_acceleration(creation=False)


def test_no_acceleration_lets_torch_fill():
    def draw():
        torch.manual_seed(0)
        return torch.cat([torch.randn(5), init.trunc_normal_(torch.empty(5))])

    by_torch = draw()
    with accelerate(seed=SEED):
        with no_acceleration():
            assert torch.equal(draw(), by_torch)
            with accelerate():
                assert is_accelerated()
        assert torch.equal(no_acceleration()(draw)(), by_torch)
        assert torch.equal(torch.empty(5).normal_(), expected(0, fastinit.normal_, (5,)))
    ft.enable_acceleration()
    with no_acceleration():
        assert torch.equal(draw(), by_torch)
    ft.disable_acceleration()


class Log(TorchFunctionMode):
    def __init__(self):
        super().__init__()
        self.functions = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.functions.append(function)
        return function(*args, **(kwargs or {}))


class LogOperators(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.operators = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.operators.append(function)
        return function(*args, **(kwargs or {}))


def test_modes_see_the_same_calls():
    """And no more: what the fill itself does with torch is not seen."""

    def fill():
        torch.empty(5).normal_()
        torch.Tensor.uniform_(torch.empty(5), 1, 2)
        return torch.randn(5)

    seen = []
    for context in (contextlib.nullcontext, accelerate):
        with Log() as functions, context():
            fill()
        with context(), LogOperators() as operators:
            fill()
        seen.append((functions.functions, operators.operators))
    assert seen[0] == seen[1]
    assert torch.Tensor.normal_ in seen[0][0]
    assert torch.ops.aten.normal_.default in seen[0][1]


def test_values_are_filled_beneath_modes():
    with accelerate(seed=SEED), Log(), LogOperators():
        assert torch.equal(torch.empty(5).normal_(), expected(0, fastinit.normal_, (5,)))


def test_modes_can_look_functions_up():
    class Skip(TorchFunctionMode):
        skipped = frozenset({torch.Tensor.normal_, torch.randn})

        def __torch_function__(self, function, types, args=(), kwargs=None):
            return None if function in self.skipped else function(*args, **(kwargs or {}))

    with accelerate(), Skip():
        assert torch.zeros(5).normal_() is None
        assert torch.randn(5) is None


def test_caches_of_torch_stay_valid():
    source = """
import pickle, torch, fastinit.torch
with fastinit.torch.accelerate():
    torch.compile(lambda x: x + 1, backend="eager")(torch.zeros(3))
    assert pickle.loads(pickle.dumps(torch.rand)) is torch.rand
    assert torch.overrides.get_testing_overrides() and torch.overrides.get_overridable_functions()
    with torch.device("meta"):
        assert torch.rand(3).is_meta
with torch.device("meta"):
    assert torch.rand(3).is_meta
assert torch.Tensor.normal_ in torch.overrides.get_testing_overrides()
fill = torch.compile(lambda x: torch.Tensor.normal_(x.clone()), backend="eager", fullgraph=True)
fill(torch.zeros(3))
"""
    subprocess.run([sys.executable, "-c", source], check=True, timeout=300)


def test_tensors_that_are_not_in_memory():
    with accelerate(seed=SEED):
        with FakeTensorMode():
            assert isinstance(torch.randn(3).normal_(), FakeTensor)
        torch.empty(3, device="meta").normal_()
        assert torch.equal(torch.empty(5).normal_(), expected(0, fastinit.normal_, (5,)))


@pytest.mark.filterwarnings("ignore")
def test_transformations():
    with accelerate(seed=SEED):
        stacked = torch.func.vmap(lambda x: x.normal_(), randomness="different")(torch.empty(2, 5))
        functional = torch.func.functionalize(lambda x: x.clone().normal_())(torch.empty(5))
        with forward_ad.dual_level():
            dual = forward_ad.make_dual(torch.zeros(5), torch.ones(5))
            assert not forward_ad.unpack_dual(dual.normal_()).tangent.any()
        traced = torch.jit.trace(lambda x: x.normal_(), torch.empty(5), check_trace=False)
        assert "normal_" in str(traced.graph)
    assert torch.equal(stacked, expected(0, fastinit.normal_, (2, 5)))
    assert torch.equal(functional, expected(1, fastinit.normal_, (5,)))


def test_the_version_counter_counts_as_in_torch():
    tensor = torch.empty(5)
    for context in (contextlib.nullcontext, accelerate):
        with context():
            before = tensor._version
            tensor.normal_()
            assert tensor._version == before + 1
    with accelerate(), torch.inference_mode():
        inferred = torch.empty(5).normal_()
    with accelerate(), pytest.raises(RuntimeError, match="Inplace update to inference tensor"):
        inferred.normal_()


def test_kernels_that_others_have_registered():
    library = torch.library.Library("aten", "IMPL")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library.impl("normal_", lambda tensor, *args, **kwargs: tensor.fill_(7), "CPU")
    assert (torch.empty(3).normal_() == 7).all()
    with accelerate(seed=SEED):
        assert torch.equal(torch.empty(5).normal_(), expected(0, fastinit.normal_, (5,)))
        with no_acceleration():
            assert (torch.empty(3).normal_() == 7).all()
    assert (torch.empty(3).normal_() == 7).all()
    del library
    assert not (torch.empty(3).normal_() == 7).all()


def test_kernels_of_torch_are_restored_in_the_only_thread():
    source = """
import threading, torch, fastinit.torch
from fastinit.torch import kernels
with fastinit.torch.accelerate():
    assert kernels._library is not None
assert kernels._library is None
done = threading.Event()
thread = threading.Thread(target=done.wait, args=(60,))
thread.start()
with fastinit.torch.accelerate():
    pass
assert kernels._library is not None
torch.manual_seed(0)
values = torch.randn(5)
done.set()
thread.join()
with fastinit.torch.accelerate():
    pass
assert kernels._library is None
torch.manual_seed(0)
assert torch.equal(values, torch.randn(5))
"""
    subprocess.run([sys.executable, "-c", source], check=True, timeout=300)


def test_ctrl_c_ends_a_fill(monkeypatch):
    def interrupt(fills):
        raise KeyboardInterrupt

    monkeypatch.setattr(fills, "run", interrupt)
    with accelerate(), pytest.raises(KeyboardInterrupt):
        torch.empty(5).normal_()


@pytest.mark.filterwarnings("ignore")
def test_compiled_code_runs_kernels_of_torch():
    """aot_eager calls them; what inductor generates makes torch's own values."""

    def fill(tensor):
        return tensor.clone().normal_()

    with accelerate(seed=SEED):
        compiled = torch.compile(fill, backend="aot_eager", fullgraph=True)
        assert torch.equal(compiled(torch.zeros(5)), expected(0, fastinit.normal_, (5,)))
    torch.manual_seed(0)
    values = compiled(torch.zeros(5))
    torch.manual_seed(0)
    assert torch.equal(values, torch.empty(5).normal_())


@pytest.mark.filterwarnings("ignore")
def test_exchanged_functions_compile_in_one_graph():
    def fill(tensor):
        return init.orthogonal_(tensor.clone())

    values = []
    for context in (contextlib.nullcontext, lambda: ft.accelerate(seed=SEED)):
        torch._dynamo.reset()
        with context():
            compiled = torch.compile(fill, backend="eager", fullgraph=True)
            values.append(compiled(torch.zeros(3, 3)))
    for value in values:
        assert torch.allclose(value @ value.T, torch.eye(3), atol=1e-6)


def copy_of_trunc_normal_(tensor, mean, std, a, b):
    """As a function of timm's and of others does."""
    lower, upper = (math.erf((x - mean) / std / math.sqrt(2)) for x in (a, b))
    tensor.uniform_(lower, upper)
    tensor.erfinv_().mul_(std * math.sqrt(2)).add_(mean)
    return tensor.clamp_(min=a, max=b)


def copy_of_trunc_normal_tf_(tensor, mean=0.0, std=1.0, a=-2.0, b=2.0):
    with torch.no_grad():
        copy_of_trunc_normal_(tensor, 0, 1.0, a, b)
        return tensor.mul_(std).add_(mean)


@torch.no_grad()
def decorated_orthogonal_(weight, generator=None, gain=1):
    return weight.copy_(torch.linalg.qr(torch.randn(weight.shape, generator=generator))[0] * gain)


@pytest.fixture
def registered(monkeypatch):
    """Forget afterwards what a test registers."""
    monkeypatch.setattr(exchange, "_exchanged", [*exchange._exchanged])
    monkeypatch.setattr(exchange, "_KNOWN", {**exchange._KNOWN})


def test_registered_functions(registered):
    ft.register(copy_of_trunc_normal_, as_="trunc_normal_")
    ft.register(copy_of_trunc_normal_, as_="trunc_normal_")
    weight, generator = torch.empty(30, 20), torch.Generator()
    with accelerate(seed=SEED):
        ft.register(decorated_orthogonal_, as_="orthogonal_")
        ft.register(copy_of_trunc_normal_tf_, as_="trunc_normal_tf_")
        first = copy_of_trunc_normal_(weight.clone(), 1, 2, a=0, b=2)
        second = copy_of_trunc_normal_tf_(weight.clone(), 0.5, 0.25, b=3)
        third = decorated_orthogonal_(weight.clone(), gain=2)
        fourth = decorated_orthogonal_(weight.clone(), generator.manual_seed(0))
    trunc_normal_ = fastinit.trunc_normal_
    assert torch.equal(first, expected(0, trunc_normal_, (30, 20), 1, 2, 0, 2))
    assert torch.equal(second, expected(1, trunc_normal_, (30, 20), 0.5, 0.25, 0, 1.25))
    assert torch.equal(third, expected(2, fastinit.orthogonal_, (30, 20), 2))
    assert torch.equal(fourth, fastinit.orthogonal_(weight, generator=generator.manual_seed(0)))
    torch.manual_seed(0)
    after = decorated_orthogonal_(weight.clone())
    torch.manual_seed(0)
    assert torch.equal(after, torch.linalg.qr(torch.randn(30, 20))[0])
    assert inspect.signature(copy_of_trunc_normal_tf_).parameters["b"].default == 2.0


def test_functions_that_cannot_be_registered():
    captured = 1.0

    def with_closure(tensor, std=1.0):
        return tensor.normal_().clamp_(-captured, captured)

    def of_other_parameters(tensor, stddev):
        return tensor.normal_()

    def of_all(*tensors):
        return tensors

    for function, message in (
        (with_closure, "has a closure"),
        (of_other_parameters, r"mean, std, a, b, generator; it takes \(tensor, stddev\)"),
        (of_all, "must take a tensor"),
        (lambda: None, "must take a tensor"),
        (torch.nn.Linear, "must be written in Python"),
        (len, "must be written in Python"),
        (5, "must be written in Python"),
    ):
        with pytest.raises(TypeError, match=message):
            ft.register(function, as_="trunc_normal_")
    with pytest.raises(ValueError, match="as_ must be one of trunc_normal_, "):
        ft.register(copy_of_trunc_normal_, as_="normal_")


def timms(name):
    """Return timm's module of initialisation, without torchvision, which timm imports."""
    spec = importlib.util.find_spec("timm")
    if spec is None:
        pytest.skip("could not import 'timm'")
    path = pathlib.Path(spec.submodule_search_locations[0]) / "layers" / "weight_init.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_functions_of_timm(registered, monkeypatch):
    weight = torch.empty(30, 20)
    std = 1 / math.sqrt(20) / 0.87962566103423978
    trunc_normal_ = fastinit.trunc_normal_
    with accelerate(seed=SEED):
        timm = timms("timm.layers.weight_init")
        monkeypatch.setitem(sys.modules, timm.__name__, timm)
        torch.empty(1).normal_()
        values = [
            timm.trunc_normal_(weight.clone(), std=0.5, a=-1, b=1),
            timm.trunc_normal_tf_(weight.clone(), std=0.5, a=-1, b=1),
            timm.lecun_normal_(weight.clone()),
            timm.variance_scaling_(weight.clone(), distribution="normal") or weight,
        ]
    for number, arguments in enumerate(
        [(0, 0.5, -1, 1), (0, 0.5, -0.5, 0.5), (0, std, -2 * std, 2 * std)]
    ):
        wanted = expected(number + 1, trunc_normal_, (30, 20), *arguments)
        assert values[number] is None or torch.equal(values[number], wanted)
    assert not exchange._KNOWN


def test_other_functions_of_a_known_name_are_not_exchanged(registered, monkeypatch):
    module = types.ModuleType("timm.layers.weight_init")
    module._trunc_normal_ = lambda tensor, mean, std, a, b: tensor.fill_(7)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with accelerate():
        assert (module._trunc_normal_(torch.empty(5), 0, 1, -2, 2) == 7).all()


def test_signatures_stay():
    before = {name: inspect.signature(getattr(init, name)) for name in init.__all__}
    with accelerate():
        assert {name: inspect.signature(getattr(init, name)) for name in init.__all__} == before
        assert torch.Tensor.normal_.__name__ == "normal_"


def test_drop_in_and_acceleration_together():
    generator = torch.Generator()
    alone = ft.init.trunc_normal_(torch.empty(9), generator=generator.manual_seed(0))
    with accelerate(seed=SEED):
        both = ft.init.trunc_normal_(torch.empty(9), generator=generator.manual_seed(0))
        left = ft.init.trunc_normal_(torch.empty(9, device="meta"))
    assert torch.equal(alone, both)
    assert left.is_meta


NETWORKS = {"ResNeXt": ResNeXt29, "DenseNet": DenseNet, "WRN": WideResNet, "timm's ViT": TimmBlock}
OF_TRANSFORMERS = ("Llama", "Llama, untied", "GPT-2", "BERT", "T5", "ViT", "Mixtral")


@pytest.mark.parametrize("name", [*NETWORKS, *OF_TRANSFORMERS])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_models_of_others(name):
    make = NETWORKS.get(name) or of_transformers(name)
    torch.manual_seed(0)
    by_torch = make()
    torch.manual_seed(0)
    with accelerate():
        ours = make()
    torch.manual_seed(0)
    with accelerate():
        again = make()
    expected = dict(by_torch.named_parameters())
    assert [name for name, _ in ours.named_parameters()] == list(expected)
    for name, parameter in ours.named_parameters():
        assert_alike(name, parameter.detach(), expected[name].detach())
    assert all(map(torch.equal, ours.parameters(), again.parameters()))
    assert aliases(ours) == aliases(by_torch)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_guards_of_transformers(monkeypatch):
    initialization = pytest.importorskip("transformers.initialization")
    make = of_transformers("Llama")
    kept = nn.Parameter(torch.full((3,), 7.0))
    kept._is_hf_initialized = True
    with accelerate():
        initialization.normal_(kept)
        with initialization.guard_torch_init_functions():
            init.normal_(kept)
            new = init.normal_(torch.full((3,), 7.0))
        filled = []
        with monkeypatch.context() as patch, initialization.no_init_weights():
            patch.setattr("fastinit.torch.fills.run", filled.append)
            make()
        with torch.device("meta"):
            assert all(parameter.is_meta for parameter in make().parameters())
    assert (kept == 7).all()
    assert not (new == 7).any()
    assert filled == []
