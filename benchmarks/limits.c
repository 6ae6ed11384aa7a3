/* Fills memory with one value by the widest stores of the machine: the limit for every fill. */

#include <stddef.h>
#include <string.h>

#if defined __AVX512F__
#include <immintrin.h>
#define NAME "AVX-512"
typedef __m512i vector;
#define SET(byte) _mm512_set1_epi8(byte)
#define STORE_CACHED(to, value) _mm512_store_si512(to, value)
#define STORE_NONTEMPORAL(to, value) _mm512_stream_si512(to, value)
#elif defined __AVX2__
#include <immintrin.h>
#define NAME "AVX2"
typedef __m256i vector;
#define SET(byte) _mm256_set1_epi8(byte)
#define STORE_CACHED(to, value) _mm256_store_si256(to, value)
#define STORE_NONTEMPORAL(to, value) _mm256_stream_si256(to, value)
#elif defined __SSE2__
#include <emmintrin.h>
#define NAME "SSE2"
typedef __m128i vector;
#define SET(byte) _mm_set1_epi8(byte)
#define STORE_CACHED(to, value) _mm_store_si128(to, value)
#define STORE_NONTEMPORAL(to, value) _mm_stream_si128(to, value)
#endif

/* Not zero: some processors store zeros faster. */
enum { BYTE = 0x3c };

#ifdef NAME

const char *store_name(void)
{
    return NAME;
}

/* `to` must be aligned to a cache line, and `size` a multiple of the line's. */
static void store_nontemporal(void *to, size_t size)
{
    vector *vectors = to;
    const vector value = SET(BYTE);
#pragma GCC unroll 4
    for (size_t i = 0; i < size / sizeof value; i++)
        STORE_NONTEMPORAL(vectors + i, value);
    _mm_sfence();
}

static void store_cached(void *to, size_t size)
{
    vector *vectors = to;
    const vector value = SET(BYTE);
#pragma GCC unroll 4
    for (size_t i = 0; i < size / sizeof value; i++)
        STORE_CACHED(vectors + i, value);
}

#else

const char *store_name(void)
{
    return "memset";
}

static void store_nontemporal(void *to, size_t size)
{
    memset(to, BYTE, size);
}

static void store_cached(void *to, size_t size)
{
    memset(to, BYTE, size);
}

#endif

/* Repeats `call`; the barrier keeps the compiler from merging the repetitions. */
#define REPEAT(times, call)                                                                        \
    for (size_t n = 0; n < (times); n++) {                                                         \
        call;                                                                                      \
        __asm__ volatile("" ::: "memory");                                                         \
    }

void fill_nontemporal(void *to, size_t size, size_t times)
{
    REPEAT(times, store_nontemporal(to, size))
}

void fill_cached(void *to, size_t size, size_t times)
{
    REPEAT(times, store_cached(to, size))
}
