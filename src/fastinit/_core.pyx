# cython: language_level=3, freethreading_compatible=True, boundscheck=False, wraparound=False
"""The seam to the C core: turns Python values into the structures of fastinit.h, and releases the
GIL while C works. The caller has checked what it passes."""

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

DTYPES = {
    "float64": FASTINIT_FLOAT64,
    "float32": FASTINIT_FLOAT32,
    "float16": FASTINIT_FLOAT16,
    "bfloat16": FASTINIT_BFLOAT16,
    "float8_e4m3fn": FASTINIT_FLOAT8_E4M3FN,
    "float8_e5m2": FASTINIT_FLOAT8_E5M2,
}
CONSTANT = FASTINIT_CONSTANT
UNIFORM = FASTINIT_UNIFORM
NORMAL = FASTINIT_NORMAL
TRUNCATED_NORMAL = FASTINIT_TRUNCATED_NORMAL
MAX_DIMENSIONS = FASTINIT_MAX_DIMENSIONS
PANEL_COLUMNS = FASTINIT_PANEL_COLUMNS


cdef class Job:
    """Fills to be worked on by any number of threads; keeps the owners of their memory alive.

    Each fill is (address, dtype, shape, strides in bytes, steps, first, key, distribution,
    parameters), as fastinit_fill describes them.
    """

    cdef fastinit_job *job
    cdef object owners

    def __cinit__(self, fills, owners):
        cdef size_t count = len(fills), i
        cdef fastinit_fill *items = <fastinit_fill *>calloc(count + 1, sizeof(fastinit_fill))
        if items == NULL:
            raise MemoryError()
        try:
            for i in range(count):
                set_fill(&items[i], fills[i])
            self.job = fastinit_job_new(items, count)
        finally:
            free(items)
        if self.job == NULL:
            raise MemoryError()
        self.owners = owners

    def __dealloc__(self):
        fastinit_job_free(self.job)

    def work(self, double seconds):
        """Work for about so long; return whether units may be left to take."""
        cdef int left
        with nogil:
            left = fastinit_job_work(self.job, seconds)
        return left != 0

    def cancel(self):
        """Let no thread take another unit."""
        fastinit_job_cancel(self.job)

    @property
    def done(self):
        """Elements written so far."""
        return fastinit_job_done(self.job)

    @property
    def total(self):
        """Elements in all."""
        return fastinit_job_total(self.job)


cdef int set_fill(fastinit_fill *item, tuple fill) except -1:
    cdef const uint8_t[::1] key_bytes
    cdef int axis
    address, dtype, shape, strides, steps, first, key, distribution, parameters = fill
    item.data = <void *><uintptr_t>address
    item.dtype = <fastinit_dtype><int>dtype
    item.dimensions = len(shape)
    for axis in range(item.dimensions):
        item.shape[axis] = shape[axis]
        item.stride[axis] = strides[axis]
        item.step[axis] = steps[axis]
    item.first = first
    key_bytes = key
    memcpy(item.key, &key_bytes[0], 16)
    item.distribution = <fastinit_distribution><int>distribution
    for axis in range(len(parameters)):
        item.parameters[axis] = parameters[axis]
    return 0


cdef class OrthogonalJob:
    """Orthogonal matrices to be worked on by so many threads; keeps the owners of memory alive.

    The matrices are (address, dtype, shape, strides in bytes, number of the first, key, gain), as
    fastinit_orthogonal describes them.
    """

    cdef fastinit_orthogonal_job *job
    cdef object owners

    def __cinit__(self, matrices, int threads, uint8_t[::1] workspace not None, owner):
        cdef fastinit_orthogonal item
        set_orthogonal(&item, matrices)
        self.job = fastinit_orthogonal_job_new(&item, threads, &workspace[0])
        if self.job == NULL:
            raise MemoryError()
        self.owners = (workspace, owner)

    def __dealloc__(self):
        fastinit_orthogonal_job_free(self.job)

    def work(self, double seconds):
        """Work for about so long; return whether units may be left to take."""
        cdef int left
        with nogil:
            left = fastinit_orthogonal_job_work(self.job, seconds)
        return left != 0

    def cancel(self):
        """Let no thread take another unit."""
        fastinit_orthogonal_job_cancel(self.job)

    @property
    def done(self):
        """Elements written so far."""
        return fastinit_orthogonal_job_done(self.job)

    @property
    def total(self):
        """Elements in all."""
        return fastinit_orthogonal_job_total(self.job)


def orthogonal_workspace(matrices, int threads):
    """Return the bytes of working memory that an OrthogonalJob takes."""
    cdef fastinit_orthogonal item
    set_orthogonal(&item, matrices)
    return fastinit_orthogonal_workspace(&item, threads)


cdef int set_orthogonal(fastinit_orthogonal *item, tuple matrices) except -1:
    cdef const uint8_t[::1] key_bytes
    address, dtype, shape, strides, first, key, gain = matrices
    item.data = <void *><uintptr_t>address
    item.dtype = <fastinit_dtype><int>dtype
    item.count, item.rows, item.columns = shape
    item.stride[0], item.stride[1], item.stride[2] = strides
    item.first = first
    key_bytes = key
    memcpy(item.key, &key_bytes[0], 16)
    item.gain = gain
    return 0


def keystream(const uint8_t[::1] key not None, uint64_t start, uint8_t[::1] out not None):
    """Write the keystream of `key` from byte `start` on to `out`."""
    cdef size_t count = out.shape[0]
    if count > 0:
        with nogil:
            fastinit_keystream(&key[0], start, &out[0], count)


def isa():
    """Return the name of the active instruction set."""
    return fastinit_isa().decode()


def available_isas():
    """Return the names of the instruction sets of this build and machine, slowest first."""
    return [fastinit_isa_name(i).decode() for i in range(fastinit_isa_count())]


def choose_isa(str name not None):
    """Make `name` the active instruction set."""
    if fastinit_choose_isa(name.encode()) != 0:
        raise ValueError(
            f"instruction set {name!r} is not available here, choose one of {available_isas()}"
        )


cdef class DefaultEnvironment:
    """Context: the default floating-point environment, whatever the caller has set."""

    cdef fastinit_environment caller

    def __enter__(self):
        fastinit_environment_begin(&self.caller)

    def __exit__(self, *exception):
        fastinit_environment_end(&self.caller)


# The structures of DLPack 1.0, https://dmlc.github.io/dlpack/latest/c_api.html

cdef struct DLTensor:
    void *data
    int32_t device_type
    int32_t device_id
    int32_t ndim
    uint8_t code
    uint8_t bits
    uint16_t lanes
    int64_t *shape
    int64_t *strides
    uint64_t byte_offset

cdef struct DLManagedTensorVersioned:
    uint32_t major
    uint32_t minor
    void *manager_ctx
    void *deleter
    uint64_t flags
    DLTensor tensor


def read_dlpack(capsule):
    """Return (address, (code, bits, lanes), shape, strides in bytes, read-only) of a capsule."""
    cdef DLManagedTensorVersioned *versioned
    cdef DLTensor *tensor
    cdef bint read_only = False
    cdef int64_t stride
    cdef int axis
    if PyCapsule_IsValid(capsule, b"dltensor_versioned"):
        versioned = <DLManagedTensorVersioned *>PyCapsule_GetPointer(
            capsule, b"dltensor_versioned"
        )
        if versioned.major != 1:
            raise BufferError(f"DLPack {versioned.major} is not supported, only version 1")
        read_only = versioned.flags & 1
        tensor = &versioned.tensor
    else:
        tensor = <DLTensor *>PyCapsule_GetPointer(capsule, b"dltensor")
    item_size = tensor.bits // 8
    shape = tuple([tensor.shape[axis] for axis in range(tensor.ndim)])
    strides = [0] * tensor.ndim
    stride = 1
    for axis in range(tensor.ndim - 1, -1, -1):
        strides[axis] = (stride if tensor.strides == NULL else tensor.strides[axis]) * item_size
        stride *= tensor.shape[axis]
    address = <uintptr_t>tensor.data + tensor.byte_offset
    return address, (tensor.code, tensor.bits, tensor.lanes), shape, tuple(strides), read_only
