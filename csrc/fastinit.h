/* The C API of fastinit: the only header that the Cython seam sees. */
#ifndef FASTINIT_H
#define FASTINIT_H

#include <stddef.h>
#include <stdint.h>

#define FASTINIT_MAX_DIMENSIONS 64

enum fastinit_dtype {
    FASTINIT_FLOAT64,
    FASTINIT_FLOAT32,
    FASTINIT_FLOAT16,
    FASTINIT_BFLOAT16,
    FASTINIT_FLOAT8_E4M3FN,
    FASTINIT_FLOAT8_E5M2,
    FASTINIT_DTYPES,                 /* how many there are of floating point */
    FASTINIT_UINT8 = FASTINIT_DTYPES /* FASTINIT_BITS alone fills it */
};

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
   data + i * stride[0] + j * stride[1] + ... (bytes), and is the element number
   first + i * step[0] + j * step[1] + ... of its logical tensor. Steps are not negative.
   The caller has checked the parameters: finite but for the bounds of a truncation, std >= 0,
   low <= high. */
typedef struct {
    void *data;
    enum fastinit_dtype dtype;
    int dimensions;
    int64_t shape[FASTINIT_MAX_DIMENSIONS];
    int64_t stride[FASTINIT_MAX_DIMENSIONS];
    int64_t step[FASTINIT_MAX_DIMENSIONS];
    uint64_t first;
    uint8_t key[16];
    enum fastinit_distribution distribution;
    double parameters[4];
} fastinit_fill;

/* A list of fills, cut into units of work that any number of threads take from one counter. */
typedef struct fastinit_job fastinit_job;

/* NULL where memory is short. */
fastinit_job *fastinit_job_new(const fastinit_fill *fills, size_t count);
/* Works until nothing is left to take, the job is cancelled, or about `seconds` have passed.
   Returns 1 if units may be left to take, else 0. Any thread may call it at any time. */
int fastinit_job_work(fastinit_job *job, double seconds);
void fastinit_job_cancel(fastinit_job *job);
/* Elements written so far, and in all. */
uint64_t fastinit_job_done(const fastinit_job *job);
uint64_t fastinit_job_total(const fastinit_job *job);
void fastinit_job_free(fastinit_job *job);

/* Threads share the columns of an orthogonal matrix by so many. */
#define FASTINIT_PANEL_COLUMNS 64

/* Orthogonal matrices, numbers first ... first + count - 1 of their stream. The shorter side of
   each is orthonormal, times `gain`. Element (i, j, k) of (matrix, row, column), rows >= columns,
   lies at data + i * stride[0] + j * stride[1] + k * stride[2] (bytes). */
typedef struct {
    void *data;
    enum fastinit_dtype dtype; /* FASTINIT_FLOAT64 or FASTINIT_FLOAT32 */
    int64_t count, rows, columns;
    int64_t stride[3];
    uint64_t first;
    uint8_t key[16];
    double gain;
} fastinit_orthogonal;

/* The computation of orthogonal matrices, to be worked on as a job by at most `threads` at once. */
typedef struct fastinit_orthogonal_job fastinit_orthogonal_job;

/* Bytes of the working memory, aligned to 64 bytes, that outlives the job. */
size_t fastinit_orthogonal_workspace(const fastinit_orthogonal *matrices, int threads);
fastinit_orthogonal_job *fastinit_orthogonal_job_new(const fastinit_orthogonal *matrices,
                                                     int threads, void *workspace);
int fastinit_orthogonal_job_work(fastinit_orthogonal_job *job, double seconds);
void fastinit_orthogonal_job_cancel(fastinit_orthogonal_job *job);
uint64_t fastinit_orthogonal_job_done(const fastinit_orthogonal_job *job);
uint64_t fastinit_orthogonal_job_total(const fastinit_orthogonal_job *job);
void fastinit_orthogonal_job_free(fastinit_orthogonal_job *job);

/* The instruction sets that this build and this machine share, slowest first. */
size_t fastinit_isa_count(void);
const char *fastinit_isa_name(size_t i);
/* The one in use: the fastest, unless another was chosen. */
const char *fastinit_isa(void);
/* 0, or -1 where no available instruction set has that name. */
int fastinit_choose_isa(const char *name);

/* The floating-point environment: begin saves the caller's and sets the default (round to nearest,
   no flushing of subnormals), end restores it. */
typedef struct {
    union {
        unsigned char bytes[64];
        uint64_t words[8];
    } saved;
} fastinit_environment;
void fastinit_environment_begin(fastinit_environment *caller);
void fastinit_environment_end(const fastinit_environment *caller);

#endif
