"""The drop-in against torch.nn.init itself: names, rules, errors, warnings, who sees the calls."""

import copy
import inspect
import math
import pickle
import threading
import warnings
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

import numpy as np
import pytest

torch = pytest.importorskip("torch")
stats = pytest.importorskip("scipy.stats")

from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import init as stock
from torch.overrides import TorchFunctionMode
from torch.testing._internal.two_tensor import TwoTensor
from torch.utils._python_dispatch import TorchDispatchMode

import fastinit
from fastinit.torch import fills, init

DEPRECATED = [name for name in stock.__all__ if hasattr(stock, f"{name}_")]
INITIALIZERS = [name for name in stock.__all__ if name.endswith("_")]
RANDOM = [
    name
    for name in INITIALIZERS
    if "generator" in inspect.signature(getattr(init, name)).parameters
]
REQUIRED = {"constant_": (0.3,), "sparse_": (0.25,)}


def shape_for(name):
    return (6, 4, 3) if name == "dirac_" else (12, 40)


def call(module, name, tensor, **options):
    return getattr(module, name)(tensor, *REQUIRED.get(f"{name.rstrip('_')}_", ()), **options)


def test_every_public_name_is_there():
    assert init.__all__ == stock.__all__
    for name in stock.__all__:
        assert callable(getattr(init, name))


def test_private_names_that_other_code_uses():
    assert init._calculate_fan_in_and_fan_out is stock._calculate_fan_in_and_fan_out
    assert all(hasattr(init, name) for name in dir(stock))
    assert not hasattr(init, "nothing")


@pytest.mark.parametrize("name", [*INITIALIZERS, "calculate_gain"])
def test_signatures_equal_those_of_torch(name):
    ours = inspect.signature(getattr(init, name)).parameters.values()
    by_torch = inspect.signature(getattr(stock, name)).parameters.values()
    assert [(p.name, p.kind, p.default) for p in ours] == [
        (p.name, p.kind, p.default) for p in by_torch
    ]
    assert inspect.getdoc(getattr(init, name))


# The distributions of the values of a tensor of shape (40, 30, 5): fan_in 150, fan_out 200.
RULES = [
    ("uniform_", {}, stats.uniform(0, 1)),
    ("uniform_", {"a": -3, "b": 0.5}, stats.uniform(-3, 3.5)),
    ("normal_", {}, stats.norm(0, 1)),
    ("normal_", {"mean": 2, "std": 0.02}, stats.norm(2, 0.02)),
    ("trunc_normal_", {}, stats.truncnorm(-2, 2)),
    ("trunc_normal_", {"mean": 1, "std": 2, "a": 0, "b": 2}, stats.truncnorm(-0.5, 0.5, 1, 2)),
    ("trunc_normal_", {"std": 0.02, "b": math.inf}, stats.truncnorm(-100, math.inf, 0, 0.02)),
    ("xavier_uniform_", {}, stats.uniform(-math.sqrt(6 / 350), 2 * math.sqrt(6 / 350))),
    ("xavier_normal_", {"gain": 5 / 3}, stats.norm(0, 5 / 3 * math.sqrt(2 / 350))),
    ("kaiming_uniform_", {}, stats.uniform(-math.sqrt(6 / 150), 2 * math.sqrt(6 / 150))),
    (
        "kaiming_uniform_",
        {"a": math.sqrt(5)},
        stats.uniform(-1 / math.sqrt(150), 2 / math.sqrt(150)),
    ),
    ("kaiming_normal_", {"nonlinearity": "relu"}, stats.norm(0, math.sqrt(2 / 150))),
    (
        "kaiming_normal_",
        {"mode": "FAN_OUT", "nonlinearity": "selu"},
        stats.norm(0, 0.75 / math.sqrt(200)),
    ),
]


@pytest.mark.parametrize(("name", "arguments", "expected"), RULES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_rules(name, arguments, expected, dtype):
    tensor = torch.empty(40, 30, 5, dtype=dtype)
    generator = torch.Generator().manual_seed(5)
    assert getattr(init, name)(tensor, **arguments, generator=generator) is tensor
    values = tensor.double().numpy().ravel()
    if dtype is torch.bfloat16:  # the cells of bfloat16, which a continuous test would see
        error = expected.std() / math.sqrt(values.size)
        assert abs(values.mean() - expected.mean()) < 6 * error + abs(expected.mean()) / 256
        assert abs(values.std() / expected.std() - 1) < 0.03
    else:
        assert stats.kstest(values, expected.cdf).pvalue > 1e-6


@pytest.mark.parametrize("name", ["constant_", "ones_", "zeros_", "eye_", "dirac_"])
def test_constants_equal_those_of_torch(name):
    ours, by_torch = (
        call(module, name, torch.empty(shape_for(name), dtype=torch.float16))
        for module in (init, stock)
    )
    assert torch.equal(ours, by_torch)


def test_dirac_with_groups_equals_that_of_torch():
    for shape, groups in [((6, 4, 3), 3), ((4, 5, 3, 2), 2), ((2, 2, 3, 4, 5), 1)]:
        ours, by_torch = (module.dirac_(torch.empty(shape), groups) for module in (init, stock))
        assert torch.equal(ours, by_torch)


@pytest.mark.parametrize("shape", [(30, 7), (7, 30), (6, 3, 5), (1, 1)])
def test_orthogonal(shape):
    matrix = init.orthogonal_(torch.empty(shape, dtype=torch.float64), 1.5).flatten(1).numpy()
    if matrix.shape[0] > matrix.shape[1]:
        matrix = matrix.T
    assert np.allclose(matrix @ matrix.T, 2.25 * np.eye(len(matrix)))


def test_sparse():
    matrix = init.sparse_(torch.empty(40, 500), 0.3, 2.0)
    assert (matrix == 0).sum(0).eq(12).all()
    assert stats.kstest(matrix[matrix != 0].numpy() / 2, "norm").pvalue > 1e-6


def test_constants_do_not_advance_the_generator():
    state = torch.get_rng_state()
    for name in set(INITIALIZERS) - set(RANDOM):
        call(init, name, torch.empty(shape_for(name)))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", RANDOM)
def test_generator(name):
    def fill(generator=None):
        return call(init, name, torch.empty(shape_for(name)), generator=generator)

    torch.manual_seed(1)
    first, second = fill(), fill()
    torch.manual_seed(1)
    assert torch.equal(fill(), first)
    assert torch.equal(fill(), second)
    assert not torch.equal(first, second)

    generator = torch.Generator().manual_seed(1)
    assert torch.equal(fill(generator), first)
    state = generator.get_state()
    before = torch.get_rng_state()
    third = fill(generator)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(generator.get_state(), state)
    generator.set_state(state)
    assert torch.equal(fill(generator), third)


def test_every_thread_reads_the_same_from_a_generator():
    def fill():
        values.append(init.normal_(torch.empty(100), generator=torch.Generator().manual_seed(2)))

    values = []
    fill()
    thread = threading.Thread(target=fill)
    thread.start()
    thread.join()
    assert torch.equal(*values)


def test_values_are_those_of_the_public_functions():
    ours = init.kaiming_normal_(torch.empty(64, 65), generator=torch.Generator().manual_seed(3))
    whole = fastinit.kaiming_normal_(
        np.empty((64, 65), np.float32), generator=torch.Generator().manual_seed(3)
    )
    assert np.array_equal(ours.numpy(), whole)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_no_gradient_is_recorded_and_the_version_is_bumped(name):
    parameter = nn.Parameter(torch.empty(shape_for(name)))
    version = parameter._version
    assert call(init, name, parameter) is parameter
    assert parameter._version > version
    assert parameter.requires_grad
    assert parameter.is_leaf
    assert parameter.grad_fn is None


def test_backward_notices_a_changed_saved_tensor():
    weight = nn.Parameter(torch.ones(3, 3))
    loss = (weight * weight).sum()
    init.normal_(weight)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("name", INITIALIZERS)
def test_not_contiguous(name):
    shape = shape_for(name)
    generator = {"generator": torch.Generator().manual_seed(4)} if name in RANDOM else {}
    dense = call(init, name, torch.empty(shape), **generator)
    if name in RANDOM:
        generator["generator"].manual_seed(4)
    memory = torch.full((*shape[::-1], 2), 7.0)
    strided = memory[..., 0].permute(*reversed(range(len(shape))))
    assert not strided.is_contiguous()
    assert call(init, name, strided, **generator) is strided
    assert torch.equal(strided, dense)
    assert (memory[..., 1] == 7).all()


@pytest.mark.parametrize("name", INITIALIZERS)
def test_keywords_and_parameters(name):
    options = {"constant_": {"val": 1.0}, "sparse_": {"sparsity": 0.5}}.get(name, {})
    tensor = torch.empty(shape_for(name))
    assert getattr(init, name)(tensor=tensor, **options) is tensor


# What torch's functions do that fastinit cannot: they must do it, to the bit.
LEFT_TO_TORCH = {
    "complex": lambda: torch.empty(12, 40, dtype=torch.complex64),
    "expanded": lambda: torch.empty(12, 1).expand(12, 40),
    "meta": lambda: torch.empty(12, 40, device="meta"),
    "empty": lambda: torch.empty(0, 40),
    "negated": lambda: torch.empty(12, 40, dtype=torch.complex64).conj().imag,
}


def outcome(function, *arguments, **options):
    """Return what a call returns, raises and warns of."""
    torch.manual_seed(6)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = function(*arguments, **options)
        except Exception as error:
            result = type(error), str(error)
        else:
            if isinstance(result, torch.Tensor):
                result = result.device, result.dtype, None if result.is_meta else result.tolist()
    return result, [(w.category, str(w.message)) for w in caught]


@pytest.mark.parametrize("name", [n for n in INITIALIZERS if n != "dirac_"])
@pytest.mark.parametrize("kind", LEFT_TO_TORCH)
def test_torch_fills_other_tensors(name, kind):
    ours, by_torch = (
        outcome(lambda module: call(module, name, LEFT_TO_TORCH[kind]()), module)
        for module in (init, stock)
    )
    assert repr(ours) == repr(by_torch)


def test_torch_fills_sparse_layouts():
    def fill(module, name):
        tensor = torch.eye(3).to_sparse()
        getattr(module, name)(tensor)
        return tensor.to_dense()

    for name in ("zeros_", "normal_", "kaiming_uniform_"):
        assert repr(outcome(fill, init, name)) == repr(outcome(fill, stock, name))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_torch_fills_cuda_tensors():
    for name in ("normal_", "kaiming_uniform_"):
        ours, by_torch = (
            outcome(getattr(module, name), torch.empty(8, 8, device="cuda"))
            for module in (init, stock)
        )
        assert repr(ours) == repr(by_torch)


BAD_CALLS = [
    ("uniform_", (torch.empty(3), 2, 1)),
    ("uniform_", (torch.empty(3), math.nan, 1)),
    ("uniform_", (torch.empty(3), 0, math.inf)),
    ("uniform_", (torch.empty(3, dtype=torch.float16), -1e6, 1e6)),
    ("uniform_", (torch.empty(3, dtype=torch.int32),)),
    ("uniform_", (torch.empty(3), "a")),
    ("uniform_", (torch.empty(3), "1", 2)),
    ("uniform_", (torch.empty(3, dtype=torch.float16), -4e4, 4e4)),
    ("normal_", (torch.empty(3), Decimal(1))),
    ("normal_", (torch.empty(3), 0, Fraction(1, 2))),
    ("normal_", (torch.empty(3), torch.ones(1))),
    ("normal_", (torch.empty(3), np.array(1.0))),
    ("normal_", (torch.empty(3), 10**400)),
    ("trunc_normal_", (torch.empty(3), Decimal(1))),
    ("trunc_normal_", (torch.empty(3), 0, 1, 10**400)),
    ("constant_", (torch.empty(3), "1")),
    ("constant_", (torch.empty(3, dtype=torch.float8_e4m3fn), math.inf)),
    ("constant_", (torch.empty(3), 2**70)),
    ("constant_", (torch.empty(3), torch.ones(1))),
    ("dirac_", (torch.empty(4, 3, 3), True)),
    ("kaiming_normal_", (torch.empty(3, 3), "1")),
    ("orthogonal_", (torch.empty(3, 3), "1")),
    ("sparse_", (torch.empty(3, 3), "0.5")),
    ("uniform_", ([1.0, 2.0],)),
    ("normal_", (torch.empty(3), 0, -1)),
    ("normal_", (torch.empty(3, dtype=torch.bool),)),
    ("normal_", (torch.empty(3), None)),
    ("normal_", (None,)),
    ("normal_", (torch.empty(3), 0, 1, 7)),
    ("normal_", (torch.empty(3), 0, 1, np.random.default_rng(0))),
    ("normal_", (np.empty(3),)),
    ("trunc_normal_", (torch.empty(3), 0, 0)),
    ("trunc_normal_", (torch.empty(3), 0, -1)),
    ("trunc_normal_", (torch.empty(3, dtype=torch.int64),)),
    ("constant_", (torch.empty(3, dtype=torch.float16), 1e6)),
    ("constant_", (torch.empty(3), "a")),
    ("constant_", (torch.empty(3), 1j)),
    ("eye_", (torch.empty(3),)),
    ("dirac_", (torch.empty(3, 3),)),
    ("dirac_", (torch.empty(5, 3, 3), 2)),
    ("dirac_", (torch.empty(4, 3, 3), 0)),
    ("xavier_uniform_", (torch.empty(3),)),
    ("xavier_normal_", (torch.empty(()),)),
    ("xavier_normal_", (torch.empty(3, 3), -1.0)),
    ("xavier_normal_", (torch.empty(3, 3), math.nan)),
    ("kaiming_uniform_", (torch.empty(3, 3), 0, "fan_avg")),
    ("kaiming_uniform_", (torch.empty(3, 3), 0, None)),
    ("kaiming_uniform_", (torch.empty(3, 3), 0, "fan_in", "gelu")),
    ("kaiming_uniform_", (torch.empty(3, 3), "x")),
    ("kaiming_uniform_", (torch.empty(3, 3), True)),
    ("kaiming_uniform_", (torch.empty(3, 3), [1])),
    ("kaiming_normal_", (torch.empty(3),)),
    ("kaiming_normal_", (torch.empty(0, 3), 0, "fan_avg")),
    ("kaiming_normal_", (torch.empty(3, 3), 0, ["fan_in"])),
    ("orthogonal_", (torch.empty(3),)),
    ("orthogonal_", (torch.empty(3, 3), "a")),
    ("orthogonal_", (torch.empty(3, 3, dtype=torch.int32),)),
    ("sparse_", (torch.empty(3), 0.5)),
    ("sparse_", (torch.empty(3, 3), "a")),
    ("sparse_", (torch.empty(3, 3), 0.5, -1)),
    ("calculate_gain", ("gelu",)),
    ("calculate_gain", ("leaky_relu", "x")),
]


@pytest.mark.parametrize(("name", "arguments"), BAD_CALLS)
def test_errors_equal_those_of_torch(name, arguments):
    ours, by_torch = (
        outcome(getattr(module, name), *copy.deepcopy(arguments)) for module in (init, stock)
    )
    assert repr(ours) == repr(by_torch)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_wrong_calls_raise_as_in_torch(name):
    for arguments, options in [((), {}), ((torch.empty(2, 2),), {"layout": "oi"})]:
        ours, by_torch = (
            outcome(getattr(module, name), *arguments, **options) for module in (init, stock)
        )
        assert ours == by_torch
        assert ours[0][0] is TypeError


@pytest.mark.parametrize("name", DEPRECATED)
def test_deprecated_names_warn_as_in_torch(name):
    assert f"{name}_" in INITIALIZERS
    with pytest.warns(FutureWarning) as ours:
        tensor = call(init, name, torch.empty(shape_for(f"{name}_")))
    with pytest.warns(FutureWarning) as by_torch:
        call(stock, name, torch.empty(shape_for(f"{name}_")))
    assert [str(w.message) for w in ours] == [str(w.message) for w in by_torch]
    assert [w.filename for w in ours] == [__file__]
    assert tensor.shape == shape_for(f"{name}_")
    assert getattr(init, name).__name__ == getattr(stock, name).__name__


def test_truncation_far_from_the_mean_warns_as_in_torch():
    for mean, std, a, b in [(5, 1, -2, 2), (0, 1, 4, 5), (0, 1, -2, 2)]:
        ours, by_torch = (
            outcome(module.trunc_normal_, torch.empty(50), mean, std, a, b)
            for module in (init, stock)
        )
        assert ours[1] == by_torch[1]
        assert all(a <= value <= b for value in ours[0][2])


@pytest.mark.parametrize(
    "call",
    [
        lambda: init.kaiming_uniform_(torch.empty(0, 3)),
        lambda: init.kaiming_normal_(torch.empty(0, 3)),
        lambda: init.trunc_normal_(torch.empty(3), 5),
    ],
)
def test_warnings_point_at_the_caller(call):
    with pytest.warns(UserWarning, match=r"no-op|more than 2 std") as caught:
        call()
    assert [w.filename for w in caught] == [__file__]


@pytest.mark.filterwarnings("error")
def test_target_is_unchanged_if_the_warning_is_an_error():
    tensor = torch.zeros(3)
    with pytest.raises(UserWarning, match="mean is more than 2 std"):
        init.trunc_normal_(tensor, 5)
    assert not tensor.any()


class Logged(torch.Tensor):
    log: ClassVar = []

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        cls.log.append((getattr(function, "__name__", None), sorted(kwargs or {})))
        return super().__torch_function__(function, types, args, kwargs)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_subclasses_see_the_same_calls_as_in_torch(name):
    logs = []
    for module in (init, stock):
        Logged.log = []
        torch.manual_seed(0)  # trunc_normal_ draws until all are within the bounds
        call(module, name, torch.empty(shape_for(name)).as_subclass(Logged))
        logs.append(Logged.log)
    assert logs[0] == logs[1]
    assert logs[0]


class FunctionLog(TorchFunctionMode):
    def __init__(self):
        super().__init__()
        self.log = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.log.append(function)
        return function(*args, **(kwargs or {}))


class DispatchLog(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.log = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.log.append(function)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("mode", [FunctionLog, DispatchLog])
def test_modes_see_the_same_calls_as_in_torch(mode):
    logs = []
    for module in (init, stock):
        tensor = torch.empty(3, 3)
        with mode() as log:
            module.kaiming_uniform_(tensor)
            module.normal_(tensor)
        logs.append(log.log)
    assert logs[0] == logs[1]
    assert logs[0]


def test_torch_fills_wrapper_and_fake_tensors():
    pair = TwoTensor(torch.zeros(3, 3), torch.zeros(3, 3))
    init.normal_(pair)
    assert pair.a.count_nonzero() == 9
    with FakeTensorMode():
        assert init.normal_(torch.empty(3, 3)).shape == (3, 3)


def test_torch_fills_within_transformations():
    def fill(module, randomness):
        def one(row):
            return module.normal_(torch.empty_like(row))

        return torch.vmap(one, randomness=randomness)(torch.zeros(4, 3))

    for randomness in ("error", "same", "different"):
        assert repr(outcome(fill, init, randomness)) == repr(outcome(fill, stock, randomness))

    weight = torch.zeros(3)

    def captured(module, row):
        return module.normal_(weight) + row

    for module in (init, stock):
        with pytest.raises(RuntimeError, match="randomness"):
            torch.vmap(lambda row, module=module: captured(module, row))(torch.zeros(4, 3))


def test_traces_record_the_operation_of_torch():
    def fill(tensor):
        return init.normal_(tensor.clone())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(fill, torch.zeros(3), check_trace=False)
    assert "normal_" in str(traced.graph)


@pytest.mark.parametrize("name", [n for n in INITIALIZERS if n != "trunc_normal_"])
@pytest.mark.filterwarnings("ignore")
def test_compiled_code_calls_torch(name):
    """One graph, as of torch's function (whose loop in trunc_normal_ makes it more)."""

    def compiled(module):
        torch._dynamo.reset()
        torch.manual_seed(0)
        return torch.compile(
            lambda tensor: call(module, name, tensor.clone()), backend="aot_eager", fullgraph=True
        )(torch.zeros(shape_for(name)))

    assert torch.equal(compiled(init), compiled(stock))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_forward_derivatives_equal_those_of_torch():
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(torch.zeros(3), torch.ones(3))
        init.normal_(dual)
        assert not torch.autograd.forward_ad.unpack_dual(dual).tangent.any()


def test_a_first_call_in_inference_mode():
    def fill():
        with torch.inference_mode():
            init.normal_(torch.empty(3))
        filled.append(init.normal_(torch.zeros(3)))

    filled = []
    thread = threading.Thread(target=fill)  # a new one has drawn no bits yet
    thread.start()
    thread.join()
    assert filled[0].all()


def test_inference_tensors_raise_as_in_torch():
    with torch.inference_mode():
        tensor = torch.empty(3, 3)
        init.normal_(tensor)
    assert outcome(init.normal_, tensor) == outcome(stock.normal_, tensor)
    assert outcome(init.normal_, tensor)[0][0] is RuntimeError


def test_devices_as_context_change_nothing():
    generator = torch.Generator()
    outside = init.normal_(torch.empty(9), generator=generator.manual_seed(1))
    for device in ("cpu", "meta"):
        tensor = torch.empty(9)
        with torch.device(device):
            init.normal_(tensor, generator=generator.manual_seed(1))
        assert torch.equal(tensor, outside)
        assert fills.normal(tensor, 0, 1, None)


def test_plain_subclasses_of_parameter_are_filled():
    class Mine(nn.Parameter):
        pass

    assert fills.normal(Mine(torch.empty(3)), 0, 1, None)
    assert not fills.normal(torch.empty(3).as_subclass(Logged), 0, 1, None)
    assert not fills.normal(TwoTensor(torch.zeros(3), torch.zeros(3)), 0, 1, None)


def test_arguments_may_be_tensors_and_numpy_scalars():
    std = torch.tensor(0.5)
    values = []
    for _ in range(2):
        torch.manual_seed(0)
        values.append(init.normal_(torch.empty(1000), np.float64(1), std))
        std.mul_(2)
    assert torch.allclose(values[1] - 1, 2 * (values[0] - 1), atol=1e-5)


def test_functions_can_be_pickled():
    for name in stock.__all__:
        function = getattr(init, name)
        assert pickle.loads(pickle.dumps(function)) is function


def test_code_written_for_torch_runs_unchanged():
    namespace = {}
    source = """
import torch
import torch.nn.init as init
from torch import nn

def build():
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8, 4))
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d):
            init.constant_(module.weight, 1)
            init.constant_(module.bias, 0)
        elif isinstance(module, nn.Linear):
            init.xavier_uniform_(module.weight, gain=init.calculate_gain("tanh"))
            nn.init.zeros_(module.bias)
    return model
"""
    exec(source.replace("torch.nn.init as", "fastinit.torch.init as"), namespace)
    model = namespace["build"]()
    assert model[3].weight.abs().max() <= 5 / 3 * math.sqrt(6 / 12)
