# cython: language_level=3, freethreading_compatible=True, boundscheck=False, wraparound=False
"""Connects Python to the C core: converts Python values to the structures of fastinit.h, and
releases the GIL while C works. Nothing is checked here: callers pass valid arguments."""

from cpython.buffer cimport PyBUF_STRIDES, PyBuffer_Release, PyObject_GetBuffer
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from fastinit.dtypes import DTYPES as TABLE
from fastinit.dtypes import NAMES

DTYPES = {
    fastinit_dtype_name(<fastinit_dtype>code).decode(): code for code in range(FASTINIT_DTYPES)
}
CONSTANT = FASTINIT_CONSTANT
UNIFORM = FASTINIT_UNIFORM
NORMAL = FASTINIT_NORMAL
TRUNCATED_NORMAL = FASTINIT_TRUNCATED_NORMAL
BITS = FASTINIT_BITS
MAX_DIMENSIONS = FASTINIT_MAX_DIMENSIONS
PANEL_COLUMNS = FASTINIT_PANEL_COLUMNS


# Jobs of at most this size keep the GIL: a busy thread keeps a released GIL for up to 5 ms, longer
# than such a job takes.
cdef enum:
    BRIEF_BYTES = 1 << 14


# Only BITS fills uint8.
cdef dict codes = {**DTYPES, "uint8": FASTINIT_UINT8}
cdef dict names = {code: name for name, code in codes.items()}


# DLPack 1.3, https://dmlc.github.io/dlpack/latest/c_api.html. Structures and constants have
# DLPack's names. The fields of DLDevice and DLDataType stand directly in DLTensor.

cdef enum DLDeviceType:
    kDLCPU = 1
    kDLCUDAHost = 3  # host memory, page-locked by CUDA
    kDLROCMHost = 11  # host memory, page-locked by ROCm

cdef enum:
    DLPACK_MAJOR_VERSION = 1
    DLPACK_FLAG_BITMASK_READ_ONLY = 1 << 0

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


cdef struct DLPackExchangeAPI:
    uint32_t major
    uint32_t minor
    void *previous
    void *managed_tensor_allocator
    void *managed_tensor_from_py_object_no_sync
    void *managed_tensor_to_py_object_no_sync
    int (*dltensor_from_py_object_no_sync)(void *object, DLTensor *out) except -1
    void *current_work_stream


cdef struct DLPackDtype:
    int code, bits, dtype

cdef enum:
    MOST_DTYPES = 64

cdef DLPackDtype dlpack_dtypes[MOST_DTYPES]
cdef int dlpack_dtype_count = len(TABLE)

for i, (name, known) in enumerate(TABLE.items()):
    dlpack_dtypes[i] = DLPackDtype(known.dlpack, 8 * known.itemsize, codes[name])


cdef class View:
    """Memory to be filled: address of the first element, dtype, shape and strides in bytes.

    `owner` keeps the memory alive. After every fill `on_written(owner)` is called, unless it is
    None. `unit` is the number of bytes that `strides` count in.
    """

    cdef char *data
    cdef fastinit_dtype code
    cdef int item_size
    cdef int dimensions
    cdef int64_t lengths[FASTINIT_MAX_DIMENSIONS]
    cdef int64_t steps[FASTINIT_MAX_DIMENSIONS]
    cdef readonly object owner
    cdef public object on_written

    def __init__(self, address, str dtype, shape, strides, owner, on_written=None, int64_t unit=1):
        cdef int axis
        self.data = <char *><uintptr_t>address
        self.owner = owner
        self.on_written = on_written
        self.set_layout(codes[dtype], len(shape))
        for axis in range(self.dimensions):
            self.lengths[axis] = shape[axis]
            self.steps[axis] = strides[axis] * unit

    cdef int set_layout(self, int dtype, int dimensions) except -1:
        if dimensions > FASTINIT_MAX_DIMENSIONS:
            raise ValueError(
                f"tensor has {dimensions} dimensions, but at most {FASTINIT_MAX_DIMENSIONS} can be "
                "filled"
            )
        self.code = <fastinit_dtype>dtype
        self.item_size = fastinit_dtype_size(self.code)
        self.dimensions = dimensions
        return 0

    @property
    def address(self):
        return <uintptr_t>self.data

    @property
    def dtype(self):
        return names[self.code]

    @property
    def shape(self):
        return tuple([self.lengths[axis] for axis in range(self.dimensions)])

    @property
    def strides(self):
        return tuple([self.steps[axis] for axis in range(self.dimensions)])

    @property
    def size(self):
        """Number of elements."""
        return self.elements()

    cdef int64_t elements(self):
        cdef int64_t size = 1
        cdef int axis
        for axis in range(self.dimensions):
            size *= self.lengths[axis]
        return size

    cpdef bint is_within(self, int64_t offset, int64_t storage_bytes):
        """Return whether a view that begins at element `offset` of a storage ends within it.

        No stride may be negative.
        """
        cdef int64_t end = (offset + 1) * self.item_size
        cdef int axis
        for axis in range(self.dimensions):
            if self.lengths[axis] == 0:
                return True
            end += self.steps[axis] * (self.lengths[axis] - 1)
        return end <= storage_bytes

    @property
    def is_contiguous(self):
        """Whether the elements follow each other in memory in C order; so none overlap."""
        cdef int64_t run = self.item_size
        cdef int axis
        for axis in range(self.dimensions - 1, -1, -1):
            if self.lengths[axis] != 1 and self.steps[axis] != run:
                return False
            run *= self.lengths[axis]
        return True

    def part(self, int64_t offset, shape, strides):
        """Return the view of some elements of this one."""
        return View(
            <uintptr_t>self.data + offset, names[self.code], shape, strides, self.owner,
            self.on_written
        )

    cpdef written(self):
        """Notify the owner that its values have changed."""
        if self.on_written is not None:
            self.on_written(self.owner)


cdef DLPackExchangeAPI *exchange_api(capsule) except NULL:
    return <DLPackExchangeAPI *>PyCapsule_GetPointer(capsule, b"dlpack_exchange_api")


def can_exchange(capsule):
    """Return whether `view_of_dlpack` knows this version of DLPack's exchange API."""
    cdef DLPackExchangeAPI *functions = exchange_api(capsule)
    return (
        functions.major == DLPACK_MAJOR_VERSION
        and functions.dltensor_from_py_object_no_sync != NULL
    )


cpdef check_dlpack_device(int device):
    """Refuse memory that is not the CPU's."""
    if device not in (kDLCPU, kDLCUDAHost, kDLROCMHost):
        raise ValueError(
            f"tensor is on DLPack device type {device}, but only CPU memory can be filled: fill a "
            "CPU array and copy it there"
        )


def view_of_dlpack(tensor, capsule, on_written, int64_t offset, int64_t storage_bytes):
    """Return the view of a tensor, by the DLPack exchange API that its type has.

    The view begins at element `offset` of a storage of `storage_bytes`; a view that ends beyond the
    storage raises ValueError.
    """
    cdef DLPackExchangeAPI *functions = exchange_api(capsule)
    cdef DLTensor exchanged
    cdef View view
    functions.dltensor_from_py_object_no_sync(<void *>tensor, &exchanged)
    view = view_of_dltensor(&exchanged, tensor, on_written)
    if not view.is_within(offset, storage_bytes):
        raise ValueError("tensor reaches beyond its storage")
    return view


cdef int dtype_of_dltensor(const DLTensor *tensor) except -1:
    cdef int i
    for i in range(dlpack_dtype_count):
        if (
            tensor.code == dlpack_dtypes[i].code
            and tensor.bits == dlpack_dtypes[i].bits
            and tensor.lanes == 1
        ):
            return dlpack_dtypes[i].dtype
    raise TypeError(
        f"tensor has the DLPack dtype (code {tensor.code}, {tensor.bits} bits, {tensor.lanes} "
        f"lanes), but only {NAMES} can be filled"
    )


cdef View view_of_dltensor(DLTensor *tensor, owner, on_written):
    cdef View view = View.__new__(View)
    cdef int64_t stride = 1
    cdef int axis
    check_dlpack_device(tensor.device_type)
    view.set_layout(dtype_of_dltensor(tensor), tensor.ndim)
    view.data = <char *>tensor.data + tensor.byte_offset
    for axis in range(tensor.ndim - 1, -1, -1):
        view.lengths[axis] = tensor.shape[axis]
        view.steps[axis] = view.item_size * (
            stride if tensor.strides == NULL else tensor.strides[axis]
        )
        stride *= tensor.shape[axis]
    view.owner = owner
    view.on_written = on_written
    if view.data == NULL and view.elements() > 0:
        raise ValueError("tensor has no memory (it is fake, or its storage is not allocated)")
    return view


def view_of_dlpack_capsule(capsule, owner):
    """Return the view of a capsule that a `__dlpack__` method returned."""
    cdef DLManagedTensorVersioned *versioned
    if not PyCapsule_IsValid(capsule, b"dltensor_versioned"):
        return view_of_dltensor(
            <DLTensor *>PyCapsule_GetPointer(capsule, b"dltensor"), (owner, capsule), None
        )
    versioned = <DLManagedTensorVersioned *>PyCapsule_GetPointer(capsule, b"dltensor_versioned")
    if versioned.major != DLPACK_MAJOR_VERSION:
        raise BufferError(
            f"DLPack {versioned.major} is not supported, only version {DLPACK_MAJOR_VERSION}"
        )
    if versioned.flags & DLPACK_FLAG_BITMASK_READ_ONLY:
        raise ValueError("tensor is read-only: fill a copy, or make it writable")
    return view_of_dltensor(&versioned.tensor, (owner, capsule), None)


def view_of_buffer(exporter, str dtype not None, owner):
    """Return the view of an object with the buffer protocol, whose memory must not move."""
    cdef Py_buffer buffer
    cdef View view = View.__new__(View)
    PyObject_GetBuffer(exporter, &buffer, PyBUF_STRIDES)
    try:
        if buffer.readonly:
            raise ValueError("tensor is read-only: fill a copy, or make it writable")
        view.owner = owner
        view.data = <char *>buffer.buf
        view.set_layout(codes[dtype], buffer.ndim)
        for axis in range(buffer.ndim):
            view.lengths[axis] = buffer.shape[axis]
            view.steps[axis] = buffer.strides[axis]
    finally:
        PyBuffer_Release(&buffer)
    return view


cdef class Job:
    """A list of fills, for any number of threads; keeps the owners of the memory alive.

    Each fill is (view, part or None, (distribution, parameters), key or None).
    """

    cdef fastinit_job *job
    cdef object fills
    cdef readonly int64_t bytes

    def __cinit__(self, fills):
        cdef size_t count = len(fills), i
        cdef View view
        cdef fastinit_fill one
        cdef fastinit_fill *items = &one
        if count > 1:
            items = <fastinit_fill *>malloc(count * sizeof(fastinit_fill))
            if items == NULL:
                raise MemoryError()
        try:
            for i in range(count):
                view, part, distribution, key = fills[i]
                set_fill(&items[i], view, part, distribution, key)
                self.bytes += view.elements() * view.item_size
            self.job = fastinit_job_new(items, count)
        finally:
            if count > 1:
                free(items)
        if self.job == NULL:
            raise MemoryError()
        self.fills = fills

    cpdef written(self):
        """Notify the owners that their values have changed."""
        for fill in self.fills:
            (<View?>fill[0]).written()

    def __dealloc__(self):
        fastinit_job_free(self.job)

    cpdef bint work(self, double seconds):
        """Work until `seconds` have passed; return whether work units may be left to take."""
        cdef int left
        if self.bytes <= BRIEF_BYTES:
            return fastinit_job_work(self.job, seconds) != 0
        with nogil:
            left = fastinit_job_work(self.job, seconds)
        return left != 0

    def cancel(self):
        """Let no thread take another work unit."""
        fastinit_job_cancel(self.job)

    @property
    def done(self):
        """Number of elements written so far."""
        return fastinit_job_done(self.job)

    @property
    def total(self):
        """Number of elements of all fills."""
        return fastinit_job_total(self.job)


cdef int set_fill(
    fastinit_fill *item, View view, part, distribution, bytes key
) except -1:
    cdef int axis
    cdef int64_t unit = 1
    item.data = view.data
    item.dtype = view.code
    item.dimensions = view.dimensions
    item.first = 0
    memcpy(item.shape, view.lengths, view.dimensions * sizeof(int64_t))
    memcpy(item.strides, view.steps, view.dimensions * sizeof(int64_t))
    if part is None:
        for axis in range(view.dimensions - 1, -1, -1):
            item.logical_strides[axis] = unit
            unit *= view.lengths[axis]
    else:
        first = part.first
        for axis, step in enumerate(part.steps):
            if step < 0:  # the core needs positive steps: begin at the other end
                item.data = <char *>item.data + item.strides[axis] * (item.shape[axis] - 1)
                item.strides[axis] = -item.strides[axis]
                first += step * (item.shape[axis] - 1)
            item.logical_strides[axis] = abs(step)
        item.first = first
    memcpy(item.key, <const char *>(key if key is not None else no_key), 16)
    kind, parameters = distribution
    item.distribution = <fastinit_distribution><int>kind
    for axis in range(len(parameters)):
        item.parameters[axis] = parameters[axis]
    return 0


cdef bytes no_key = bytes(16)


def fill_small(fills, int64_t most_bytes):
    """Fill in this thread and return None; return a job instead for more than `most_bytes`."""
    cdef Job job = Job.__new__(Job, fills)
    if job.bytes > most_bytes:
        return job
    job.work(INFINITY)
    job.written()
    return None


cdef class OrthogonalJob:
    """Orthogonal matrices, for `threads` threads; keeps the owners of the memory alive.

    `matrices` is (address, dtype, shape, strides in bytes, number of the first, key, gain): the
    fields of fastinit_orthogonal.
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
        """Work until `seconds` have passed; return whether work units may be left to take."""
        cdef int left
        with nogil:
            left = fastinit_orthogonal_job_work(self.job, seconds)
        return left != 0

    def cancel(self):
        """Let no thread take another work unit."""
        fastinit_orthogonal_job_cancel(self.job)

    @property
    def done(self):
        """Number of elements written so far."""
        return fastinit_orthogonal_job_done(self.job)

    @property
    def total(self):
        """Number of elements of all fills."""
        return fastinit_orthogonal_job_total(self.job)


def orthogonal_workspace(matrices, int threads):
    """Return how many bytes of working memory an OrthogonalJob needs."""
    cdef fastinit_orthogonal item
    set_orthogonal(&item, matrices)
    return fastinit_orthogonal_workspace(&item, threads)


cdef int set_orthogonal(fastinit_orthogonal *item, tuple matrices) except -1:
    cdef const uint8_t[::1] key_bytes
    address, dtype, shape, strides, first, key, gain = matrices
    item.data = <void *><uintptr_t>address
    item.dtype = <fastinit_dtype><int>dtype
    item.count, item.rows, item.columns = shape
    item.strides[0], item.strides[1], item.strides[2] = strides
    item.first = first
    key_bytes = key
    memcpy(item.key, &key_bytes[0], 16)
    item.gain = gain
    return 0


def isa():
    """Return the name of the active instruction set."""
    return fastinit_isa().decode()


def available_isas():
    """Return the names of the instruction sets that build and machine have, slowest first."""
    return [fastinit_isa_name(i).decode() for i in range(fastinit_isa_count())]


def choose_isa(str name not None):
    """Make `name` the active instruction set."""
    if fastinit_choose_isa(name.encode()) != 0:
        raise ValueError(
            f"instruction set {name!r} is not available here, choose one of {available_isas()}"
        )


cdef class DefaultEnvironment:
    """Context in the default floating-point environment; restores the caller's at its end."""

    cdef fastinit_environment caller

    def __enter__(self):
        fastinit_environment_begin(&self.caller)

    def __exit__(self, kind, value, traceback):
        fastinit_environment_end(&self.caller)
