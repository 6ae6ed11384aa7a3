/* A list of fills as work units: consecutive boxes make a unit, and threads take units from one
   counter. */

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "aes.h"
#include "boxes.h"
#include "internal.h"

/* Jobs of at least this size use non-temporal stores, except for their shortest fills.
   tests/c/fuzz lowers it. */
#ifndef NONTEMPORAL_JOB_BYTES
#define NONTEMPORAL_JOB_BYTES ((int64_t)4 << 20)
#endif
#define NONTEMPORAL_FILL_BYTES ((int64_t)64 << 10)
/* Smallest box for which we call mincore to detect untouched memory. */
#define PROBE_BYTES (256 * 1024)

/* A fill with everything decided that does not depend on the box. */
struct prepared_fill {
    const struct kernels *kernels;
    fill_function *fill;
    struct parameters parameters;
    struct boxes boxes;
    int nontemporal;
};

struct fastinit_job { /* its arrays follow it in memory */
    atomic_ullong next_unit, done;
    atomic_int cancelled;
    uint64_t total;
    size_t count;
    uint64_t *first_unit; /* of each fill, and one past the last */
    struct prepared_fill *fills;
};

const char *fastinit_dtype_name(enum fastinit_dtype dtype)
{
    return formats[dtype].name;
}

int fastinit_dtype_size(enum fastinit_dtype dtype)
{
    return (int)formats[dtype].bytes;
}

static int64_t bytes_of(const struct boxes *boxes)
{
    return boxes->elements * (int64_t)boxes->item_size;
}

/* Asks for huge pages if the target is untouched in its middle. */
static void advise_huge_pages(const struct boxes *boxes)
{
    unsigned char *start = boxes->data;
    size_t bytes = boxes->item_size;
    for (int axis = 0; axis < boxes->dimensions; axis++) {
        const int64_t reach = boxes->strides[axis] * (boxes->shape[axis] - 1);
        bytes += (size_t)magnitude(reach);
        if (reach < 0)
            start += reach;
    }
    if (memory_is_untouched(start + bytes / 2))
        memory_advise_huge_pages(start, bytes);
}

/* METHOD_TRUNCATED is slow: its work units are shorter, so that Ctrl-C is answered as soon. */
static int64_t work_unit_bytes(enum method method)
{
    return method == METHOD_TRUNCATED ? WORK_UNIT_BYTES / 16 : WORK_UNIT_BYTES;
}

static void prepare(const fastinit_fill *fill, struct prepared_fill *prepared)
{
    const enum method method = prepare_parameters(fill->distribution, fill->dtype, fill->parameters,
                                                  &prepared->parameters);
    prepared->kernels = active_kernels();
    prepared->fill = prepared->kernels->fill[method][prepared->parameters.format];
    prepared->nontemporal = 0;
    aes_expand_key(fill->key, prepared->parameters.round_keys);
    cut_into_boxes(fill, work_unit_bytes(method), &prepared->boxes);
}

fastinit_job *fastinit_job_new(const fastinit_fill *fills, size_t count)
{
    fastinit_job *job =
        malloc(sizeof *job + count * sizeof *job->fills + (count + 1) * sizeof *job->first_unit);
    if (job == NULL)
        return NULL;
    atomic_init(&job->next_unit, 0);
    atomic_init(&job->done, 0);
    atomic_init(&job->cancelled, 0);
    job->total = 0;
    job->count = count;
    job->fills = (struct prepared_fill *)(job + 1);
    job->first_unit = (uint64_t *)(job->fills + count);
    job->first_unit[0] = 0;
    int64_t bytes = 0;
    fastinit_environment caller;
    fastinit_environment_begin(&caller);
    for (size_t i = 0; i < count; i++) {
        prepare(&fills[i], &job->fills[i]);
        const struct boxes *boxes = &job->fills[i].boxes;
        job->total += (uint64_t)boxes->elements;
        bytes += bytes_of(boxes);
        job->first_unit[i + 1] =
            job->first_unit[i] + (uint64_t)divide_up(boxes->count, boxes->per_work_unit);
    }
    for (size_t i = 0; bytes >= NONTEMPORAL_JOB_BYTES && i < count; i++) {
        const struct boxes *boxes = &job->fills[i].boxes;
        job->fills[i].nontemporal = bytes_of(boxes) >= NONTEMPORAL_FILL_BYTES;
        if (bytes_of(boxes) >= NONTEMPORAL_JOB_BYTES)
            advise_huge_pages(boxes);
    }
    fastinit_environment_end(&caller);
    return job;
}

void fastinit_job_free(fastinit_job *job)
{
    free(job);
}

/* Returns the number of elements that it wrote. */
static int64_t fill_box(const struct prepared_fill *fill, int64_t number, unsigned char *scratch)
{
    struct box box;
    find_box(&fill->boxes, number, &box);
    if (fill->boxes.is_direct) {
        /* A page that is touched now has just been cleared, and its lines are in the caches. */
        const size_t bytes = (size_t)box.elements * fill->boxes.item_size;
        const int untouched =
            fill->nontemporal && bytes >= PROBE_BYTES && memory_is_untouched(box.data);
        if (untouched)
            memory_populate(box.data, bytes);
        fill->fill(&fill->parameters, box.first, (size_t)box.elements, box.data,
                   fill->nontemporal && !untouched);
    } else {
        fill_scattered(&fill->boxes, &box, fill->fill, &fill->parameters, fill->kernels,
                       fill->nontemporal, scratch);
    }
    return box.elements;
}

/* Returns the number of the fill to which a work unit belongs: the last whose first unit is not
   after it. */
static size_t find_fill(const fastinit_job *job, uint64_t unit)
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

/* Returns the number of elements that it wrote. */
static int64_t do_work_unit(const fastinit_job *job, uint64_t unit, unsigned char *scratch)
{
    const size_t i = find_fill(job, unit);
    const struct boxes *boxes = &job->fills[i].boxes;
    const int64_t first = (int64_t)(unit - job->first_unit[i]) * boxes->per_work_unit;
    const int64_t end = smaller(first + boxes->per_work_unit, boxes->count);
    int64_t elements = 0;
    for (int64_t number = first; number < end; number++)
        elements += fill_box(&job->fills[i], number, scratch);
    return elements;
}

int fastinit_job_work(fastinit_job *job, double seconds)
{
    _Alignas(LINE) unsigned char scratch[SCRATCH_BYTES];
    const uint64_t units = job->first_unit[job->count];
    fastinit_environment caller;
    fastinit_environment_begin(&caller);
    const double end = seconds < INFINITY ? monotonic_seconds() + seconds : seconds;
    int left;
    do {
        const int is_cancelled = atomic_load_explicit(&job->cancelled, memory_order_relaxed);
        const uint64_t unit =
            is_cancelled ? units
                         : atomic_fetch_add_explicit(&job->next_unit, 1, memory_order_relaxed);
        left = unit < units;
        if (!left)
            break;
        const int64_t elements = do_work_unit(job, unit, scratch);
        atomic_fetch_add_explicit(&job->done, (uint64_t)elements, memory_order_relaxed);
    } while (end == INFINITY || monotonic_seconds() < end);
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
