/* Prints a hash of every distribution in every dtype, and of orthogonal matrices, on every
   instruction set, and fails unless all instruction sets agree and slices, views and non-temporal
   fills hold the same values as the whole. Compare the output of two machines to see that they
   agree: hashes do not depend on the byte order. Usage: hashes [isa to print and check]. */

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fastinit.h"

#define ELEMENTS 10019
#define ROWS 101
#define COLUMNS 99
/* Enough for non-temporal stores, and no whole number of tiles or lines. */
#define NONTEMPORAL_BYTES (((size_t)8 << 20) + 8 * 77)
#define KEYSTREAM_START 12345
#define KEYSTREAM_BYTES 100003

static const uint8_t key[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

struct distribution {
    const char *name;
    enum fastinit_distribution kind;
    double parameters[4];
};

static const struct distribution distributions[] = {
    {"constant(0.3)", FASTINIT_CONSTANT, {0.3}},
    {"uniform(-0.5,0.25)", FASTINIT_UNIFORM, {-0.5, 0.25}},
    {"normal(0,1)", FASTINIT_NORMAL, {0, 1}},
    {"normal(1.5,0.02)", FASTINIT_NORMAL, {1.5, 0.02}},
    {"truncated(0,1)[-2,2]", FASTINIT_TRUNCATED_NORMAL, {0, 1, -2, 2}},
    {"truncated(0,1)[-1,inf)", FASTINIT_TRUNCATED_NORMAL, {0, 1, -1, INFINITY}},
    {"truncated(0,1)[5,6]", FASTINIT_TRUNCATED_NORMAL, {0, 1, 5, 6}},
    {"truncated(0,1)(-inf,-3]", FASTINIT_TRUNCATED_NORMAL, {0, 1, -INFINITY, -3}},
    {"truncated(0,1)[-0.5,8]", FASTINIT_TRUNCATED_NORMAL, {0, 1, -0.5, 8}},
    {"truncated(0,1)[20,inf)", FASTINIT_TRUNCATED_NORMAL, {0, 1, 20, INFINITY}},
    {"truncated(0,1)[5,5.000001]", FASTINIT_TRUNCATED_NORMAL, {0, 1, 5, 5.000001}},
    {"truncated(0.3,0.02)[0.25,0.31]", FASTINIT_TRUNCATED_NORMAL, {0.3, 0.02, 0.25, 0.31}},
};

enum { DISTRIBUTIONS = sizeof distributions / sizeof *distributions };

/* The lines of one instruction set. */
struct report {
    int lines;
    char line[DISTRIBUTIONS * FASTINIT_DTYPES + 16][192];
};

static int failures;

static void fail(const char *what, const char *distribution, const char *dtype)
{
    fprintf(stderr, "%s: %s %s: %s\n", fastinit_isa(), distribution, dtype, what);
    failures++;
}

static void say(struct report *report, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report->line[report->lines++], sizeof *report->line, format, arguments);
    va_end(arguments);
}

static int is_big_endian(void)
{
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first == 0;
}

/* FNV-1a of the elements' little-endian bytes. */
static uint64_t hash(const uint8_t *data, size_t count, size_t size)
{
    const size_t flip = is_big_endian() ? size - 1 : 0;
    uint64_t sum = 0xcbf29ce484222325u;
    for (size_t i = 0; i < count * size; i++)
        sum = (sum ^ data[i ^ flip]) * 0x100000001b3u;
    return sum;
}

static size_t size_of(enum fastinit_dtype dtype)
{
    return (size_t)fastinit_dtype_size(dtype);
}

static fastinit_fill describe(const struct distribution *distribution, enum fastinit_dtype dtype,
                              void *data, uint64_t first, size_t count)
{
    fastinit_fill fill = {.data = data, .dtype = dtype, .dimensions = 1, .first = first};
    fill.shape[0] = (int64_t)count;
    fill.strides[0] = fastinit_dtype_size(dtype);
    fill.logical_strides[0] = 1;
    memcpy(fill.key, key, sizeof key);
    fill.distribution = distribution->kind;
    memcpy(fill.parameters, distribution->parameters, sizeof fill.parameters);
    return fill;
}

static void run(const fastinit_fill *fills, size_t count)
{
    fastinit_job *job = fastinit_job_new(fills, count);
    if (job == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }
    while (fastinit_job_work(job, 1))
        ;
    if (fastinit_job_done(job) != fastinit_job_total(job))
        fail("the job is not done", "any", fastinit_dtype_name(fills->dtype));
    fastinit_job_free(job);
}

static void run_orthogonal(const fastinit_orthogonal *matrices)
{
    const size_t bytes = fastinit_orthogonal_workspace(matrices, 2);
    void *workspace = aligned_alloc(64, (bytes + 63) / 64 * 64);
    fastinit_orthogonal_job *job = NULL;
    if (workspace != NULL)
        job = fastinit_orthogonal_job_new(matrices, 2, workspace);
    if (job == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }
    memset(workspace, 0xa5, bytes);
    while (fastinit_orthogonal_job_work(job, 0))
        ;
    if (fastinit_orthogonal_job_done(job) != fastinit_orthogonal_job_total(job))
        fail("the job is not done", "orthogonal", fastinit_dtype_name(matrices->dtype));
    fastinit_orthogonal_job_free(job);
    free(workspace);
}

/* Slices of odd lengths, at addresses that are not aligned. */
static int slices_agree(const struct distribution *distribution, enum fastinit_dtype dtype,
                        const uint8_t *whole)
{
    static const size_t starts[] = {0, 1, 32, 65, 194, 1195, 5292, ELEMENTS};
    enum { SLICES = sizeof starts / sizeof *starts - 1 };
    static uint8_t buffer[1 + ELEMENTS * 8];
    const size_t size = size_of(dtype);
    fastinit_fill fills[SLICES];
    memset(buffer, 0xa5, sizeof buffer);
    for (size_t i = 0; i < SLICES; i++)
        fills[i] = describe(distribution, dtype, buffer + 1 + starts[i] * size, starts[i],
                            starts[i + 1] - starts[i]);
    run(fills, SLICES);
    return memcmp(buffer + 1, whole, ELEMENTS * size) == 0;
}

static int reversed_view_agrees(const struct distribution *distribution, enum fastinit_dtype dtype,
                                const uint8_t *whole)
{
    static uint8_t buffer[ELEMENTS * 8];
    const size_t size = size_of(dtype);
    fastinit_fill fill = describe(distribution, dtype, buffer + (ELEMENTS - 1) * size, 0, ELEMENTS);
    fill.strides[0] = -fill.strides[0];
    memset(buffer, 0xa5, sizeof buffer);
    run(&fill, 1);
    for (size_t i = 0; i < ELEMENTS; i++)
        if (memcmp(buffer + (ELEMENTS - 1 - i) * size, whole + i * size, size) != 0)
            return 0;
    return 1;
}

static int transposed_view_agrees(const struct distribution *distribution,
                                  enum fastinit_dtype dtype, const uint8_t *whole)
{
    static uint8_t buffer[ROWS * COLUMNS * 8];
    const size_t size = size_of(dtype);
    fastinit_fill fill = describe(distribution, dtype, buffer, 0, ROWS);
    fill.dimensions = 2;
    fill.shape[1] = COLUMNS;
    fill.strides[1] = (int64_t)size * ROWS;
    fill.logical_strides[0] = COLUMNS;
    fill.logical_strides[1] = 1;
    memset(buffer, 0xa5, sizeof buffer);
    run(&fill, 1);
    for (size_t row = 0; row < ROWS; row++)
        for (size_t column = 0; column < COLUMNS; column++)
            if (memcmp(buffer + (column * ROWS + row) * size,
                       whole + (row * COLUMNS + column) * size, size) != 0)
                return 0;
    return 1;
}

static void report_fill(struct report *report, const struct distribution *distribution,
                        enum fastinit_dtype dtype)
{
    static uint8_t whole[ELEMENTS * 8];
    const char *name = fastinit_dtype_name(dtype);
    const fastinit_fill fill = describe(distribution, dtype, whole, 0, ELEMENTS);
    memset(whole, 0x5a, sizeof whole);
    run(&fill, 1);
    if (!slices_agree(distribution, dtype, whole))
        fail("slices differ from the whole", distribution->name, name);
    if (!reversed_view_agrees(distribution, dtype, whole))
        fail("a reversed view differs from the whole", distribution->name, name);
    if (!transposed_view_agrees(distribution, dtype, whole))
        fail("a transposed view differs from the whole", distribution->name, name);
    say(report, "%s %s %016" PRIx64, distribution->name, name,
        hash(whole, ELEMENTS, size_of(dtype)));
}

/* A non-temporal fill that starts within a tile and within a line, against smaller fills. */
static void report_nontemporal(struct report *report, enum fastinit_dtype dtype)
{
    static uint8_t whole[8 + NONTEMPORAL_BYTES], parts[NONTEMPORAL_BYTES];
    const struct distribution *distribution = &distributions[1];
    const size_t size = size_of(dtype), count = NONTEMPORAL_BYTES / size, half = count / 2 - 3;
    const uint64_t first = 5;
    const fastinit_fill fill = describe(distribution, dtype, whole + size, first, count);
    const fastinit_fill halves[2] = {
        describe(distribution, dtype, parts, first, half),
        describe(distribution, dtype, parts + half * size, first + half, count - half),
    };
    memset(whole, 0x5a, sizeof whole);
    memset(parts, 0xa5, sizeof parts);
    run(&fill, 1);
    run(halves, 2);
    if (memcmp(whole + size, parts, count * size) != 0)
        fail("a non-temporal fill differs from its parts", distribution->name,
             fastinit_dtype_name(dtype));
    for (size_t i = 0; i < sizeof whole; i += i + 1 == size ? count * size + 1 : 1)
        if (whole[i] != 0x5a)
            fail("wrote beside the target", distribution->name, fastinit_dtype_name(dtype));
    say(report, "nontemporal-%s %s %016" PRIx64, distribution->name, fastinit_dtype_name(dtype),
        hash(whole + size, count, size));
}

/* Two matrices, computed in calls of zero seconds, which leave panels unfinished; then the second
   alone, as its transpose. */
static void report_orthogonal(struct report *report, enum fastinit_dtype dtype, int64_t rows,
                              int64_t columns)
{
    enum { MOST = 130 * 65 };
    static uint8_t whole[2 * MOST * 8], second[MOST * 8];
    const size_t size = size_of(dtype), count = (size_t)(rows * columns);
    const int64_t item = (int64_t)size;
    fastinit_orthogonal matrices = {.data = whole, .dtype = dtype, .count = 2, .rows = rows};
    matrices.columns = columns;
    matrices.strides[0] = rows * columns * item;
    matrices.strides[1] = columns * item;
    matrices.strides[2] = item;
    matrices.gain = 1.5;
    memcpy(matrices.key, key, sizeof key);
    fastinit_orthogonal transposed = matrices;
    transposed.data = second;
    transposed.count = 1;
    transposed.first = 1;
    transposed.strides[1] = item;
    transposed.strides[2] = rows * item;
    run_orthogonal(&matrices);
    run_orthogonal(&transposed);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            if (memcmp(second + (j * rows + i) * item,
                       whole + (rows * columns + i * columns + j) * item, size) != 0) {
                fail("the transpose differs", "orthogonal", fastinit_dtype_name(dtype));
                return;
            }
    say(report, "orthogonal-2x%dx%d %s %016" PRIx64, (int)rows, (int)columns,
        fastinit_dtype_name(dtype), hash(whole, 2 * count, size));
}

static fastinit_fill describe_bits(uint8_t *out, uint64_t start, size_t count)
{
    static const struct distribution bits = {.kind = FASTINIT_BITS};
    return describe(&bits, FASTINIT_UINT8, out, start, count);
}

/* Bytes of the keystream, starting within a tile: at once (with non-temporal stores if they are
   many), and in pieces. */
static void report_bits(struct report *report, size_t count)
{
    static uint8_t whole[1 + NONTEMPORAL_BYTES], parts[NONTEMPORAL_BYTES];
    const size_t half = count / 2 - 3;
    const fastinit_fill all = describe_bits(whole + 1, KEYSTREAM_START, count);
    const fastinit_fill pieces[3] = {
        describe_bits(parts, KEYSTREAM_START, 777),
        describe_bits(parts + 777, KEYSTREAM_START + 777, half - 777),
        describe_bits(parts + half, KEYSTREAM_START + half, count - half),
    };
    memset(whole, 0x5a, sizeof whole);
    memset(parts, 0xa5, sizeof parts);
    run(&all, 1);
    run(pieces, 3);
    if (memcmp(whole + 1, parts, count) != 0)
        fail("parts differ from the whole", "keystream", "uint8");
    say(report, "keystream %zu-bytes-from-%d %016" PRIx64, count, KEYSTREAM_START,
        hash(whole + 1, count, 1));
}

static void report_keystream(struct report *report)
{
    static const uint8_t first[16] = {0xc6, 0xa1, 0x3b, 0x37, 0x87, 0x8f, 0x5b, 0x82,
                                      0x6f, 0x4f, 0x81, 0x62, 0xa1, 0xc8, 0xd8, 0x79};
    uint8_t bytes[64];
    char hex[2 * sizeof bytes + 1];
    const fastinit_fill fill = describe_bits(bytes, 0, sizeof bytes);
    run(&fill, 1);
    if (memcmp(bytes, first, sizeof first) != 0)
        fail("differs from AES-128 of a zero block", "keystream", "uint8");
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    say(report, "keystream first-64-bytes %s", hex);
    report_bits(report, KEYSTREAM_BYTES);
    report_bits(report, NONTEMPORAL_BYTES);
}

static void make_report(struct report *report)
{
    report->lines = 0;
    for (int i = 0; i < DISTRIBUTIONS; i++)
        for (int dtype = 0; dtype < FASTINIT_DTYPES; dtype++)
            report_fill(report, &distributions[i], (enum fastinit_dtype)dtype);
    report_nontemporal(report, FASTINIT_FLOAT64);
    report_nontemporal(report, FASTINIT_FLOAT32);
    for (int dtype = FASTINIT_FLOAT64; dtype <= FASTINIT_FLOAT32; dtype++) {
        report_orthogonal(report, (enum fastinit_dtype)dtype, 1, 1);
        report_orthogonal(report, (enum fastinit_dtype)dtype, 64, 64);
        report_orthogonal(report, (enum fastinit_dtype)dtype, 130, 65);
    }
    report_keystream(report);
}

int main(int count, char **arguments)
{
    static struct report reference, report;
    const char *wanted = count > 1 ? arguments[1] : NULL;
    int found = 0;
    for (size_t i = 0; i < fastinit_isa_count(); i++) {
        const char *isa = fastinit_isa_name(i);
        const int is_wanted = wanted == NULL || strcmp(isa, wanted) == 0;
        if (i > 0 && !is_wanted)
            continue;
        if (fastinit_choose_isa(isa) != 0) {
            fprintf(stderr, "%s is listed but cannot be chosen\n", isa);
            return 2;
        }
        make_report(&report);
        if (i == 0)
            reference = report;
        if (!is_wanted)
            continue;
        found = 1;
        for (int line = 0; line < report.lines; line++) {
            printf("%s %s\n", isa, report.line[line]);
            if (strcmp(report.line[line], reference.line[line]) != 0)
                fail("differs from portable", report.line[line], "");
        }
    }
    if (!found) {
        fprintf(stderr, "%s is not available here\n", wanted);
        return 2;
    }
    return failures != 0;
}
