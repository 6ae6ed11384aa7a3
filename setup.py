"""Builds the C core: one extension. Only the files of csrc/isa get instruction-set flags.

Environment variables: FASTINIT_WERROR=1 (warnings are errors), FASTINIT_DEBUG=1 (-O0 -g),
FASTINIT_SANITIZE=address,undefined.
"""

import glob
import os
import platform
import sys
import sysconfig

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

AVX2 = ["-mavx2", "-mfma", "-mf16c", "-maes"]
AVX512 = [*AVX2, "-mvaes", "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl"]
AVX512 += ["-mprefer-vector-width=512"]
ISA_FLAGS = {
    "portable": [],
    "avx2": AVX2,
    "avx2_vaes": [*AVX2, "-mvaes"],
    "avx512": AVX512,
    "avx512_bf16": [*AVX512, "-mavx512bf16"],
    "neon": ["-march=armv8-a+crypto"],
}
MACHINE = platform.machine().lower()
if MACHINE in ("x86_64", "amd64"):
    ISAS, MACROS = (
        ["portable", "avx2", "avx2_vaes", "avx512", "avx512_bf16"],
        [("FASTINIT_X86", None)],
    )
elif MACHINE in ("aarch64", "arm64"):
    ISAS, MACROS = ["portable", "neon"], [("FASTINIT_NEON", None)]
else:
    ISAS, MACROS = ["portable"], []

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
FLAGS = ["-std=c11", "-ffp-contract=off", "-fvisibility=hidden", "-D_POSIX_C_SOURCE=200809L"]
FLAGS += ["-O0", "-g"] if os.environ.get("FASTINIT_DEBUG") else ["-O3", "-g0"]
# A switch that lacks a case for a dtype or a distribution does not compile.
WARNINGS = ["-Wall", "-Wextra", "-Werror=switch", "-Werror=switch-enum"]
WARNINGS += ["-Werror"] if os.environ.get("FASTINIT_WERROR") else []
LINK = ["-lm"]
if sanitizers := os.environ.get("FASTINIT_SANITIZE"):
    # -O3 and unrolled loops take minutes to compile with sanitizers.
    FLAGS += [f"-fsanitize={sanitizers}", "-fno-omit-frame-pointer", "-O1", "-g", "-DUNROLL="]
    LINK += [f"-fsanitize={sanitizers}"]


class BuildExtension(build_ext):
    """Compiles each source with flags of its own."""

    def build_extension(self, extension: Extension) -> None:
        compile_source = self.compiler._compile

        def compile_with_own_flags(obj, source, extension_name, cc_args, extra, pp_opts):
            own = FLAGS + extra
            directory, name = os.path.split(source)
            if directory.endswith("isa"):
                own = own + ISA_FLAGS[os.path.splitext(name)[0]]
            if "csrc" in directory:  # not for the file that Cython generates
                own = own + WARNINGS
            compile_source(obj, source, extension_name, cc_args, own, pp_opts)

        self.compiler._compile = compile_with_own_flags
        try:
            super().build_extension(extension)
        finally:
            self.compiler._compile = compile_source


SOURCES = sorted(glob.glob("csrc/*.c")) + [f"csrc/isa/{isa}.c" for isa in ISAS]
# Files of csrc/isa are listed too: avx2_vaes.c and avx512_bf16.c include another one.
INCLUDED = sorted(glob.glob("csrc/*.h")) + sorted(glob.glob("csrc/isa/*.c"))
limited = [] if FREE_THREADED else [("Py_LIMITED_API", "0x030B0000")]
core = Extension(
    "fastinit._core",
    sources=["src/fastinit/_core.pyx", *SOURCES],
    depends=INCLUDED,
    include_dirs=["csrc"],
    define_macros=MACROS + limited,
    extra_link_args=LINK,
    py_limited_api=not FREE_THREADED,
)

if sys.platform == "win32":
    sys.exit("fastinit needs a C11 compiler with GNU extensions; MSVC is not supported")

setup(
    ext_modules=[core],
    cmdclass={"build_ext": BuildExtension},
    options={} if FREE_THREADED else {"bdist_wheel": {"py_limited_api": "cp311"}},
)
