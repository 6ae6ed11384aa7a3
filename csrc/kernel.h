/* The algorithm, once: words -> distribution -> rounding -> store. Each isa/NAME.c defines a vector
   vocabulary and includes this file, which ends in that unit's one global, NAME_kernels. */

#include <string.h>

#include "coefficients.h"
#include "internal.h"

typedef float f32_scalar;
typedef double f64_scalar;

#include "narrow.h"
#include "stream.h"

#define BITS 32
#define UNIT 0x1p-31f
#define F(name) f32_##name
#define U(name) u32_##name
#include "elementary.h"

#include "distributions.h"
#undef BITS
#undef UNIT
#undef F
#undef U

#define BITS 64
#define UNIT 0x1p-63
#define F(name) f64_##name
#define U(name) u64_##name
#include "elementary.h"

#include "distributions.h"
#undef BITS
#undef UNIT
#undef F
#undef U

#define F32_VECTORS (TILE / U32_LANES)
#define F64_VECTORS (2 * TILE / U32_LANES)

INLINE void f32_values(enum method method, const u32_vector *words, const struct parameters *p,
                       f32_vector *values)
{
    UNROLL
    for (int v = 0; v < F32_VECTORS; v++) {
        if (method == METHOD_CONSTANT)
            values[v] = f32_set((float)p->mean);
        else if (method == METHOD_UNIFORM)
            values[v] = f32_uniform(words[v], p);
        else if (method == METHOD_TRUNCATED_CENTRE)
            values[v] = f32_truncated_centre(words[v], p);
        else if (method == METHOD_TRUNCATED)
            values[v] = f32_truncated_word(words[v], p);
        else if (v < F32_VECTORS / 2)
            f32_box_muller(words[v], words[v + F32_VECTORS / 2], p, &values[v],
                           &values[v + F32_VECTORS / 2]);
    }
}

INLINE void f64_values(enum method method, const u32_vector *words, const struct parameters *p,
                       f64_vector *values)
{
    UNROLL
    for (int v = 0; v < F64_VECTORS; v++) {
        const u64_vector word = u64_from_u32_pairs(words[v]);
        if (method == METHOD_CONSTANT)
            values[v] = f64_set(p->mean);
        else if (method == METHOD_UNIFORM)
            values[v] = f64_uniform(word, p);
        else if (method == METHOD_TRUNCATED)
            values[v] = f64_truncated_word(word, p);
        else if (v < F64_VECTORS / 2)
            f64_box_muller(word, u64_from_u32_pairs(words[v + F64_VECTORS / 2]), p, &values[v],
                           &values[v + F64_VECTORS / 2]);
    }
}

INLINE void store_narrow(enum fastinit_dtype dtype, void *out, f32_vector x)
{
    if (dtype == FASTINIT_FLOAT32)
        store_float32(out, x);
    else if (dtype == FASTINIT_FLOAT16)
        store_float16(out, x);
    else if (dtype == FASTINIT_BFLOAT16)
        store_bfloat16(out, x);
    else if (dtype == FASTINIT_FLOAT8_E4M3FN)
        store_float8_e4m3fn(out, x);
    else
        store_float8_e5m2(out, x);
}

/* Whole tiles, one after another, to `out`. */
INLINE void fill_tiles(enum method method, enum fastinit_dtype dtype, const struct cipher *cipher,
                       const struct parameters *p, uint64_t tile, size_t tiles, unsigned char *out)
{
    const size_t size = dtype_size(dtype);
    for (const uint64_t end = tile + tiles; tile != end; tile++, out += TILE * size) {
        u32_vector words[F64_VECTORS];
        if (dtype == FASTINIT_FLOAT64) {
            f64_vector values[F64_VECTORS];
            keystream_words(cipher, 16 * tile, F64_VECTORS, words);
            f64_values(method, words, p, values);
            UNROLL
            for (int v = 0; v < F64_VECTORS; v++)
                f64_store(out + v * (U32_LANES / 2) * size, values[v]);
        } else {
            f32_vector values[F32_VECTORS];
            keystream_words(cipher, 8 * tile, F32_VECTORS, words);
            f32_values(method, words, p, values);
            UNROLL
            for (int v = 0; v < F32_VECTORS; v++)
                store_narrow(dtype, out + v * U32_LANES * size, values[v]);
        }
    }
}

#define LINE 64
#define STAGED_TILES 8

/* The same, past the caches. Tiles lie where the index says, non-temporal stores want whole lines:
   tiles go to a stage in the first-level cache, and whole lines of it to memory. */
INLINE void stream_tiles(enum method method, enum fastinit_dtype dtype, const struct cipher *cipher,
                         const struct parameters *p, uint64_t tile, size_t tiles,
                         unsigned char *out)
{
    _Alignas(LINE) unsigned char stage[LINE + STAGED_TILES * TILE * sizeof(double)];
    const size_t tile_bytes = TILE * dtype_size(dtype);
    const size_t lead = (uintptr_t)out % LINE;
    unsigned char *line = out - lead;
    size_t skip = lead, staged = lead;
    while (tiles > 0) {
        const size_t now = tiles < STAGED_TILES ? tiles : STAGED_TILES;
        fill_tiles(method, dtype, cipher, p, tile, now, stage + staged);
        tile += now;
        tiles -= now;
        staged += now * tile_bytes;
        size_t sent = 0;
        if (skip > 0 && staged >= LINE) {
            memcpy(line + skip, stage + skip, LINE - skip);
            skip = 0;
            sent = LINE;
        }
        for (; sent + LINE <= staged; sent += LINE)
            stream_line(line + sent, stage + sent);
        memcpy(stage, stage + sent, LINE);
        line += sent;
        staged -= sent;
    }
    memcpy(line + skip, stage + skip, staged - skip);
    stream_end();
}

INLINE void fill(enum method method, enum fastinit_dtype dtype, const struct parameters *p,
                 uint64_t first, size_t count, unsigned char *out, int stream)
{
    const size_t size = dtype_size(dtype);
    struct cipher cipher;
    set_up_cipher(&cipher, p->round_keys);
    uint64_t tile = first / TILE;
    size_t skip = first % TILE;
    while (count > 0) {
        if (skip == 0 && count >= TILE) {
            const size_t tiles = count / TILE;
            if (stream)
                stream_tiles(method, dtype, &cipher, p, tile, tiles, out);
            else
                fill_tiles(method, dtype, &cipher, p, tile, tiles, out);
            tile += tiles;
            out += tiles * TILE * size;
            count -= tiles * TILE;
        } else {
            unsigned char edge[TILE * sizeof(double)];
            const size_t now = count < TILE - skip ? count : TILE - skip;
            fill_tiles(method, dtype, &cipher, p, tile++, 1, edge);
            memcpy(out, edge + skip * size, now * size);
            out += now * size;
            count -= now;
            skip = 0;
        }
    }
}

#define DEFINE_FILL(name, method, dtype)                                                           \
    static void name(const struct parameters *p, uint64_t first, size_t count, void *out,          \
                     int stream)                                                                   \
    {                                                                                              \
        fill(method, dtype, p, first, count, out, stream);                                         \
    }
#define DEFINE_FILLS(name, method)                                                                 \
    DEFINE_FILL(name##_float64, method, FASTINIT_FLOAT64)                                          \
    DEFINE_FILL(name##_float32, method, FASTINIT_FLOAT32)                                          \
    DEFINE_FILL(name##_float16, method, FASTINIT_FLOAT16)                                          \
    DEFINE_FILL(name##_bfloat16, method, FASTINIT_BFLOAT16)                                        \
    DEFINE_FILL(name##_float8_e4m3fn, method, FASTINIT_FLOAT8_E4M3FN)                              \
    DEFINE_FILL(name##_float8_e5m2, method, FASTINIT_FLOAT8_E5M2)
#define NAME_FILLS(name)                                                                           \
    {                                                                                              \
        [FASTINIT_FLOAT64] = name##_float64, [FASTINIT_FLOAT32] = name##_float32,                  \
        [FASTINIT_FLOAT16] = name##_float16, [FASTINIT_BFLOAT16] = name##_bfloat16,                \
        [FASTINIT_FLOAT8_E4M3FN] = name##_float8_e4m3fn,                                           \
        [FASTINIT_FLOAT8_E5M2] = name##_float8_e5m2,                                               \
    }

DEFINE_FILLS(constant, METHOD_CONSTANT)
DEFINE_FILLS(uniform, METHOD_UNIFORM)
DEFINE_FILLS(normal, METHOD_NORMAL)
DEFINE_FILLS(truncated_centre, METHOD_TRUNCATED_CENTRE)
DEFINE_FILLS(truncated, METHOD_TRUNCATED)

static void keystream(const uint32_t round_keys[44], uint64_t first, size_t tiles, uint32_t *out)
{
    struct cipher cipher;
    set_up_cipher(&cipher, round_keys);
    for (const uint64_t end = first + tiles; first != end; first++, out += TILE) {
        u32_vector words[F32_VECTORS];
        keystream_words(&cipher, 8 * first, F32_VECTORS, words);
        for (int v = 0; v < F32_VECTORS; v++)
            u32_store(out + v * U32_LANES, words[v]);
    }
}

#define KERNELS(isa)                                                                               \
    {                                                                                              \
        .name = isa,                                                                               \
        .fill =                                                                                    \
            {                                                                                      \
                [METHOD_CONSTANT] = NAME_FILLS(constant),                                          \
                [METHOD_UNIFORM] = NAME_FILLS(uniform),                                            \
                [METHOD_NORMAL] = NAME_FILLS(normal),                                              \
                [METHOD_TRUNCATED_CENTRE] = NAME_FILLS(truncated_centre),                          \
                [METHOD_TRUNCATED] = NAME_FILLS(truncated),                                        \
            },                                                                                     \
        .keystream = keystream,                                                                    \
    }
