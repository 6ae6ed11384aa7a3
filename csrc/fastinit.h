/* The C API of fastinit: the only header that the Cython seam includes. */
#ifndef FASTINIT_H
#define FASTINIT_H

#include <stddef.h>
#include <stdint.h>

#include "dtypes.h"

#define FASTINIT_MAX_DIMENSIONS 64

/* FASTINIT_FLOAT64, FASTINIT_FLOAT32 ...: the rows of dtypes.h, then FASTINIT_UINT8, which only
   FASTINIT_BITS fills. */
#define FASTINIT_DTYPE(NAME, ...) FASTINIT_##NAME,
enum fastinit_dtype { FASTINIT_FLOATS(FASTINIT_DTYPE) FASTINIT_UINT8 };
#undef FASTINIT_DTYPE

/* The number of dtypes of floating point. */
enum { FASTINIT_DTYPES = FASTINIT_UINT8 };

/* "float64", "uint8" ... */
const char *fastinit_dtype_name(enum fastinit_dtype dtype);
/* Bytes of an element. */
int fastinit_dtype_size(enum fastinit_dtype dtype);

enum fastinit_distribution {
    FASTINIT_CONSTANT,         /* value */
    FASTINIT_UNIFORM,          /* low, high: [low, high) */
    FASTINIT_NORMAL,           /* mean, std */
    FASTINIT_TRUNCATED_NORMAL, /* mean, std, low, high: [low, high], either may be infinite */
    FASTINIT_BITS              /* of FASTINIT_UINT8: element i is byte i of the keystream */
};

/* What to write, and where. The element at index (i, j, ...) lies at the address
   data + i * strides[0] + j * strides[1] + ... (bytes), and is element number
   first + i * logical_strides[0] + j * logical_strides[1] + ... of its logical tensor. Strides may
   be negative, logical strides may not. The caller has checked the parameters: bounds of a
   truncation may be infinite, all else is finite (a constant may be anything), std >= 0,
   low <= high. */
typedef struct {
    void *data;
    enum fastinit_dtype dtype;
    int dimensions;
    int64_t shape[FASTINIT_MAX_DIMENSIONS];
    int64_t strides[FASTINIT_MAX_DIMENSIONS];
    int64_t logical_strides[FASTINIT_MAX_DIMENSIONS];
    uint64_t first;
    uint8_t key[16];
    enum fastinit_distribution distribution;
    double parameters[4];
} fastinit_fill;

/* A list of fills, cut into work units that any number of threads take from one counter. */
typedef struct fastinit_job fastinit_job;

/* Returns NULL when out of memory. */
fastinit_job *fastinit_job_new(const fastinit_fill *fills, size_t count);
/* Works until every work unit is taken, the job is cancelled, or `seconds` have passed since the
   call, which is checked after each work unit. Returns 1 if work units may be left, else 0. Any
   thread may call it at any time. */
int fastinit_job_work(fastinit_job *job, double seconds);
/* Lets no thread take another work unit. */
void fastinit_job_cancel(fastinit_job *job);
/* Elements written so far, and in all. */
uint64_t fastinit_job_done(const fastinit_job *job);
uint64_t fastinit_job_total(const fastinit_job *job);
void fastinit_job_free(fastinit_job *job);

/* The columns of an orthogonal matrix that one thread computes at a time. */
#define FASTINIT_PANEL_COLUMNS 64

/* Orthogonal matrices, numbers first ... first + count - 1 of their stream. The shorter side of
   each is orthonormal, times `gain`. Element (i, j, k) of (matrix, row, column), rows >= columns,
   lies at data + i * strides[0] + j * strides[1] + k * strides[2] (bytes). */
typedef struct {
    void *data;
    enum fastinit_dtype dtype; /* FASTINIT_FLOAT64 or FASTINIT_FLOAT32 */
    int64_t count, rows, columns;
    int64_t strides[3];
    uint64_t first;
    uint8_t key[16];
    double gain;
} fastinit_orthogonal;

/* The computation of orthogonal matrices, which at most `threads` threads may work on at once. */
typedef struct fastinit_orthogonal_job fastinit_orthogonal_job;

/* Bytes of the workspace, which the caller aligns to 64 bytes and keeps until the job is freed. */
size_t fastinit_orthogonal_workspace(const fastinit_orthogonal *matrices, int threads);
/* Returns NULL when out of memory. */
fastinit_orthogonal_job *fastinit_orthogonal_job_new(const fastinit_orthogonal *matrices,
                                                     int threads, void *workspace);
/* These are as those of a fastinit_job. */
int fastinit_orthogonal_job_work(fastinit_orthogonal_job *job, double seconds);
void fastinit_orthogonal_job_cancel(fastinit_orthogonal_job *job);
uint64_t fastinit_orthogonal_job_done(const fastinit_orthogonal_job *job);
uint64_t fastinit_orthogonal_job_total(const fastinit_orthogonal_job *job);
void fastinit_orthogonal_job_free(fastinit_orthogonal_job *job);

/* The instruction sets that this build has and this machine offers, slowest first. */
size_t fastinit_isa_count(void);
/* Returns NULL for i >= fastinit_isa_count(). */
const char *fastinit_isa_name(size_t i);
/* The instruction set in use: the fastest, unless another was chosen. */
const char *fastinit_isa(void);
/* Returns 0, or -1 if no available instruction set has that name. */
int fastinit_choose_isa(const char *name);

/* The floating-point environment: begin saves the caller's and sets the default (round to nearest,
   keep subnormals), end restores the caller's. */
typedef struct {
    union {
        unsigned char bytes[64];
        uint64_t words[8];
    } saved;
} fastinit_environment;
void fastinit_environment_begin(fastinit_environment *caller);
void fastinit_environment_end(const fastinit_environment *caller);

#endif
