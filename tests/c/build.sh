# Sourced by the scripts here: how the core is compiled and linked to the test programs.
# shellcheck shell=bash

flags=(-std=c11 -D_POSIX_C_SOURCE=200809L -ffp-contract=off -Wall -Wextra -Wswitch-enum -Werror -Icsrc)
avx2=(-mavx2 -mfma -mf16c -maes)
avx512=("${avx2[@]}" -mvaes -mavx512f -mavx512dq -mavx512bw -mavx512vl)
x86_units=("avx2:${avx2[*]}" "avx2_vaes:${avx2[*]} -mvaes" "avx512:${avx512[*]}"
    "avx512_bf16:${avx512[*]} -mavx512bf16")
neon_units=(neon:-march=armv8-a+crypto)

# build DIRECTORY PROGRAMS MACRO COMPILER FLAG... -- UNIT:FLAGS...
# Compiles the core with these units of csrc/isa, and links it to each of the programs, which are
# sources of tests/c.
build() {
    local directory=$1 programs=$2 macro=$3
    shift 3
    local compiler=() source unit
    while [ "$1" != -- ]; do compiler+=("$1"); shift; done
    shift
    compiler+=("${flags[@]}" "$macro")
    mkdir -p "$directory/core"
    for source in csrc/*.c csrc/isa/portable.c; do
        "${compiler[@]}" -c "$source" -o "$directory/core/$(basename "$source" .c).o"
    done
    for unit in "$@"; do
        # shellcheck disable=SC2086
        "${compiler[@]}" ${unit#*:} -c "csrc/isa/${unit%%:*}.c" -o "$directory/core/${unit%%:*}.o"
    done
    for program in $programs; do
        "${compiler[@]}" "tests/c/$program.c" "$directory/core"/*.o -lm -pthread \
            -o "$directory/$program"
    done
}
