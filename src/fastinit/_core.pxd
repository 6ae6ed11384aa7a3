from libc.stdint cimport int64_t, uint8_t, uint64_t


cdef extern from "fastinit.h" nogil:
    enum: FASTINIT_MAX_DIMENSIONS
    enum: FASTINIT_PANEL_COLUMNS

    enum: FASTINIT_DTYPES

    enum fastinit_dtype:
        FASTINIT_FLOAT64
        FASTINIT_FLOAT32
        FASTINIT_FLOAT16
        FASTINIT_BFLOAT16
        FASTINIT_FLOAT8_E4M3FN
        FASTINIT_FLOAT8_E5M2
        FASTINIT_UINT8

    enum fastinit_distribution:
        FASTINIT_CONSTANT
        FASTINIT_UNIFORM
        FASTINIT_NORMAL
        FASTINIT_TRUNCATED_NORMAL
        FASTINIT_BITS

    ctypedef struct fastinit_fill:
        void *data
        fastinit_dtype dtype
        int dimensions
        int64_t shape[FASTINIT_MAX_DIMENSIONS]
        int64_t strides[FASTINIT_MAX_DIMENSIONS]
        int64_t logical_strides[FASTINIT_MAX_DIMENSIONS]
        uint64_t first
        uint8_t key[16]
        fastinit_distribution distribution
        double parameters[4]

    const char *fastinit_dtype_name(fastinit_dtype dtype)
    int fastinit_dtype_size(fastinit_dtype dtype)

    ctypedef struct fastinit_job:
        pass

    fastinit_job *fastinit_job_new(const fastinit_fill *fills, size_t count)
    int fastinit_job_work(fastinit_job *job, double seconds)
    void fastinit_job_cancel(fastinit_job *job)
    uint64_t fastinit_job_done(const fastinit_job *job)
    uint64_t fastinit_job_total(const fastinit_job *job)
    void fastinit_job_free(fastinit_job *job)

    ctypedef struct fastinit_orthogonal:
        void *data
        fastinit_dtype dtype
        int64_t count
        int64_t rows
        int64_t columns
        int64_t strides[3]
        uint64_t first
        uint8_t key[16]
        double gain

    ctypedef struct fastinit_orthogonal_job:
        pass

    size_t fastinit_orthogonal_workspace(const fastinit_orthogonal *matrices, int threads)
    fastinit_orthogonal_job *fastinit_orthogonal_job_new(
        const fastinit_orthogonal *matrices, int threads, void *workspace
    )
    int fastinit_orthogonal_job_work(fastinit_orthogonal_job *job, double seconds)
    void fastinit_orthogonal_job_cancel(fastinit_orthogonal_job *job)
    uint64_t fastinit_orthogonal_job_done(const fastinit_orthogonal_job *job)
    uint64_t fastinit_orthogonal_job_total(const fastinit_orthogonal_job *job)
    void fastinit_orthogonal_job_free(fastinit_orthogonal_job *job)
    size_t fastinit_isa_count()
    const char *fastinit_isa_name(size_t i)
    const char *fastinit_isa()
    int fastinit_choose_isa(const char *name)
    ctypedef struct fastinit_environment:
        pass

    void fastinit_environment_begin(fastinit_environment *caller)
    void fastinit_environment_end(const fastinit_environment *caller)
