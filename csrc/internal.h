/* Declarations that the files of the core share. All other functions are static, so that the linker
   cannot use code compiled for a wide instruction set in another file. */
#ifndef FASTINIT_INTERNAL_H
#define FASTINIT_INTERNAL_H

#include <time.h>

#include "fastinit.h"

#ifndef INLINE
#define INLINE static inline __attribute__((always_inline, unused))
#endif
#define NOINLINE static __attribute__((noinline, unused))

/* Unrolls the loop that follows completely: compilers turn an array of vectors into registers only
   where every index is a constant. clang takes GCC's pragma too late for that.
   Sanitizers get no unrolling, which would take them minutes to compile. */
#ifndef UNROLL
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 64")
#endif
#endif

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* Elements are made in tiles of 32: a Box-Muller pair lies 16 apart in its tile. */
#define TILE 32

/* Bytes of a cache line, which non-temporal stores write whole. */
#define LINE 64

/* How elements are stored. The first are the dtypes, with the same numbers.
   FORMAT_BFLOAT16_NO_SUBNORMAL is bfloat16 of results that are never subnormal: an instruction that
   flushes subnormals rounds them right. */
#define FORMATS(ROW, ...)                                                                          \
    FASTINIT_FLOATS(ROW, __VA_ARGS__)                                                              \
    ROW(BFLOAT16_NO_SUBNORMAL, bfloat16_no_subnormal, FLOAT32, 2, 7, 127, 0x1.fep127, 0x7f80,      \
        0x7fc0, 1, __VA_ARGS__)

#define FORMAT(NAME, ...) FORMAT_##NAME,
enum format { FASTINIT_FLOATS(FORMAT) FORMAT_UINT8, FORMAT_BFLOAT16_NO_SUBNORMAL };
#undef FORMAT
enum { FORMAT_COUNT = FORMAT_BFLOAT16_NO_SUBNORMAL + 1 };
_Static_assert((int)FORMAT_UINT8 == (int)FASTINIT_UINT8, "the first formats are the dtypes");

/* The columns of dtypes.h. */
struct format_limits {
    const char *name;
    enum format computation;
    size_t bytes;
    int mantissa_bits, bias;
    double largest;
    uint64_t overflow, nan;
    int has_minus_zero;
};

/* clang-format off */
#define LIMITS(NAME, name, COMPUTATION, bytes, mantissa_bits, bias, largest, overflow, nan,          \
               has_minus_zero, ...)                                                                  \
    [FORMAT_##NAME] = {#name, FORMAT_##COMPUTATION, bytes, mantissa_bits, bias, largest, overflow,   \
                       nan, has_minus_zero},
static const struct format_limits formats[FORMAT_COUNT] = {
    [FORMAT_UINT8] = {.name = "uint8", .bytes = 1},
    FORMATS(LIMITS)
};
#undef LIMITS
/* clang-format on */

/* Elements that the words of a tile make: one per word, or its four bytes. */
static inline size_t tile_elements(enum format format)
{
    return format == FORMAT_UINT8 ? 4 * TILE : TILE;
}

static inline size_t tile_bytes(enum format format)
{
    return tile_elements(format) * formats[format].bytes;
}

/* How values are computed; METHOD_BITS, which makes FORMAT_UINT8 alone, comes after these. A
   truncated normal becomes whichever method it equals. METHOD_TRUNCATED_CENTRE has both bounds
   within 3.05 sigma of the mean and does not exist for float64; METHOD_TRUNCATED takes any
   interval. */
#define METHODS(ROW)                                                                               \
    ROW(CONSTANT, constant)                                                                        \
    ROW(UNIFORM, uniform)                                                                          \
    ROW(NORMAL, normal)                                                                            \
    ROW(TRUNCATED_CENTRE, truncated_centre)                                                        \
    ROW(TRUNCATED, truncated)

#define METHOD(NAME, name) METHOD_##NAME,
enum method { METHODS(METHOD) METHOD_BITS };
#undef METHOD
enum { METHOD_COUNT = METHOD_BITS + 1 };

/* The constants of one fill, computed once, in double. Which are used depends on the method. */
struct parameters {
    uint32_t round_keys[44]; /* AES-128, little-endian words */
    enum format format;
    double low, high;    /* bounds of the result, representable in the type of computation */
    double middle, half; /* uniform: of the interval; truncated centre: of 2 Phi - 1 */
    double mean, std;    /* of the normal; a constant is its mean */
    /* METHOD_TRUNCATED solves Q(alpha + d) / Q(alpha) = rho for the distance d from an anchor, in
       sigmas. `lower` serves the words whose value lies nearer to the lower bound in probability,
       `upper` the others; k in (0, 1/2) is that probability's share of the interval's. */
    struct truncated_end {
        double tail, slope; /* rho = tail + slope * k */
        double scale;       /* value = anchor + scale * d, or anchor - scale * d if rho > 1 */
    } lower, upper;
    double anchor, alpha, mills; /* mills = Q(alpha) / phi(alpha) */
};

/* Chooses the method and fills all of `out` but the round keys. */
enum method prepare_parameters(enum fastinit_distribution distribution, enum fastinit_dtype dtype,
                               const double given[4], struct parameters *out);

/* Writes elements first ... first + count - 1 to `out`, which need not be aligned; with
   non-temporal stores if `nontemporal`. */
typedef void fill_function(const struct parameters *parameters, uint64_t first, size_t count,
                           void *out, int nontemporal);

/* Orthogonal matrices: the columns of a block reflector, and of a panel of the result. Part of the
   stream, since the normal values fill one block reflector after another. */
#define PANEL_COLUMNS FASTINIT_PANEL_COLUMNS

/* The rows of a block reflector or panel in memory: a multiple of the four rows that a matrix
   product computes at a time. Rows beyond the matrix are zero. */
static inline int64_t padded_rows(int64_t rows)
{
    return (rows + 3) / 4 * 4;
}

/* What reflectors-inl.h defines; memory is of float64 or float32 and aligned to 64 bytes. */
struct reflectors {
    /* Turns `rows` rows of PANEL_COLUMNS normal values into a block reflector of `columns`
       reflectors: V in place, PANEL_COLUMNS x PANEL_COLUMNS of -T, PANEL_COLUMNS signs. */
    void (*make)(void *reflector, int64_t rows, int64_t columns, void *factor, void *signs);
    /* Sets a panel to columns `first` and on of the matrix that has the signs on its diagonal. */
    void (*start)(void *panel, int64_t rows, int64_t first, const void *signs);
    /* panel -= V T V' panel, from the first row of the block reflector on. */
    void (*apply)(const void *reflector, const void *factor, int64_t rows, void *panel);
    /* Writes gain times the panel; strides in bytes, `out` need not be aligned. */
    void (*write)(const void *panel, int64_t rows, int64_t columns, double gain, unsigned char *out,
                  int64_t row_stride, int64_t column_stride);
};

/* What an instruction set offers. */
struct kernels {
    const char *name;
    fill_function *fill[METHOD_COUNT][FORMAT_COUNT];
    const struct reflectors *reflectors[2]; /* [dtype] */
    /* Copies bytes with non-temporal stores; any alignment, fastest if both lie alike within a
       cache line. `nontemporal_fence` orders these stores before later ones. */
    void (*copy_nontemporal)(unsigned char *out, const unsigned char *in, size_t bytes);
    void (*nontemporal_fence)(void);
};

extern const struct kernels portable_kernels;
#ifdef FASTINIT_X86
extern const struct kernels avx2_kernels, avx2_vaes_kernels, avx512_kernels, avx512_bf16_kernels;
#endif
#ifdef FASTINIT_NEON
extern const struct kernels neon_kernels;
#endif

const struct kernels *active_kernels(void);

/* Returns whether the page that holds `start` was neither written nor read so far. */
int memory_is_untouched(const void *start);
/* Asks for huge pages where no page has been touched yet. */
void memory_advise_huge_pages(void *start, size_t bytes);
/* Asks for the pages now, which saves a page fault for each. */
void memory_populate(void *start, size_t bytes);

/* Element (i, j) of `in`, rows by columns, becomes element (j, i) of `out`. Strides are the bytes
   from row to row; the elements of a row are contiguous. */
void transpose(unsigned char *out, int64_t out_stride, const unsigned char *in, int64_t in_stride,
               int64_t rows, int64_t columns, size_t size);

static inline double monotonic_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

#endif
