/* Orthogonal matrices as units of work: first the blocks of reflectors, made of normal values, then
   the panels of the result, to which the blocks are applied, last to first. The columns of the
   result do not depend on each other, nor does anything in a unit on the threads. */

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "aes.h"
#include "internal.h"

/* Memory for a panel. A thread that runs out of time leaves it unfinished to whoever comes next. */
struct place {
    atomic_flag taken;
    void *panel;
    int64_t unit, blocks_left; /* of the panel in work */
};

struct fastinit_orthogonal_job {
    fastinit_orthogonal matrices;
    struct parameters parameters;
    fill_function *fill;
    const struct reflectors *reflectors;
    size_t size;
    int64_t blocks;   /* of a matrix, and its panels */
    int64_t elements; /* of a matrix's blocks */
    unsigned char *reflector_memory, *factors, *signs;
    atomic_llong next_block, blocks_made, next_panel, done;
    atomic_int cancelled;
    int threads;
    struct place place[];
};

static int64_t count_blocks(int64_t columns)
{
    return columns / BLOCK + (columns % BLOCK != 0);
}

/* The elements of all blocks before block b of a matrix: each begins BLOCK rows below the last. */
static int64_t elements_before(int64_t b, int64_t rows)
{
    return BLOCK * (b * rows - BLOCK / 2 * b * (b - 1));
}

size_t fastinit_orthogonal_workspace(const fastinit_orthogonal *matrices, int threads)
{
    const int64_t blocks = count_blocks(matrices->columns), rows = padded_rows(matrices->rows);
    const int64_t of_matrix =
        elements_before(blocks, rows) + blocks * BLOCK * BLOCK + blocks * BLOCK;
    return (size_t)(matrices->count * of_matrix + threads * rows * BLOCK) *
           format_size((int)matrices->dtype);
}

fastinit_orthogonal_job *fastinit_orthogonal_job_new(const fastinit_orthogonal *matrices,
                                                     int threads, void *workspace)
{
    fastinit_orthogonal_job *job = calloc(1, sizeof *job + (size_t)threads * sizeof *job->place);
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
    job->size = format_size((int)matrices->dtype);
    job->blocks = count_blocks(matrices->columns);
    job->elements = elements_before(job->blocks, padded_rows(matrices->rows));
    job->threads = threads;
    unsigned char *memory = workspace;
    const size_t all_blocks = (size_t)(matrices->count * job->blocks);
    job->reflector_memory = memory;
    memory += (size_t)(matrices->count * job->elements) * job->size;
    job->factors = memory;
    memory += all_blocks * BLOCK * BLOCK * job->size;
    job->signs = memory;
    memory += all_blocks * BLOCK * job->size;
    for (int i = 0; i < threads; i++) {
        atomic_flag_clear(&job->place[i].taken);
        job->place[i].panel = memory;
        memory += (size_t)(padded_rows(matrices->rows) * BLOCK) * job->size;
    }
    return job;
}

void fastinit_orthogonal_job_free(fastinit_orthogonal_job *job)
{
    free(job);
}

static unsigned char *block_address(const fastinit_orthogonal_job *job, int64_t matrix, int64_t b)
{
    const int64_t before = elements_before(b, padded_rows(job->matrices.rows));
    return job->reflector_memory + (size_t)(matrix * job->elements + before) * job->size;
}

static unsigned char *factor_address(const fastinit_orthogonal_job *job, int64_t matrix, int64_t b)
{
    return job->factors + (size_t)(matrix * job->blocks + b) * BLOCK * BLOCK * job->size;
}

static unsigned char *signs_address(const fastinit_orthogonal_job *job, int64_t matrix, int64_t b)
{
    return job->signs + (size_t)(matrix * job->blocks + b) * BLOCK * job->size;
}

static int64_t columns_of(const fastinit_orthogonal_job *job, int64_t b)
{
    const int64_t columns = job->matrices.columns - b * BLOCK;
    return columns < BLOCK ? columns : BLOCK;
}

static void make_block(const fastinit_orthogonal_job *job, int64_t unit)
{
    const fastinit_orthogonal *matrices = &job->matrices;
    const int64_t matrix = unit / job->blocks, b = unit % job->blocks;
    const int64_t rows = matrices->rows - b * BLOCK;
    const uint64_t number = matrices->first + (uint64_t)matrix;
    const uint64_t first = number * (uint64_t)elements_before(job->blocks, matrices->rows) +
                           (uint64_t)elements_before(b, matrices->rows);
    unsigned char *block = block_address(job, matrix, b);
    job->fill(&job->parameters, first, (size_t)(rows * BLOCK), block, 0);
    job->reflectors->make(block, rows, columns_of(job, b), factor_address(job, matrix, b),
                          signs_address(job, matrix, b));
}

static int64_t matrix_of(const fastinit_orthogonal_job *job, int64_t unit)
{
    return unit / job->blocks;
}

/* The last panels take the most work: they come first. */
static int64_t panel_of(const fastinit_orthogonal_job *job, int64_t unit)
{
    return job->blocks - 1 - unit % job->blocks;
}

static void start_panel(const fastinit_orthogonal_job *job, struct place *place, int64_t unit)
{
    const int64_t panel = panel_of(job, unit);
    place->unit = unit;
    place->blocks_left = panel + 1;
    job->reflectors->start(place->panel, job->matrices.rows, panel * BLOCK,
                           signs_address(job, matrix_of(job, unit), panel));
}

static void apply_block(const fastinit_orthogonal_job *job, struct place *place)
{
    const int64_t b = --place->blocks_left, matrix = matrix_of(job, place->unit);
    unsigned char *rows = (unsigned char *)place->panel + (size_t)(b * BLOCK * BLOCK) * job->size;
    job->reflectors->apply(block_address(job, matrix, b), factor_address(job, matrix, b),
                           job->matrices.rows - b * BLOCK, rows);
}

static void finish_panel(fastinit_orthogonal_job *job, const struct place *place)
{
    const fastinit_orthogonal *matrices = &job->matrices;
    const int64_t panel = panel_of(job, place->unit), columns = columns_of(job, panel);
    unsigned char *out = (unsigned char *)matrices->data +
                         matrix_of(job, place->unit) * matrices->stride[0] +
                         panel * BLOCK * matrices->stride[2];
    job->reflectors->write(place->panel, matrices->rows, columns, matrices->gain, out,
                           matrices->stride[1], matrices->stride[2]);
    atomic_fetch_add_explicit(&job->done, matrices->rows * columns, memory_order_relaxed);
}

static int is_cancelled(const fastinit_orthogonal_job *job)
{
    return atomic_load_explicit(&job->cancelled, memory_order_relaxed);
}

/* These return 1 where time ran out before the work did. */

static int work_on_blocks(fastinit_orthogonal_job *job, double end)
{
    const int64_t units = job->matrices.count * job->blocks;
    while (!is_cancelled(job)) {
        const int64_t unit = atomic_fetch_add_explicit(&job->next_block, 1, memory_order_relaxed);
        if (unit < units) {
            make_block(job, unit);
            atomic_fetch_add_explicit(&job->blocks_made, 1, memory_order_release);
        } else if (atomic_load_explicit(&job->blocks_made, memory_order_acquire) == units) {
            return 0;
        } else { /* others are at the last ones */
            sched_yield();
        }
        if (now() >= end)
            return 1;
    }
    return 0;
}

static int work_on_panels(fastinit_orthogonal_job *job, struct place *place, double end)
{
    while (!is_cancelled(job)) {
        if (place->blocks_left == 0) {
            const int64_t unit =
                atomic_fetch_add_explicit(&job->next_panel, 1, memory_order_relaxed);
            if (unit >= job->matrices.count * job->blocks)
                return 0;
            start_panel(job, place, unit);
        }
        apply_block(job, place);
        if (place->blocks_left == 0)
            finish_panel(job, place);
        if (now() >= end)
            return 1;
    }
    return 0;
}

int fastinit_orthogonal_job_work(fastinit_orthogonal_job *job, double seconds)
{
    const double end = now() + seconds;
    fastinit_environment caller;
    fastinit_environment_begin(&caller);
    int left = work_on_blocks(job, end);
    for (int i = 0; i < job->threads && !left; i++) {
        struct place *place = &job->place[i];
        if (!atomic_flag_test_and_set_explicit(&place->taken, memory_order_acquire)) {
            left = work_on_panels(job, place, end);
            atomic_flag_clear_explicit(&place->taken, memory_order_release);
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
