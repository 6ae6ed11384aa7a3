"""The command line: the main job on a small network."""

import json
import math
import subprocess
import sys

import pytest

import fastinit
from fastinit.cli import main
from fastinit.cli.models import MODELS, plan_of
from fastinit.plan import Plan

SMALL = ["bench", "--model", "densenet-bc-100-12", "--repeat", "1"]

# Published parameter counts: OpenAI's GPT-2 releases as transformers counts them, torchvision's and
# timm's model tables, the models' papers (to their digits) for the CIFAR networks.
COUNTS = {
    "gpt2": 124_439_808,
    "gpt2-medium": 354_823_168,
    "resnet-50": 25_557_032,
    "vit-b-16": 86_567_656,
    "llama-3.2-1b": 1_235_814_400,
}
COUNTS_IN_MILLIONS = {"resnext29": 34.4, "wrn-28-10": 36.5, "densenet-bc-100-12": 0.8}


@pytest.mark.parametrize("model", sorted(MODELS))
def test_parameter_count(model):
    plan = plan_of(MODELS[model](), model)
    count = sum(math.prod(entry.shape) for entry in plan)
    if model in COUNTS:
        assert count == COUNTS[model]
    else:
        assert round(count / 1e6, 1) == COUNTS_IN_MILLIONS[model]


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64"])
def test_bench_passes_and_writes_json(tmp_path, capsys, dtype):
    file = tmp_path / "result.json"
    assert main([*SMALL, "--dtype", dtype, "--threads", "1", "--json", str(file)]) == 0
    result = json.loads(file.read_text())
    assert result["passed"]
    assert result["dtype"] == dtype
    assert result["machine"]["threads"] == "1"
    assert sum(group["tensors"] for group in result["groups"]) == len(
        list(MODELS["densenet-bc-100-12"]())
    )
    for group in result["groups"]:
        assert group["standard_errors"] <= 6
        assert group["warm_seconds"]["fastinit"] > 0
    assert "every std within 6 standard errors" in capsys.readouterr().out


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz"])
def test_bench_of_narrow_dtypes(dtype):
    pytest.importorskip("ml_dtypes")
    assert main([*SMALL, "--dtype", dtype]) == 0


def test_plain_without_rich(monkeypatch, capsys):
    for module in ("rich.console", "rich.progress", "rich.table"):
        monkeypatch.setitem(sys.modules, module, None)
    assert main(SMALL) == 0
    output = capsys.readouterr().out
    assert "dense*.*.conv*.weight x48" in output
    assert "kaiming_normal_(mode='fan_out')" in output


def change_fills(monkeypatch, change):
    """Call `change` with each entry and its array after every fill of a plan."""
    right = Plan.fill

    def wrong(plan, seed, targets):
        right(plan, seed, targets)
        for entry in plan:
            change(entry, targets[entry.name])

    monkeypatch.setattr(Plan, "fill", wrong)


@pytest.mark.parametrize(
    ("method", "factor"), [(fastinit._core.NORMAL, 1.3), (fastinit._core.CONSTANT, 0.5)]
)
def test_exit_status_when_a_std_is_off(monkeypatch, capsys, method, factor):
    def change(entry, array):
        if entry.distribution[0] == method:
            array *= factor

    change_fills(monkeypatch, change)
    assert main(SMALL) == 1
    assert "FAILED" in capsys.readouterr().out


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e3])
def test_one_extreme_value_fails_with_valid_json(monkeypatch, tmp_path, value):
    def change(entry, array):
        if array.shape == (24, 3, 3, 3):
            array[0, 0, 0, 0] = value

    change_fills(monkeypatch, change)
    file = tmp_path / "result.json"
    assert main([*SMALL, "--json", str(file)]) == 1
    result = json.loads(file.read_text(), parse_constant=pytest.fail)
    assert not result["passed"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bench", "--model", "lenet"], "gpt2"),
        (["bench", "--dtype", "int8"], "bfloat16"),
        (["bench", "--threads", "0"], "between 1 and 1024"),
        (["bench", "--threads", "1000000"], "between 1 and 1024"),
        (["bench", "--threads", "x"], "must be an int"),
        (["bench", "--seed", "1.5"], "must be an int"),
        (["bench", "--json", "/nonexistent/result.json"], "directory that exists"),
        (["bench", "--json", "/"], "directory that exists"),
        (["bench", "--seed", "-1"], "2**128"),
        (["bench", "--repeat", "x"], "--repeat"),
        ([], "bench"),
    ],
)
def test_bad_arguments(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_threads_are_restored():
    before = fastinit.get_num_threads()
    main([*SMALL, "--threads", "1"])
    assert fastinit.get_num_threads() == before


def test_module_and_version():
    command = [sys.executable, "-m", "fastinit", "--version"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output.strip() == f"fastinit {fastinit.__version__}"
