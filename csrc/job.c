/* A list of fills as units of work. Every fill is cut into boxes by position alone; consecutive
   boxes make a unit; threads take units from one counter. */

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "aes.h"
#include "internal.h"

/* A unit is about this many bytes, some 50 to 200 us of work; in long runs it is a huge page, which
   two threads should not touch first. */
#ifndef UNIT_BYTES
#define UNIT_BYTES ((int64_t)2 << 20)
#endif
/* What is written goes past the caches where a job is larger than this, but for its shortest fills.
 */
#ifndef STREAM_BYTES
#define STREAM_BYTES ((int64_t)4 << 20)
#endif
#define SHORT_STREAM_BYTES ((int64_t)64 << 10)
/* The scratch of a thread, for targets that are not runs of memory. */
#define SCRATCH_BYTES (32 * 1024)
/* Of which so much waits to leave past the caches. */
#define STAGE_BYTES (8 * 1024)
/* Whether memory is new is asked of the system for no less than this. */
#define PROBE_BYTES (256 * 1024)
/* Shorter runs than this are not worth a kernel call each, if scratch can take several in one. */
#define SHORT_RUN 256

struct plan {
    const struct kernels *kernels;
    fill_function *fill;
    struct parameters parameters;
    unsigned char *data;
    uint64_t first;
    int dimensions;
    int64_t shape[FASTINIT_MAX_DIMENSIONS];
    int64_t stride[FASTINIT_MAX_DIMENSIONS]; /* bytes */
    int64_t step[FASTINIT_MAX_DIMENSIONS];   /* logical elements */
    int64_t extent[FASTINIT_MAX_DIMENSIONS]; /* of a box */
    int order[FASTINIT_MAX_DIMENSIONS];      /* axes, the smallest stride first */
    int64_t lead; /* elements of the first line of memory that are not the target's */
    int64_t elements, boxes, boxes_per_unit;
    size_t size;
    int direct, stream;
};

struct fastinit_job { /* followed by its arrays */
    atomic_ullong next, done;
    atomic_int cancelled;
    uint64_t total;
    size_t count;
    uint64_t *first_unit; /* of each plan, and one past the last */
    struct plan *plans;
};

int fastinit_dtype_size(enum fastinit_dtype dtype)
{
    return (int)format_size(dtype);
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t distance(int64_t stride)
{
    return stride < 0 ? -stride : stride;
}

static int64_t blocks(int64_t n, int64_t block)
{
    return n / block + (n % block != 0);
}

/* Axes of length one go; neighbours that are one longer axis, in memory and in the logical tensor,
   are joined. */
static void simplify(struct plan *plan)
{
    int kept = 0;
    for (int axis = 0; axis < plan->dimensions; axis++) {
        const int64_t n = plan->shape[axis], stride = plan->stride[axis], step = plan->step[axis];
        if (n == 1)
            continue;
        if (kept > 0 && plan->stride[kept - 1] == stride * n && plan->step[kept - 1] == step * n) {
            plan->shape[kept - 1] *= n;
        } else {
            plan->shape[kept] = n;
            kept++;
        }
        plan->stride[kept - 1] = stride;
        plan->step[kept - 1] = step;
    }
    if (kept == 0) {
        plan->shape[0] = 1;
        plan->stride[0] = (int64_t)plan->size;
        plan->step[0] = 1;
        kept = 1;
    }
    plan->dimensions = kept;
}

static void sort_by_stride(struct plan *plan)
{
    int *const order = plan->order;
    for (int i = 0; i < plan->dimensions; i++) {
        int j = i;
        for (; j > 0 && distance(plan->stride[order[j - 1]]) >= distance(plan->stride[i]); j--)
            order[j] = order[j - 1];
        order[j] = i;
    }
}

/* Lengthens the box along `axis` until it has `wanted` elements, as far as the axis goes. */
static int64_t grow(struct plan *plan, int axis, int64_t elements, int64_t wanted)
{
    const int64_t others = elements / plan->extent[axis];
    const int64_t extent = smaller(plan->shape[axis], blocks(wanted, others));
    if (extent > plan->extent[axis])
        plan->extent[axis] = extent;
    return others * plan->extent[axis];
}

/* The lanes of scratch that a logical step of the last axis takes: runs are made whole and picked
   from, but where less than a tile's 32nd would be picked. */
static int64_t scratch_step(const struct plan *plan)
{
    const int64_t step = plan->step[plan->dimensions - 1];
    return step > 0 && step <= TILE ? step : 1;
}

/* Boxes that are whole lines of memory begin with one, those that are huge pages likewise. */
static int64_t find_lead(const struct plan *plan)
{
    const int inner = plan->order[0];
    const int64_t stride = plan->stride[inner], size = (int64_t)plan->size;
    const int64_t bytes = plan->extent[inner] * size;
    if (distance(stride) != size || bytes % LINE != 0)
        return 0;
    const uint64_t unit = bytes == UNIT_BYTES ? (uint64_t)UNIT_BYTES : LINE;
    const uint64_t start = (uintptr_t)plan->data;
    return (int64_t)((stride < 0 ? -(start + plan->size) : start) % unit / plan->size);
}

/* How many boxes there are along axis order[i]. */
static int64_t count_boxes(const struct plan *plan, int i)
{
    const int axis = plan->order[i];
    return blocks(plan->shape[axis] + (i == 0 ? plan->lead : 0), plan->extent[axis]);
}

static void choose_boxes(struct plan *plan, int64_t unit_bytes)
{
    const int last = plan->dimensions - 1;
    for (int axis = 0; axis <= last; axis++)
        plan->extent[axis] = 1;
    const int64_t unit = unit_bytes / (int64_t)plan->size;
    const int is_run = plan->stride[last] == (int64_t)plan->size && plan->step[last] == 1;
    const int run_continues = last > 0 && plan->step[last - 1] == plan->shape[last];
    plan->direct = is_run && !(run_continues && plan->shape[last] < SHORT_RUN);
    int64_t elements = 1;
    if (plan->direct) {
        elements = grow(plan, last, elements, unit);
    } else {
        /* Long enough runs to generate, long enough runs to write, then whatever scratch takes. */
        const int64_t capacity = SCRATCH_BYTES / (int64_t)plan->size / scratch_step(plan);
        const int64_t run = smaller(4 * TILE, capacity / 2), line = 64;
        const int *const order = plan->order;
        for (int axis = last; axis >= 0 && elements < run; axis--)
            elements = grow(plan, axis, elements, run);
        int64_t written = 1;
        for (int i = 0; i <= last && written < line; i++) {
            const int axis = order[i];
            const int64_t others = elements / plan->extent[axis];
            const int64_t wanted = smaller(blocks(line, written) * others, capacity / 2);
            elements = grow(plan, axis, elements, wanted);
            written *= plan->extent[axis];
        }
        for (int axis = last; axis >= 0 && elements <= capacity / 2; axis--)
            elements = grow(plan, axis, elements, capacity / 2);
    }
    plan->lead = find_lead(plan);
    plan->boxes = 1;
    for (int i = 0; i <= last; i++)
        plan->boxes *= count_boxes(plan, i);
    plan->boxes_per_unit = blocks(unit, elements);
}

/* Huge pages for memory that is new. */
static void advise(const struct plan *plan)
{
    unsigned char *start = plan->data;
    size_t bytes = plan->size;
    for (int axis = 0; axis < plan->dimensions; axis++) {
        const int64_t reach = plan->stride[axis] * (plan->shape[axis] - 1);
        bytes += (size_t)distance(reach);
        if (reach < 0)
            start += reach;
    }
    if (memory_is_untouched(start + bytes / 2))
        memory_advise_huge_pages(start, bytes);
}

static void make_plan(const fastinit_fill *fill, struct plan *plan)
{
    plan->kernels = active_kernels();
    plan->stream = 0;
    const enum method method =
        prepare_parameters(fill->distribution, fill->dtype, fill->parameters, &plan->parameters);
    plan->fill = plan->kernels->fill[method][plan->parameters.format];
    aes_expand_key(fill->key, plan->parameters.round_keys);
    plan->data = fill->data;
    plan->first = fill->first;
    plan->size = format_size(fill->dtype);
    plan->dimensions = fill->dimensions;
    plan->elements = 1;
    for (int axis = 0; axis < fill->dimensions; axis++) {
        plan->shape[axis] = fill->shape[axis];
        plan->stride[axis] = fill->stride[axis];
        plan->step[axis] = fill->step[axis];
        plan->elements *= fill->shape[axis];
    }
    if (plan->elements == 0) {
        plan->boxes = 0;
        plan->boxes_per_unit = 1;
        return;
    }
    simplify(plan);
    sort_by_stride(plan);
    /* The slow method's units are shorter, for Ctrl-C's sake. */
    choose_boxes(plan, method == METHOD_TRUNCATED ? UNIT_BYTES / 16 : UNIT_BYTES);
}

fastinit_job *fastinit_job_new(const fastinit_fill *fills, size_t count)
{
    fastinit_job *job =
        malloc(sizeof *job + count * sizeof *job->plans + (count + 1) * sizeof *job->first_unit);
    if (job == NULL)
        return NULL;
    atomic_init(&job->next, 0);
    atomic_init(&job->done, 0);
    atomic_init(&job->cancelled, 0);
    job->total = 0;
    int64_t bytes = 0;
    job->plans = (struct plan *)(job + 1);
    job->first_unit = (uint64_t *)(job->plans + count);
    job->first_unit[0] = 0;
    fastinit_environment caller;
    fastinit_environment_begin(&caller);
    job->count = count;
    for (size_t i = 0; i < count; i++) {
        struct plan *plan = &job->plans[i];
        make_plan(&fills[i], plan);
        job->total += (uint64_t)plan->elements;
        bytes += plan->elements * (int64_t)plan->size;
        job->first_unit[i + 1] =
            job->first_unit[i] + (uint64_t)blocks(plan->boxes, plan->boxes_per_unit);
    }
    for (size_t i = 0; bytes >= STREAM_BYTES && i < count; i++) {
        struct plan *plan = &job->plans[i];
        plan->stream = plan->elements * (int64_t)plan->size >= SHORT_STREAM_BYTES;
        if (plan->elements * (int64_t)plan->size >= STREAM_BYTES)
            advise(plan);
    }
    fastinit_environment_end(&caller);
    return job;
}

void fastinit_job_free(fastinit_job *job)
{
    free(job);
}

/* The box with the given number, counted along memory: where it starts and how far it goes. Returns
   its elements. */
static int64_t locate(const struct plan *plan, int64_t box, int64_t start[], int64_t extent[])
{
    int64_t elements = 1;
    for (int i = 0; i < plan->dimensions; i++) {
        const int axis = plan->order[i];
        const int64_t count = count_boxes(plan, i), lead = i == 0 ? plan->lead : 0;
        const int64_t first = box % count * plan->extent[axis] - lead;
        start[axis] = first > 0 ? first : 0;
        extent[axis] = smaller(first + plan->extent[axis], plan->shape[axis]) - start[axis];
        box /= count;
        elements *= extent[axis];
    }
    return elements;
}

/* Advances `index` in row-major order over the axes before `axes`; returns 0 after the last. */
static int advance(int64_t index[], const int64_t extent[], int axes)
{
    for (int axis = axes - 1; axis >= 0; axis--) {
        if (++index[axis] < extent[axis])
            return 1;
        index[axis] = 0;
    }
    return 0;
}

/* Makes the values of a box in scratch, in row-major order, by runs that are as long as the logical
   tensor allows; sets the strides (bytes) of the box in scratch. */
static void generate(const struct plan *plan, uint64_t first, const int64_t extent[],
                     unsigned char *scratch, int64_t scratch_stride[])
{
    const int last = plan->dimensions - 1;
    const int64_t pick = scratch_step(plan), step = plan->step[last];
    int64_t run = step == pick ? (extent[last] - 1) * pick + 1 : 1;
    int outer = step == pick ? last : last + 1;
    if (pick == 1)
        for (; outer > 0 && plan->step[outer - 1] == run; outer--)
            run *= extent[outer - 1];
    int64_t stride = (int64_t)plan->size * pick;
    for (int axis = last; axis >= 0; axis--) {
        scratch_stride[axis] = stride;
        stride *= extent[axis];
    }
    const int64_t run_stride = outer > 0 ? scratch_stride[outer - 1] : stride;
    int64_t index[FASTINIT_MAX_DIMENSIONS + 1] = {0};
    do {
        uint64_t logical = first;
        for (int axis = 0; axis < outer; axis++)
            logical += (uint64_t)(index[axis] * plan->step[axis]);
        plan->fill(&plan->parameters, logical, (size_t)run, scratch, 0);
        scratch += run_stride;
    } while (advance(index, extent, outer));
}

static void copy_run(unsigned char *out, int64_t out_stride, const unsigned char *in,
                     int64_t in_stride, int64_t count, size_t size)
{
#define COPY(size)                                                                                 \
    for (int64_t i = 0; i < count; i++)                                                            \
    memcpy(out + i * out_stride, in + i * in_stride, size)
    if (size == 8)
        COPY(8);
    else if (size == 4)
        COPY(4);
    else if (size == 2)
        COPY(2);
    else
        COPY(1);
#undef COPY
}

/* Copies a matrix of a box, whose rows are neighbours in scratch, to columns that are neighbours in
   the target. What goes past the caches is made in a stage, in rows that lie within a line as they
   do in the target: a line must not be read while the stores to it are still under way. */
static void scatter_matrix(const struct plan *plan, unsigned char *out, int64_t out_stride,
                           const unsigned char *in, int64_t in_stride, int64_t rows,
                           int64_t columns)
{
    if (!plan->stream) {
        transpose(out, out_stride, in, in_stride, rows, columns, plan->size);
        return;
    }
    _Alignas(LINE) unsigned char stage[STAGE_BYTES];
    const int64_t size = (int64_t)plan->size, most_rows = STAGE_BYTES / 4 / size;
    for (; rows > 0; rows -= most_rows, in += most_rows * in_stride, out += most_rows * size) {
        const int64_t bytes = smaller(rows, most_rows) * size;
        const int64_t pitch = blocks(bytes, LINE) * LINE + (int64_t)((uint64_t)out_stride % LINE);
        const int64_t most = (STAGE_BYTES - LINE - bytes) / pitch + 1;
        for (int64_t column = 0; column < columns; column += most) {
            const int64_t now = smaller(most, columns - column);
            unsigned char *const target = out + column * out_stride;
            unsigned char *const staged = stage + (uintptr_t)target % LINE;
            transpose(staged, pitch, in + column * size, in_stride, bytes / size, now, plan->size);
            for (int64_t i = 0; i < now; i++)
                plan->kernels->stream(target + i * out_stride, staged + i * pitch, (size_t)bytes);
        }
    }
}

/* Copies a box, in the order of the target's memory. */
static void scatter(const struct plan *plan, unsigned char *out, const int64_t extent[],
                    const unsigned char *scratch, const int64_t scratch_stride[])
{
    const int inner = plan->order[0], last = plan->dimensions - 1;
    int64_t stride = plan->stride[inner], in_stride = scratch_stride[inner];
    if (stride < 0) {
        out += stride * (extent[inner] - 1);
        scratch += in_stride * (extent[inner] - 1);
        stride = -stride;
        in_stride = -in_stride;
    }
    const int is_matrix = inner != last && stride == (int64_t)plan->size &&
                          scratch_stride[last] == (int64_t)plan->size;
    int64_t outer_extent[FASTINIT_MAX_DIMENSIONS], index[FASTINIT_MAX_DIMENSIONS] = {0};
    int outer[FASTINIT_MAX_DIMENSIONS], axes = 0;
    for (int i = last; i > 0; i--) {
        const int axis = plan->order[i];
        if (is_matrix && axis == last)
            continue;
        outer[axes] = axis;
        outer_extent[axes++] = extent[axis];
    }
    do {
        unsigned char *to = out;
        const unsigned char *from = scratch;
        for (int i = 0; i < axes; i++) {
            to += index[i] * plan->stride[outer[i]];
            from += index[i] * scratch_stride[outer[i]];
        }
        if (is_matrix)
            scatter_matrix(plan, to, plan->stride[last], from, in_stride, extent[inner],
                           extent[last]);
        else
            copy_run(to, stride, from, in_stride, extent[inner], plan->size);
    } while (advance(index, outer_extent, axes));
    plan->kernels->stream_end();
}

static int64_t fill_box(const struct plan *plan, int64_t box, unsigned char *scratch)
{
    int64_t start[FASTINIT_MAX_DIMENSIONS], extent[FASTINIT_MAX_DIMENSIONS];
    const int64_t elements = locate(plan, box, start, extent);
    uint64_t first = plan->first;
    unsigned char *out = plan->data;
    for (int axis = 0; axis < plan->dimensions; axis++) {
        first += (uint64_t)(start[axis] * plan->step[axis]);
        out += start[axis] * plan->stride[axis];
    }
    if (plan->direct) {
        /* A page that is touched now has just been cleared, and its lines are in the caches. */
        const size_t bytes = (size_t)elements * plan->size;
        const int untouched = plan->stream && bytes >= PROBE_BYTES && memory_is_untouched(out);
        if (untouched)
            memory_populate(out, bytes);
        plan->fill(&plan->parameters, first, (size_t)elements, out, plan->stream && !untouched);
    } else {
        int64_t scratch_stride[FASTINIT_MAX_DIMENSIONS];
        generate(plan, first, extent, scratch, scratch_stride);
        scatter(plan, out, extent, scratch, scratch_stride);
    }
    return elements;
}

/* The plan that a unit belongs to: the last whose first unit is not after it. */
static size_t find_plan(const fastinit_job *job, uint64_t unit)
{
    size_t low = 0, high = job->count;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (job->first_unit[middle] <= unit)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int fastinit_job_work(fastinit_job *job, double seconds)
{
    _Alignas(64) unsigned char scratch[SCRATCH_BYTES];
    const uint64_t units = job->first_unit[job->count];
    int left = 1;
    fastinit_environment caller;
    fastinit_environment_begin(&caller);
    const double end = seconds < INFINITY ? now() + seconds : seconds;
    do {
        const uint64_t unit = atomic_load_explicit(&job->cancelled, memory_order_relaxed)
                                  ? units
                                  : atomic_fetch_add_explicit(&job->next, 1, memory_order_relaxed);
        left = unit < units;
        if (!left)
            break;
        const size_t i = find_plan(job, unit);
        const struct plan *plan = &job->plans[i];
        const int64_t first = (int64_t)(unit - job->first_unit[i]) * plan->boxes_per_unit;
        const int64_t last = smaller(first + plan->boxes_per_unit, plan->boxes);
        int64_t elements = 0;
        for (int64_t box = first; box < last; box++)
            elements += fill_box(plan, box, scratch);
        atomic_fetch_add_explicit(&job->done, (uint64_t)elements, memory_order_relaxed);
    } while (end == INFINITY || now() < end);
    fastinit_environment_end(&caller);
    return left;
}

void fastinit_job_cancel(fastinit_job *job)
{
    atomic_store_explicit(&job->cancelled, 1, memory_order_relaxed);
}

uint64_t fastinit_job_done(const fastinit_job *job)
{
    return atomic_load_explicit(&job->done, memory_order_relaxed);
}

uint64_t fastinit_job_total(const fastinit_job *job)
{
    return job->total;
}
