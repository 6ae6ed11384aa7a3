/* The algorithm, once: words -> distribution -> rounding -> store. Each isa/NAME.c defines a vector
   vocabulary and includes this file, which ends in that unit's one global, NAME_kernels. */

#include <string.h>

#include "coefficients.h"
#include "internal.h"
#include "repeat.h"

typedef float f32_scalar;
typedef double f64_scalar;

#include "narrow.h"
#include "stream.h"

#define BITS 32
#define UNIT 0x1p-31f
#define LOG_DEGREE F32_LOG_DEGREE
#define SINE_DEGREE F32_SINE_DEGREE
#define COSINE_DEGREE F32_COSINE_DEGREE
#define F(name) f32_##name
#define U(name) u32_##name
#include "elementary.h"

#include "distributions.h"

#include "reflectors.h"
#undef BITS
#undef UNIT
#undef LOG_DEGREE
#undef SINE_DEGREE
#undef COSINE_DEGREE
#undef F
#undef U

#define BITS 64
#define UNIT 0x1p-63
#define LOG_DEGREE F64_LOG_DEGREE
#define SINE_DEGREE F64_SINE_DEGREE
#define COSINE_DEGREE F64_COSINE_DEGREE
#define F(name) f64_##name
#define U(name) u64_##name
#include "elementary.h"

#include "distributions.h"

#include "reflectors.h"
#undef BITS
#undef UNIT
#undef LOG_DEGREE
#undef SINE_DEGREE
#undef COSINE_DEGREE
#undef F
#undef U

_Static_assert(F32_VECTORS *U32_LANES == TILE && F64_VECTORS == 2 * F32_VECTORS,
               "a tile is so many vectors");

/* Values v and v + half a tile. */
INLINE void f32_pair(enum method method, const u32_vector *words, const struct parameters *p,
                     f32_vector *values)
{
    const u32_vector first = words[0], second = words[HALF_VECTORS];
    f32_vector *const a = values, *const b = values + HALF_VECTORS;
    if (method == METHOD_CONSTANT)
        *a = *b = f32_set((float)p->mean);
    else if (method == METHOD_UNIFORM)
        *a = f32_uniform(first, p), *b = f32_uniform(second, p);
    else if (method == METHOD_NORMAL)
        f32_box_muller(first, second, p, a, b);
    else if (method == METHOD_TRUNCATED_CENTRE)
        *a = f32_truncated_centre(first, p), *b = f32_truncated_centre(second, p);
    else
        *a = f32_truncated_word(first, p), *b = f32_truncated_word(second, p);
}

INLINE void f64_pair(enum method method, const u32_vector *words, const struct parameters *p,
                     f64_vector *values)
{
    const u64_vector first = u64_from_u32_pairs(words[0]);
    const u64_vector second = u64_from_u32_pairs(words[F32_VECTORS]);
    f64_vector *const a = values, *const b = values + F32_VECTORS;
    if (method == METHOD_CONSTANT)
        *a = *b = f64_set(p->mean);
    else if (method == METHOD_UNIFORM)
        *a = f64_uniform(first, p), *b = f64_uniform(second, p);
    else if (method == METHOD_NORMAL)
        f64_box_muller(first, second, p, a, b);
    else
        *a = f64_truncated_word(first, p), *b = f64_truncated_word(second, p);
}

/* Vectors `first` and the next of a tile. */
INLINE void store_pair(enum fastinit_dtype dtype, unsigned char *tile, int first, f32_vector a,
                       f32_vector b)
{
    unsigned char *const out = tile + (size_t)first * U32_LANES * dtype_size(dtype);
    if (dtype == FASTINIT_FLOAT32)
        store_float32(out, a, b);
    else if (dtype == FASTINIT_FLOAT16)
        store_float16(out, a, b);
    else if (dtype == FASTINIT_BFLOAT16)
        store_bfloat16(out, a, b);
    else if (dtype == FASTINIT_FLOAT8_E4M3FN)
        store_float8_e4m3fn(out, a, b);
    else
        store_float8_e5m2(out, a, b);
}

/* Writes whole tiles, one after another, to `out`. */
typedef void tiles_function(const struct cipher *cipher, const struct parameters *p, uint64_t tile,
                            size_t tiles, unsigned char *out);

/* The keystream of the next tile is made beside the values of this one, which keeps both kinds of
   execution units busy (a sixth faster). */
INLINE void f32_tiles(enum method method, enum fastinit_dtype dtype, const struct cipher *cipher,
                      const struct parameters *p, uint64_t tile, size_t tiles, unsigned char *out)
{
    u32_vector words[F32_VECTORS], next[F32_VECTORS];
    f32_vector values[F32_VECTORS];
    f32_keystream(cipher, tile, words);
    for (const uint64_t end = tile + tiles; tile != end; out += TILE * dtype_size(dtype)) {
        f32_keystream(cipher, ++tile, next);
#define PAIR(v) f32_pair(method, words + (v), p, values + (v));
#define STORE(v) store_pair(dtype, out, 2 * (v), values[2 * (v)], values[2 * (v) + 1]);
#define ADVANCE(v) words[v] = next[v];
        REPEAT(HALF_VECTORS, PAIR)
        REPEAT(HALF_VECTORS, STORE)
        REPEAT(F32_VECTORS, ADVANCE)
#undef PAIR
#undef STORE
#undef ADVANCE
    }
}

INLINE void f64_tiles(enum method method, const struct cipher *cipher, const struct parameters *p,
                      uint64_t tile, size_t tiles, unsigned char *out)
{
    u32_vector words[F64_VECTORS], next[F64_VECTORS];
    f64_vector values[F64_VECTORS];
    f64_keystream(cipher, tile, words);
    for (const uint64_t end = tile + tiles; tile != end; out += TILE * sizeof(double)) {
        f64_keystream(cipher, ++tile, next);
#define PAIR(v) f64_pair(method, words + (v), p, values + (v));
#define STORE(v) f64_store(out + (v) * (TILE * sizeof(double) / F64_VECTORS), values[v]);
#define ADVANCE(v) words[v] = next[v];
        REPEAT(F32_VECTORS, PAIR)
        REPEAT(F64_VECTORS, STORE)
        REPEAT(F64_VECTORS, ADVANCE)
#undef PAIR
#undef STORE
#undef ADVANCE
    }
}

#define LINE 64
#define STAGE_BYTES 1024

/* The same, past the caches. Tiles lie where the index says, non-temporal stores want whole lines:
   tiles go to a stage in the first-level cache, and whole lines of it to memory. */
static void stream_tiles(tiles_function *write_tiles, size_t tile_bytes,
                         const struct cipher *cipher, const struct parameters *p, uint64_t tile,
                         size_t tiles, unsigned char *out)
{
    _Alignas(LINE) unsigned char stage[LINE + STAGE_BYTES];
    const size_t lead = (uintptr_t)out % LINE;
    unsigned char *line = out - lead;
    size_t skip = lead, staged = lead;
    while (tiles > 0) {
        const size_t most = STAGE_BYTES / tile_bytes, now = tiles < most ? tiles : most;
        write_tiles(cipher, p, tile, now, stage + staged);
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
        if (sent > 0)
            memcpy(stage, stage + sent, staged - sent);
        line += sent;
        staged -= sent;
    }
    memcpy(line + skip, stage + skip, staged - skip);
    stream_end();
}

static void fill(tiles_function *write_tiles, size_t size, const struct parameters *p,
                 uint64_t first, size_t count, unsigned char *out, int stream)
{
    struct cipher cipher;
    set_up_cipher(&cipher, p->round_keys);
    uint64_t tile = first / TILE;
    size_t skip = first % TILE;
    while (count > 0) {
        if (skip == 0 && count >= TILE) {
            const size_t tiles = count / TILE;
            if (stream)
                stream_tiles(write_tiles, TILE * size, &cipher, p, tile, tiles, out);
            else
                write_tiles(&cipher, p, tile, tiles, out);
            tile += tiles;
            out += tiles * TILE * size;
            count -= tiles * TILE;
        } else {
            unsigned char edge[TILE * sizeof(double)];
            const size_t now = count < TILE - skip ? count : TILE - skip;
            write_tiles(&cipher, p, tile++, 1, edge);
            memcpy(out, edge + skip * size, now * size);
            out += now * size;
            count -= now;
            skip = 0;
        }
    }
}

#define DEFINE_FILL(name, method, dtype)                                                           \
    static void name##_tiles(const struct cipher *cipher, const struct parameters *p,              \
                             uint64_t tile, size_t tiles, unsigned char *out)                      \
    {                                                                                              \
        /* Copies, which the stores to `out` cannot alias, so that they stay in registers. */      \
        const struct cipher own_cipher = *cipher;                                                  \
        const struct parameters own = *p;                                                          \
        if (dtype == FASTINIT_FLOAT64)                                                             \
            f64_tiles(method, &own_cipher, &own, tile, tiles, out);                                \
        else                                                                                       \
            f32_tiles(method, dtype, &own_cipher, &own, tile, tiles, out);                         \
    }                                                                                              \
    static void name(const struct parameters *p, uint64_t first, size_t count, void *out,          \
                     int stream)                                                                   \
    {                                                                                              \
        fill(name##_tiles, dtype_size(dtype), p, first, count, out, stream);                       \
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
        f32_keystream(&cipher, first, words);
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
        .reflectors = {&f64_reflectors, &f32_reflectors}, .keystream = keystream,                  \
    }
