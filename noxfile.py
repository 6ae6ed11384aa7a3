"""Runs every check, each in a new virtual environment.

    nox                          # the sessions of .ci/run, which must pass before a merge
    nox --list                   # lists all sessions; `nox` runs those with a star
    nox -s "numpy-3.12(oldest)"  # runs one session; arguments after -- go to pytest

A session whose Python is not on this machine is skipped, and reported as skipped.
"""

import os
import re
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path

import nox
from packaging.requirements import Requirement

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = ["3.11", "3.12", "3.13"]
TORCHES = ["oldest", "2.13.0", "2.14.1", "2.15.0"]
TORCH = "2.13.0"  # for sessions without a version of their own; it has wheels without CUDA
TYPED_EXAMPLES = PROJECT["tool"]["pyright"]["include"]
# The two installation commands of README.md.
BENCH, PYTEST = re.findall(r"(?m)^    (pip install .*)$", Path("README.md").read_text())

# pyenv hides all Pythons that PYENV_VERSION does not name.
versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
managed = [path.name for python in PYTHONS for path in sorted(versions.glob(f"{python}.*"))]
if managed:
    os.environ.setdefault("PYENV_VERSION", ":".join(managed))

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = [
    "readme",
    "tests",
    "lint",
    "typing",
    "wheel",
    "numpy-3.11(oldest)",
    "numpy-3.13(newest)",
    "oldest_build-3.11",
    "clang",
    "c_check",
    "sanitize",
]


def lowest(requirements: Iterable[str], python: str) -> list[str]:
    """Return the lowest version that each requirement allows on this Python, as name==version."""
    versions = {}
    for requirement in map(Requirement, requirements):
        marker = requirement.marker
        if marker is None or marker.evaluate({"python_version": python}):
            for specifier in requirement.specifier:
                if specifier.operator == ">=":
                    versions[requirement.name] = specifier.version
    return [f"{name}=={version}" for name, version in versions.items()]


def declared() -> list[str]:
    """Return the requirements of the package, then those of its extras."""
    extras = PROJECT["project"]["optional-dependencies"].values()
    return [*PROJECT["project"]["dependencies"], *(text for extra in extras for text in extra)]


def compile_anew(session: nox.Session, *arguments: str, **environment: str) -> None:
    """Compile and install fastinit after deleting earlier builds; warnings are errors."""
    shutil.rmtree("build", ignore_errors=True)
    session.install(*arguments, env={"FASTINIT_WERROR": "1", **environment})


def install_everything(session: nox.Session) -> None:
    """Install fastinit with every framework that it supports."""
    extras = ",".join(PROJECT["project"]["optional-dependencies"])
    compile_anew(session, f".[{extras}]", f"torch=={TORCH}")
    install_timm(session)


def install_xdist(session: nox.Session) -> list[str]:
    """Install pytest-xdist, and return the options that let pytest use every CPU."""
    session.install("pytest-xdist")
    return ["--numprocesses", "auto"]


def install_timm(session: nox.Session) -> None:
    """Install timm without torchvision, which timm's initialisation does not need."""
    session.install("--no-deps", "timm")


def distributions(session: nox.Session) -> Path:
    """Return the folder of the wheel and the sdist that the session `wheel` builds."""
    return Path(session.cache_dir) / "dist"


def install_wheel(session: nox.Session, extras: str, *arguments: str) -> None:
    """Install the wheel that the session `wheel` built, and only wheels with it."""
    (wheel,) = distributions(session).glob("*.whl")
    session.install("--only-binary=:all:", f"fastinit[{extras}] @ {wheel.as_uri()}", *arguments)


def run_tests_of_sdist(session: nox.Session, *arguments: str) -> None:
    """Run the tests of the sdist on the installed fastinit."""
    (source,) = distributions(session).glob("fastinit-*/")
    options = ["-p", "no:cacheprovider", *install_xdist(session)]
    session.chdir(source)
    session.run("pytest", *options, *(session.posargs or arguments))


@nox.session
@nox.parametrize("command", [BENCH, PYTEST], ids=["bench", "tests"])
def readme(session: nox.Session, command: str) -> None:
    """Run a command of README.md, word for word, in an empty environment."""
    shutil.rmtree("build", ignore_errors=True)
    session.run("pip", "list")
    session.run("bash", "-euo", "pipefail", "-c", command, external=True)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests with every framework (none may be missing), and `fastinit bench`."""
    install_everything(session)
    session.run("pytest", "--nothing-missing", *install_xdist(session), *session.posargs)
    session.run("python", "-m", "fastinit", "bench", "--model", "resnext29")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style."""
    session.install("ruff", "cython-lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("cython-lint", "src/fastinit/_core.pyx", "src/fastinit/_core.pxd")
    folders = "csrc", "csrc/isa", "tests/c", "benchmarks"
    sources = [str(path) for folder in folders for path in Path(folder).glob("*.[ch]")]
    session.run("clang-format", "--dry-run", "--Werror", *sources, external=True)


@nox.session
def typing(session: nox.Session) -> None:
    """Check the source with mypy, and the types that users see with mypy and pyright."""
    # PyPI's pyright downloads itself from npm; basedpyright is pyright and Node.js in wheels.
    session.install("mypy", "basedpyright", "numpy", "rich", "pytest", f"torch=={TORCH}")
    session.run("mypy")
    for file in TYPED_EXAMPLES:
        session.run("mypy", file)
    session.run("basedpyright")


@nox.session
def docs(session: nox.Session) -> None:
    """Run the examples of pages and docstrings, and check the pages' links."""
    install_everything(session)
    session.run("pytest", "--nothing-missing", "tests/test_documents.py", *session.posargs)
    session.run("pytest", "--nothing-missing", "tests", "-k", "docstrings or examples_run")


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the sdist, unpack it, and build the wheel for all Pythons from it."""
    folder = distributions(session)
    shutil.rmtree(folder, ignore_errors=True)
    session.install("build")
    session.run("python", "-m", "build", "--outdir", str(folder), silent=True)
    (source,) = folder.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    (built,) = folder.glob("*-cp311-abi3-*.whl")
    session.install(str(built))
    session.chdir(session.create_tmp())
    session.run("python", "-c", "import fastinit; print(fastinit.normal(3, generator=0))")
    session.run(
        "python",
        "-c",
        """if True:
        import fastinit, pathlib
        files = {path.name for path in pathlib.Path(fastinit.__file__).parent.iterdir()}
        missing = {"py.typed", "_core.pyi"} - files
        raise SystemExit(f"missing in the wheel: {missing}" if missing else 0)""",
    )


@nox.session(python=PYTHONS, requires=["wheel"])
@nox.parametrize("versions", ["oldest", "newest"], ids=["oldest", "newest"])
def numpy(session: nox.Session, versions: str) -> None:
    """Test the wheel with the oldest or the newest versions of NumPy and other packages."""
    constraints = []
    if versions == "oldest":
        file = Path(session.create_tmp(), "oldest.txt")
        file.write_text("\n".join(lowest(declared(), str(session.python))))
        constraints = ["-c", str(file)]
    install_wheel(session, "cli,test,jax,narrow,plots", *constraints)
    session.run("pip", "list")
    run_tests_of_sdist(session)


@nox.session(python=PYTHONS, requires=["wheel"])
@nox.parametrize("version", TORCHES, ids=TORCHES)
def torch(session: nox.Session, version: str) -> None:
    """Test fastinit.torch of the wheel with this version of torch."""
    if version == "oldest":
        (pinned,) = (text for text in lowest(declared(), "3.11") if text.startswith("torch=="))
    else:
        pinned = f"torch=={version}"
    install_wheel(session, "cli,test,torch,jax,narrow,plots", pinned, "transformers")
    install_timm(session)
    run_tests_of_sdist(session, "tests/pytorch", "tests/test_arrays.py", "--nothing-missing")


@nox.session(python=PYTHONS)
def oldest_build(session: nox.Session) -> None:
    """Build with the oldest setuptools and Cython that pyproject.toml allows; run some tests."""
    tools = lowest(PROJECT["build-system"]["requires"], str(session.python))
    session.install("--only-binary=:all:", *tools, "wheel")
    compile_anew(session, "--no-build-isolation", ".[test]")
    session.run("pip", "list")
    session.run("pytest", *(session.posargs or ["tests/test_kernels.py", "tests/test_arrays.py"]))


@nox.session
def clang(session: nox.Session) -> None:
    """Build with clang."""
    compile_anew(session, ".", CC="clang")
    session.chdir(session.create_tmp())
    session.run("python", "-c", "import fastinit; print(fastinit.isa())")


@nox.session(venv_backend="none")
def c_check(session: nox.Session) -> None:
    """Compare the hashes of the C core on x86, AArch64 and s390x."""
    session.run("tests/c/check", *(session.posargs or ["-O0", "-O2", "-O3"]), external=True)


@nox.session
def sanitize(session: nox.Session) -> None:
    """Run AddressSanitizer, UBSan and ThreadSanitizer."""
    install_everything(session)
    install_xdist(session)
    session.run("tests/sanitize", *session.posargs, external=True)


@nox.session(venv_backend="none")
def fuzz(session: nox.Session) -> None:
    """Run libFuzzer on the core: 600 seconds by default."""
    session.run("tests/c/fuzz", *(session.posargs or ["600"]), external=True)


@nox.session
def identity(session: nox.Session) -> None:
    """Compare all pinned hashes, for each way of filling, instruction set and thread count."""
    install_everything(session)
    session.run("python", "tests/identity.py", *session.posargs)


@nox.session
def evidence(session: nox.Session) -> None:
    """Test the distributions at full length, and write docs/evidence.md again: takes hours."""
    install_everything(session)
    session.run("pytest", "tests/statistics", "--slow", *session.posargs)
    session.run("python", "tests/statistics/measure.py")
    session.run("python", "tests/statistics/report.py")


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmark, with every peer."""
    install_everything(session)
    session.run("python", "-m", "benchmarks", *session.posargs)
