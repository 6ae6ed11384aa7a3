/* Orthogonal matrices as work units: first one unit per block reflector, made of normal values,
   then one per panel of the result, to which the block reflectors are applied, last to first. The
   panels do not depend on each other, and nothing depends on the number of threads. */

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "aes.h"
#include "internal.h"

/* Memory for a panel that is being computed. A thread that runs out of time leaves it unfinished,
   for the next thread to go on with. */
struct panel_slot {
    atomic_flag taken;
    void *panel;
    int64_t work_unit, reflectors_left; /* of the panel */
};

struct fastinit_orthogonal_job {
    fastinit_orthogonal matrices;
    struct parameters parameters;
    fill_function *fill;
    const struct reflectors *reflectors;
    size_t size;
    int64_t per_matrix; /* block reflectors of a matrix, and its panels */
    int64_t elements;   /* of the block reflectors of a matrix */
    unsigned char *reflector_memory, *factors, *signs;
    atomic_llong next_reflector, reflectors_made, next_panel, done;
    atomic_int cancelled;
    int threads;
    struct panel_slot slots[];
};

static int64_t count_panels(int64_t columns)
{
    return columns / PANEL_COLUMNS + (columns % PANEL_COLUMNS != 0);
}

/* Returns the elements of the block reflectors of a matrix before number b: each begins
   PANEL_COLUMNS rows below the one before. */
static int64_t elements_before(int64_t b, int64_t rows)
{
    return PANEL_COLUMNS * (b * rows - PANEL_COLUMNS / 2 * b * (b - 1));
}

size_t fastinit_orthogonal_workspace(const fastinit_orthogonal *matrices, int threads)
{
    const int64_t panels = count_panels(matrices->columns), rows = padded_rows(matrices->rows);
    const int64_t of_matrix = elements_before(panels, rows) +
                              panels * PANEL_COLUMNS * PANEL_COLUMNS + panels * PANEL_COLUMNS;
    return (size_t)(matrices->count * of_matrix + threads * rows * PANEL_COLUMNS) *
           formats[matrices->dtype].bytes;
}

fastinit_orthogonal_job *fastinit_orthogonal_job_new(const fastinit_orthogonal *matrices,
                                                     int threads, void *workspace)
{
    fastinit_orthogonal_job *job = calloc(1, sizeof *job + (size_t)threads * sizeof *job->slots);
    if (job == NULL)
        return NULL;
    const struct kernels *kernels = active_kernels();
    const double normal[4] = {0, 1};
    fastinit_environment caller;
    fastinit_environment_begin(&caller);
    const enum method method =
        prepare_parameters(FASTINIT_NORMAL, matrices->dtype, normal, &job->parameters);
    fastinit_environment_end(&caller);
    aes_expand_key(matrices->key, job->parameters.round_keys);
    job->matrices = *matrices;
    job->fill = kernels->fill[method][matrices->dtype];
    job->reflectors = kernels->reflectors[matrices->dtype];
    job->size = formats[matrices->dtype].bytes;
    job->per_matrix = count_panels(matrices->columns);
    job->elements = elements_before(job->per_matrix, padded_rows(matrices->rows));
    job->threads = threads;
    unsigned char *memory = workspace;
    const size_t reflectors = (size_t)(matrices->count * job->per_matrix);
    job->reflector_memory = memory;
    memory += (size_t)(matrices->count * job->elements) * job->size;
    job->factors = memory;
    memory += reflectors * PANEL_COLUMNS * PANEL_COLUMNS * job->size;
    job->signs = memory;
    memory += reflectors * PANEL_COLUMNS * job->size;
    for (int i = 0; i < threads; i++) {
        atomic_flag_clear(&job->slots[i].taken);
        job->slots[i].panel = memory;
        memory += (size_t)(padded_rows(matrices->rows) * PANEL_COLUMNS) * job->size;
    }
    return job;
}

void fastinit_orthogonal_job_free(fastinit_orthogonal_job *job)
{
    free(job);
}

static unsigned char *reflector_address(const fastinit_orthogonal_job *job, int64_t matrix,
                                        int64_t b)
{
    const int64_t before = elements_before(b, padded_rows(job->matrices.rows));
    return job->reflector_memory + (size_t)(matrix * job->elements + before) * job->size;
}

static unsigned char *factor_address(const fastinit_orthogonal_job *job, int64_t matrix, int64_t b)
{
    return job->factors +
           (size_t)(matrix * job->per_matrix + b) * PANEL_COLUMNS * PANEL_COLUMNS * job->size;
}

static unsigned char *signs_address(const fastinit_orthogonal_job *job, int64_t matrix, int64_t b)
{
    return job->signs + (size_t)(matrix * job->per_matrix + b) * PANEL_COLUMNS * job->size;
}

static int64_t columns_of(const fastinit_orthogonal_job *job, int64_t b)
{
    const int64_t columns = job->matrices.columns - b * PANEL_COLUMNS;
    return columns < PANEL_COLUMNS ? columns : PANEL_COLUMNS;
}

static void make_reflector(const fastinit_orthogonal_job *job, int64_t work_unit)
{
    const fastinit_orthogonal *matrices = &job->matrices;
    const int64_t matrix = work_unit / job->per_matrix, b = work_unit % job->per_matrix;
    const int64_t rows = matrices->rows - b * PANEL_COLUMNS;
    const uint64_t number = matrices->first + (uint64_t)matrix;
    const uint64_t first = number * (uint64_t)elements_before(job->per_matrix, matrices->rows) +
                           (uint64_t)elements_before(b, matrices->rows);
    unsigned char *reflector = reflector_address(job, matrix, b);
    job->fill(&job->parameters, first, (size_t)(rows * PANEL_COLUMNS), reflector, 0);
    job->reflectors->make(reflector, rows, columns_of(job, b), factor_address(job, matrix, b),
                          signs_address(job, matrix, b));
}

static int64_t matrix_of(const fastinit_orthogonal_job *job, int64_t work_unit)
{
    return work_unit / job->per_matrix;
}

/* Panels count backwards: the last ones take the most work, so they come first. */
static int64_t panel_of(const fastinit_orthogonal_job *job, int64_t work_unit)
{
    return job->per_matrix - 1 - work_unit % job->per_matrix;
}

static void start_panel(const fastinit_orthogonal_job *job, struct panel_slot *slot,
                        int64_t work_unit)
{
    const int64_t panel = panel_of(job, work_unit);
    slot->work_unit = work_unit;
    slot->reflectors_left = panel + 1;
    job->reflectors->start(slot->panel, job->matrices.rows, panel * PANEL_COLUMNS,
                           signs_address(job, matrix_of(job, work_unit), panel));
}

static void apply_reflector(const fastinit_orthogonal_job *job, struct panel_slot *slot)
{
    const int64_t b = --slot->reflectors_left, matrix = matrix_of(job, slot->work_unit);
    unsigned char *rows =
        (unsigned char *)slot->panel + (size_t)(b * PANEL_COLUMNS * PANEL_COLUMNS) * job->size;
    job->reflectors->apply(reflector_address(job, matrix, b), factor_address(job, matrix, b),
                           job->matrices.rows - b * PANEL_COLUMNS, rows);
}

static void finish_panel(fastinit_orthogonal_job *job, const struct panel_slot *slot)
{
    const fastinit_orthogonal *matrices = &job->matrices;
    const int64_t panel = panel_of(job, slot->work_unit), columns = columns_of(job, panel);
    unsigned char *out = (unsigned char *)matrices->data +
                         matrix_of(job, slot->work_unit) * matrices->strides[0] +
                         panel * PANEL_COLUMNS * matrices->strides[2];
    job->reflectors->write(slot->panel, matrices->rows, columns, matrices->gain, out,
                           matrices->strides[1], matrices->strides[2]);
    atomic_fetch_add_explicit(&job->done, matrices->rows * columns, memory_order_relaxed);
}

static int is_cancelled(const fastinit_orthogonal_job *job)
{
    return atomic_load_explicit(&job->cancelled, memory_order_relaxed);
}

/* These two return 1 if time ran out before the work did. */

static int make_reflectors(fastinit_orthogonal_job *job, double end)
{
    const int64_t units = job->matrices.count * job->per_matrix;
    while (!is_cancelled(job)) {
        const int64_t work_unit =
            atomic_fetch_add_explicit(&job->next_reflector, 1, memory_order_relaxed);
        if (work_unit < units) {
            make_reflector(job, work_unit);
            atomic_fetch_add_explicit(&job->reflectors_made, 1, memory_order_release);
        } else if (atomic_load_explicit(&job->reflectors_made, memory_order_acquire) == units) {
            return 0;
        } else { /* other threads are making the last ones */
            sched_yield();
        }
        if (monotonic_seconds() >= end)
            return 1;
    }
    return 0;
}

static int make_panels(fastinit_orthogonal_job *job, struct panel_slot *slot, double end)
{
    while (!is_cancelled(job)) {
        if (slot->reflectors_left == 0) {
            const int64_t work_unit =
                atomic_fetch_add_explicit(&job->next_panel, 1, memory_order_relaxed);
            if (work_unit >= job->matrices.count * job->per_matrix)
                return 0;
            start_panel(job, slot, work_unit);
        }
        apply_reflector(job, slot);
        if (slot->reflectors_left == 0)
            finish_panel(job, slot);
        if (monotonic_seconds() >= end)
            return 1;
    }
    return 0;
}

int fastinit_orthogonal_job_work(fastinit_orthogonal_job *job, double seconds)
{
    const double end = monotonic_seconds() + seconds;
    fastinit_environment caller;
    fastinit_environment_begin(&caller);
    int left = make_reflectors(job, end);
    for (int i = 0; i < job->threads && !left; i++) {
        struct panel_slot *slot = &job->slots[i];
        if (!atomic_flag_test_and_set_explicit(&slot->taken, memory_order_acquire)) {
            left = make_panels(job, slot, end);
            atomic_flag_clear_explicit(&slot->taken, memory_order_release);
        }
    }
    fastinit_environment_end(&caller);
    return left;
}

void fastinit_orthogonal_job_cancel(fastinit_orthogonal_job *job)
{
    atomic_store_explicit(&job->cancelled, 1, memory_order_relaxed);
}

uint64_t fastinit_orthogonal_job_done(const fastinit_orthogonal_job *job)
{
    return (uint64_t)atomic_load_explicit(&job->done, memory_order_relaxed);
}

uint64_t fastinit_orthogonal_job_total(const fastinit_orthogonal_job *job)
{
    const fastinit_orthogonal *matrices = &job->matrices;
    return (uint64_t)(matrices->count * matrices->rows * matrices->columns);
}
