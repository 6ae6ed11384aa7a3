/* What the units of the core share. Everything else in a unit is static, so that code compiled for
   a wide instruction set cannot leak into another unit. */
#ifndef FASTINIT_INTERNAL_H
#define FASTINIT_INTERNAL_H

#include <time.h>

#include "fastinit.h"

#ifndef INLINE
#define INLINE static inline __attribute__((always_inline, unused))
#endif
#define NOINLINE static __attribute__((noinline, unused))

/* Elements are made in tiles of 32: a Box-Muller pair lies 16 apart in its tile. */
#define TILE 32

/* Bytes of a cache line, which non-temporal stores write whole. */
#define LINE 64

/* How elements are stored: a dtype, or bfloat16 where no result is subnormal, so that an
   instruction which takes subnormals for zero rounds right. */
#define BFLOAT16_NO_SUBNORMAL (FASTINIT_UINT8 + 1)
#define FORMATS (FASTINIT_UINT8 + 2)

/* How a distribution is computed. A truncated normal becomes whichever of these it equals. */
enum method {
    METHOD_CONSTANT,
    METHOD_UNIFORM,
    METHOD_NORMAL,
    METHOD_TRUNCATED_CENTRE, /* float32 and narrower: both bounds within 3.05 sigma of the mean */
    METHOD_TRUNCATED,        /* any interval */
    METHOD_BITS,
    METHODS
};

/* The constants of one fill, worked out once, in double. Which are used depends on the method. */
struct parameters {
    uint32_t round_keys[44]; /* AES-128, little-endian words */
    int format;
    double low, high;    /* bounds of the result, representable in the type of computation */
    double middle, half; /* uniform: of the interval; truncated centre: of 2 Phi - 1 */
    double mean, std;    /* of the normal; a constant is its mean */
    /* METHOD_TRUNCATED solves Q(alpha + d) / Q(alpha) = rho for the distance d from an anchor, in
       sigmas. `lower` serves the words whose value lies nearer to the lower bound in probability,
       `upper` the others; k in (0, 1/2) is that probability's share of the interval's. */
    struct truncated_end {
        double tail, slope; /* rho = tail + slope * k */
        double scale;       /* value = anchor + scale * d, -scale where rho was past 1 */
    } lower, upper;
    double anchor, alpha, mills; /* mills = Q(alpha) / phi(alpha) */
};

/* Chooses the method and fills all of `out` but the round keys. */
enum method prepare_parameters(enum fastinit_distribution distribution, enum fastinit_dtype dtype,
                               const double given[4], struct parameters *out);

/* Writes elements first ... first + count - 1 to `out`, which need not be aligned; with `stream`
   set, past the caches. */
typedef void fill_function(const struct parameters *parameters, uint64_t first, size_t count,
                           void *out, int stream);

/* Orthogonal matrices by Householder reflectors: so many make a block, and so many columns of the
   result a panel. Part of the stream, since blocks are what the normal values fill. */
#define BLOCK FASTINIT_PANEL_COLUMNS

/* The rows of a block or panel in memory: whole register tiles of a matrix product, with zeros. */
static inline int64_t padded_rows(int64_t rows)
{
    return (rows + 3) / 4 * 4;
}

/* What reflectors.h defines; memory is of float64 or float32 and aligned to 64 bytes. */
struct reflectors {
    /* Turns normal values in `rows` rows of BLOCK into a block of `columns` reflectors: V in place,
       BLOCK x BLOCK of -T, BLOCK signs. */
    void (*make)(void *block, int64_t rows, int64_t columns, void *factor, void *signs);
    /* Columns `first` and on of the matrix with the signs on its diagonal. */
    void (*start)(void *panel, int64_t rows, int64_t first, const void *signs);
    /* panel -= V T V' panel, from the first row of the block on. */
    void (*apply)(const void *block, const void *factor, int64_t rows, void *panel);
    /* Writes gain times the panel; strides in bytes, `out` need not be aligned. */
    void (*write)(const void *panel, int64_t rows, int64_t columns, double gain, unsigned char *out,
                  int64_t row_stride, int64_t column_stride);
};

struct kernels {
    const char *name;
    fill_function *fill[METHODS][FORMATS];
    const struct reflectors *reflectors[2]; /* [dtype] */
    /* Copies bytes past the caches; any alignment, best where both lie alike within a line. What
       was written is in order with later stores after `stream_end`. */
    void (*stream)(unsigned char *out, const unsigned char *in, size_t bytes);
    void (*stream_end)(void);
};

extern const struct kernels portable_kernels;
#ifdef FASTINIT_X86
extern const struct kernels avx2_kernels, avx2_vaes_kernels, avx512_kernels, avx512_bf16_kernels;
#endif
#ifdef FASTINIT_NEON
extern const struct kernels neon_kernels;
#endif

const struct kernels *active_kernels(void);

/* Whether the page was never written to, nor read. */
int memory_is_untouched(const void *start);
/* Asks for huge pages where none have been touched yet, and for pages at once rather than one fault
   each. */
void memory_advise_huge_pages(void *start, size_t bytes);
void memory_populate(void *start, size_t bytes);

/* Element (i, j) of `in`, rows by columns, becomes element (j, i) of `out`. Strides are the bytes
   from row to row; elements of a row are neighbours. */
void transpose(unsigned char *out, int64_t out_stride, const unsigned char *in, int64_t in_stride,
               int64_t rows, int64_t columns, size_t size);

static inline double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static inline size_t format_size(int format)
{
    static const unsigned char size[FORMATS] = {8, 4, 2, 2, 1, 1, 1, 2};
    return size[format];
}

/* Elements that the words of a tile make: one each, or a word's four bytes. */
static inline size_t tile_elements(int format)
{
    return format == FASTINIT_UINT8 ? 4 * TILE : TILE;
}

#endif
