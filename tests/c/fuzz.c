/* Compares random fills with the plainest path: element by element, from a tile that the portable
   kernels made alone. libFuzzer drives it (tests/c/fuzz). The build lowers thresholds, so that
   small targets take the paths of large ones. */

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fastinit.h"

#define TILE 32
#define MOST_AXES 5
#define MOST_FILLS 3
/* Most targets are small; some are several boxes of 16 KiB. */
#define MOST_ELEMENTS 2000
#define MOST_ELEMENTS_SELDOM 20000
#define MOST_BYTES ((int64_t)1 << 18)
#define POISON 0xa5

struct input {
    const uint8_t *next, *end;
};

static uint64_t take(struct input *input, int bytes)
{
    uint64_t value = 0;
    for (; bytes > 0; bytes--)
        value = value << 8 | (input->next < input->end ? *input->next++ : 0);
    return value;
}

static int64_t take_below(struct input *input, int64_t limit)
{
    return (int64_t)(take(input, 2) % (uint64_t)limit);
}

static double take_finite(struct input *input)
{
    static const double plain[] = {0,    -0.0, 1,    -1,    2,     -2,    0.02,  0.5,
                                   1e-3, 5,    1e-6, 1e-38, 1e-45, 1e300, -3.05, 6.77};
    const uint64_t choice = take(input, 1);
    if (choice % 4 != 0)
        return plain[choice / 4 % (sizeof plain / sizeof *plain)];
    const uint64_t bits = take(input, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    return isfinite(value) ? value : 0;
}

/* Parameters as fastinit.h demands them; bits have a dtype of their own. */
static void take_distribution(struct input *input, fastinit_fill *fill)
{
#define LARGEST(NAME, name, COMPUTATION, bytes, mantissa_bits, bias, largest, ...) largest,
    static const double largest[] = {FASTINIT_FLOATS(LARGEST)};
    double *const p = fill->parameters;
    const uint64_t choice = take(input, 2);
    if (choice >= 0xe000) {
        fill->distribution = FASTINIT_BITS;
        fill->dtype = FASTINIT_UINT8;
        return;
    }
    fill->distribution = (enum fastinit_distribution)(choice % 4);
    for (int i = 0; i < 4; i++)
        p[i] = take_finite(input);
    double *const bounds = fill->distribution == FASTINIT_UNIFORM ? p : p + 2;
    if (bounds[0] > bounds[1]) {
        const double low = bounds[1];
        bounds[1] = bounds[0];
        bounds[0] = low;
    }
    if (fill->distribution == FASTINIT_UNIFORM || fill->distribution == FASTINIT_CONSTANT) {
        const double most = largest[fill->dtype];
        for (int i = 0; i < 2; i++)
            p[i] = fmax(-most, fmin(most, p[i]));
        return;
    }
    p[1] = fabs(p[1]);
    const uint64_t open = take(input, 1);
    if (fill->distribution == FASTINIT_TRUNCATED_NORMAL && open % 8 == 0)
        p[2] = -INFINITY;
    if (fill->distribution == FASTINIT_TRUNCATED_NORMAL && open / 8 % 8 == 0)
        p[3] = INFINITY;
}

/* A target: its memory, exactly as long as it must be, and the fill of it. */
struct target {
    fastinit_fill fill;
    int64_t bytes, elements;
    unsigned char *memory;
};

static int take_target(struct input *input, struct target *target)
{
    fastinit_fill *const fill = &target->fill;
    memset(fill, 0, sizeof *fill);
    fill->dtype = (enum fastinit_dtype)take_below(input, FASTINIT_DTYPES);
    take_distribution(input, fill);
    const int64_t size = fastinit_dtype_size(fill->dtype);
    for (int i = 0; i < 16; i++)
        fill->key[i] = (uint8_t)take(input, 1);
    fill->first = take(input, (int)take_below(input, 8));
    fill->dimensions = (int)take_below(input, MOST_AXES + 1);
    target->elements = 1;
    const int64_t limit = take(input, 1) % 8 == 0 ? MOST_ELEMENTS_SELDOM : MOST_ELEMENTS;
    int64_t step = 1;
    int order[MOST_AXES];
    for (int axis = fill->dimensions - 1; axis >= 0; axis--) {
        const uint64_t kind = take(input, 1);
        const int64_t most = limit / (target->elements ? target->elements : 1);
        int64_t n = 1 + take_below(input, kind % 4 == 0 ? 3 : kind % 4 == 1 ? 40 : limit);
        if (kind == 255)
            n = 0;
        fill->shape[axis] = n < most ? n : most;
        target->elements *= fill->shape[axis];
        /* Slices of the logical tensor, by steps; 0 repeats it along an axis. */
        const int64_t by = kind / 4 % 4 == 0 ? 1 + take_below(input, 40) : kind != 254;
        fill->logical_strides[axis] = step * by;
        step *= fill->shape[axis] * by + (kind / 16 % 4 == 0 ? take_below(input, 70) : 0);
        if (step < 1)
            step = 1;
        const int other = (int)take_below(input, fill->dimensions - axis);
        order[fill->dimensions - 1 - axis] = order[other];
        order[other] = axis;
    }
    /* Strides: the axes in some order, each wide enough for those before, gaps, either sign. */
    int64_t stride = size, start = take_below(input, 130);
    target->bytes = start;
    int64_t first = start, reach = size;
    for (int i = 0; i < fill->dimensions; i++) {
        const int axis = order[i];
        const uint64_t kind = take(input, 1);
        if (kind % 4 == 0)
            stride += take_below(input, 300);
        else if (kind % 4 == 1)
            stride += size * take_below(input, 5);
        const int64_t n = fill->shape[axis];
        const int64_t span = n > 0 ? stride * (n - 1) : 0;
        fill->strides[axis] = kind / 4 % 4 == 0 ? -stride : stride;
        if (fill->strides[axis] < 0)
            first += span;
        reach += span;
        stride *= n > 0 ? n : 1;
        if (stride > MOST_BYTES)
            return 0;
    }
    target->bytes = start + reach;
    if (target->elements == 0)
        target->bytes = start;
    if (target->bytes > MOST_BYTES)
        return 0;
    target->memory = malloc((size_t)target->bytes + 1);
    memset(target->memory, POISON, (size_t)target->bytes);
    fill->data = target->memory + (target->elements ? first : 0);
    return 1;
}

/* An element by itself, from the tile that holds it. */
struct oracle {
    fastinit_fill fill;
    uint64_t tile;
    int has_tile;
    unsigned char values[TILE * 8];
};

static void work(const fastinit_fill *fills, size_t count)
{
    fastinit_job *job = fastinit_job_new(fills, count);
    if (job == NULL)
        abort();
    while (fastinit_job_work(job, 1))
        ;
    if (fastinit_job_done(job) != fastinit_job_total(job)) {
        fprintf(stderr, "the job is not done\n");
        abort();
    }
    fastinit_job_free(job);
}

static const unsigned char *value_at(struct oracle *oracle, uint64_t logical)
{
    const int64_t size = fastinit_dtype_size(oracle->fill.dtype);
    if (!oracle->has_tile || oracle->tile != logical / TILE) {
        oracle->has_tile = 1;
        oracle->tile = logical / TILE;
        oracle->fill.first = oracle->tile * TILE;
        oracle->fill.data = oracle->values;
        oracle->fill.dimensions = 1;
        oracle->fill.shape[0] = TILE;
        oracle->fill.strides[0] = size;
        oracle->fill.logical_strides[0] = 1;
        work(&oracle->fill, 1);
    }
    return oracle->values + logical % TILE * (uint64_t)size;
}

static void check(const struct target *target, const char *isa)
{
    const fastinit_fill *const fill = &target->fill;
    const int64_t size = fastinit_dtype_size(fill->dtype);
    static unsigned char is_target[MOST_BYTES];
    static struct oracle oracle;
    memset(is_target, 0, (size_t)target->bytes);
    oracle.fill = *fill;
    oracle.has_tile = 0;
    for (int64_t i = 0; i < target->elements; i++) {
        uint64_t logical = fill->first;
        const unsigned char *at = fill->data;
        int64_t rest = i;
        for (int axis = fill->dimensions - 1; axis >= 0; axis--) {
            const int64_t index = rest % fill->shape[axis];
            rest /= fill->shape[axis];
            logical += (uint64_t)(index * fill->logical_strides[axis]);
            at += index * fill->strides[axis];
        }
        memset(is_target + (at - target->memory), 1, (size_t)size);
        if (memcmp(at, value_at(&oracle, logical), (size_t)size) != 0) {
            fprintf(stderr, "%s: element %" PRId64 " (logical %" PRIu64 ") differs\n", isa, i,
                    logical);
            abort();
        }
    }
    for (int64_t i = 0; i < target->bytes; i++)
        if (!is_target[i] && target->memory[i] != POISON) {
            fprintf(stderr, "%s: byte %" PRId64 " beside the target was written\n", isa, i);
            abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count)
{
    static struct target targets[MOST_FILLS];
    static fastinit_fill fills[MOST_FILLS];
    struct input input = {data, data + count};
    const char *isa = fastinit_isa_name((size_t)take_below(&input, (int64_t)fastinit_isa_count()));
    size_t filled = 0;
    do {
        if (take_target(&input, &targets[filled])) {
            fills[filled] = targets[filled].fill;
            filled++;
        }
    } while (input.next < input.end && filled < MOST_FILLS);
    fastinit_choose_isa(isa);
    work(fills, filled);
    fastinit_choose_isa("portable");
    for (size_t i = 0; i < filled; i++) {
        check(&targets[i], isa);
        free(targets[i].memory);
    }
    return 0;
}
