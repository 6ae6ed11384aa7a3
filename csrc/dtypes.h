/* The dtypes of floating point, one row each. Enumerations, names, sizes, limits, roundings and
   tables of kernels are generated from this list; what follows ROW is passed on to every row.

   A row is ROW(NAME, name, COMPUTATION, bytes, mantissa bits, exponent bias, largest, overflow,
   nan, has minus zero).

   Values are computed in COMPUTATION and rounded once. The smallest normal number is 2^(1 - bias),
   and every format has subnormals. `largest` is finite. `overflow` and `nan` are encodings without
   a sign: what overflow becomes (infinity, or NaN in formats without infinity), and NaN. The fnuz
   formats have no -0.0: its pattern is their NaN. */
#ifndef FASTINIT_DTYPES_H
#define FASTINIT_DTYPES_H

/* clang-format off */
#define FASTINIT_FLOATS(ROW, ...)                                                                                                         \
    ROW(FLOAT64,         float64,         FLOAT64, 8, 52, 1023, 0x1.fffffffffffffp1023, 0x7ff0ull << 48, 0x7ff8ull << 48, 1, __VA_ARGS__) \
    ROW(FLOAT32,         float32,         FLOAT32, 4, 23,  127, 0x1.fffffep127,         0x7f800000,      0x7fc00000,      1, __VA_ARGS__) \
    ROW(FLOAT16,         float16,         FLOAT32, 2, 10,   15, 65504,                  0x7c00,          0x7e00,          1, __VA_ARGS__) \
    ROW(BFLOAT16,        bfloat16,        FLOAT32, 2,  7,  127, 0x1.fep127,             0x7f80,          0x7fc0,          1, __VA_ARGS__) \
    ROW(FLOAT8_E4M3FN,   float8_e4m3fn,   FLOAT32, 1,  3,    7, 448,                    0x7f,            0x7f,            1, __VA_ARGS__) \
    ROW(FLOAT8_E5M2,     float8_e5m2,     FLOAT32, 1,  2,   15, 57344,                  0x7c,            0x7e,            1, __VA_ARGS__) \
    ROW(FLOAT8_E4M3FNUZ, float8_e4m3fnuz, FLOAT32, 1,  3,    8, 240,                    0x80,            0x80,            0, __VA_ARGS__) \
    ROW(FLOAT8_E5M2FNUZ, float8_e5m2fnuz, FLOAT32, 1,  2,   16, 57344,                  0x80,            0x80,            0, __VA_ARGS__)
/* clang-format on */

#endif
