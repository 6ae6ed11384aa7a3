/* Fails if a fill touches a byte outside its target: for every number of elements from 0 to MOST,
   at every offset from a cache line, in every dtype, on every instruction set. Targets end before a
   protected page, then begin after one; the bytes beside them on their own pages are compared. */

#define _DEFAULT_SOURCE

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fastinit.h"

#define MOST 300
#define LINE 64
#define POISON 0xa5
#define FIRST 7  /* no target begins with a tile */
#define NEAR 256 /* bytes on either side that are compared */

static const uint8_t key[16] = {1, 2, 3};

static const struct {
    const char *name;
    enum fastinit_distribution kind;
    double parameters[4];
} distributions[] = {
    {"constant", FASTINIT_CONSTANT, {0.3}},
    {"uniform", FASTINIT_UNIFORM, {-0.5, 0.25}},
    {"normal", FASTINIT_NORMAL, {0, 1}},
    {"truncated centre", FASTINIT_TRUNCATED_NORMAL, {0, 1, -2, 2}},
    {"truncated", FASTINIT_TRUNCATED_NORMAL, {0, 1, -1, INFINITY}},
    {"bits", FASTINIT_BITS, {0}},
};

enum { BITS = sizeof distributions / sizeof *distributions - 1 };

static size_t page, usable;
static unsigned char *pages; /* usable bytes between two protected pages */
static unsigned long checked, failures;

static void fill(int distribution, enum fastinit_dtype dtype, unsigned char *out, size_t count,
                 int is_reversed)
{
    const int64_t size = fastinit_dtype_size(dtype);
    fastinit_fill fill = {.data = out, .dtype = dtype, .dimensions = 1, .first = FIRST};
    fill.shape[0] = (int64_t)count;
    fill.strides[0] = size;
    fill.logical_strides[0] = 1;
    if (is_reversed && count > 0) {
        fill.data = out + ((int64_t)count - 1) * size;
        fill.strides[0] = -size;
    }
    memcpy(fill.key, key, sizeof key);
    fill.distribution = distributions[distribution].kind;
    memcpy(fill.parameters, distributions[distribution].parameters, sizeof fill.parameters);
    fastinit_job *job = fastinit_job_new(&fill, 1);
    while (fastinit_job_work(job, 1))
        ;
    fastinit_job_free(job);
}

static int is_poison(const unsigned char *from, const unsigned char *to)
{
    for (; from < to; from++)
        if (*from != POISON)
            return 0;
    return 1;
}

/* The target lies at `at`; `expected` holds its values, backwards where it is reversed. */
static void check(int distribution, enum fastinit_dtype dtype, unsigned char *at, size_t count,
                  int is_reversed, const unsigned char *expected)
{
    const size_t size = (size_t)fastinit_dtype_size(dtype), bytes = count * size;
    unsigned char *const low = (size_t)(at - pages) > NEAR ? at - NEAR : pages;
    unsigned char *const end = at + bytes;
    unsigned char *const high = (size_t)(pages + usable - end) > NEAR ? end + NEAR : pages + usable;
    memset(low, POISON, (size_t)(high - low));
    fill(distribution, dtype, at, count, is_reversed);
    int is_right = is_poison(low, at) && is_poison(end, high);
    for (size_t i = 0; i < count && is_right; i++)
        is_right =
            memcmp(at + (is_reversed ? count - 1 - i : i) * size, expected + i * size, size) == 0;
    checked++;
    if (!is_right && failures++ < 10)
        printf("%s: %s, dtype %d, %zu elements at %p%s\n", fastinit_isa(),
               distributions[distribution].name, (int)dtype, count, (void *)at,
               is_reversed ? ", reversed" : "");
}

static void check_dtype(int distribution, enum fastinit_dtype dtype)
{
    static unsigned char expected[MOST * 8];
    const size_t size = (size_t)fastinit_dtype_size(dtype);
    fill(distribution, dtype, expected, MOST, 0);
    for (size_t count = 0; count <= MOST; count++) {
        const size_t bytes = count * size;
        for (size_t offset = 0; offset < LINE; offset++) {
            check(distribution, dtype, pages + offset, count, 0, expected);
            check(distribution, dtype, pages + usable - bytes - offset, count, 0, expected);
        }
        check(distribution, dtype, pages, count, 1, expected);
        check(distribution, dtype, pages + usable - bytes, count, 1, expected);
    }
}

int main(void)
{
    page = (size_t)sysconf(_SC_PAGESIZE);
    usable = (MOST * 8 + LINE + page - 1) / page * page;
    unsigned char *const mapping =
        mmap(NULL, usable + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED || mprotect(mapping, page, PROT_NONE) != 0 ||
        mprotect(mapping + page + usable, page, PROT_NONE) != 0)
        return 2;
    pages = mapping + page;
    for (size_t i = 0; i < fastinit_isa_count(); i++) {
        fastinit_choose_isa(fastinit_isa_name(i));
        checked = 0;
        for (int distribution = 0; distribution < BITS; distribution++)
            for (int dtype = 0; dtype < FASTINIT_DTYPES; dtype++)
                check_dtype(distribution, (enum fastinit_dtype)dtype);
        check_dtype(BITS, FASTINIT_UINT8);
        printf("%s %lu targets between guard pages\n", fastinit_isa(), checked);
    }
    return failures != 0;
}
