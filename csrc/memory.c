/* Asks the system about the pages of a target, and gives it hints; failures are ignored. */

#define _DEFAULT_SOURCE

#include "internal.h"

#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static uintptr_t page_size(void)
{
    return (uintptr_t)sysconf(_SC_PAGESIZE);
}

int memory_is_untouched(const void *start)
{
    const uintptr_t page = page_size();
    unsigned char resident = 1;
    return mincore((void *)((uintptr_t)start / page * page), page, &resident) == 0 &&
           (resident & 1) == 0;
}

void memory_advise_huge_pages(void *start, size_t bytes)
{
    const uintptr_t page = page_size(), end = ((uintptr_t)start + bytes) / page * page;
    const uintptr_t first = ((uintptr_t)start + page - 1) / page * page;
    if (first < end)
        madvise((void *)first, end - first, MADV_HUGEPAGE);
}

void memory_populate(void *start, size_t bytes)
{
    const uintptr_t page = page_size(), end = (uintptr_t)start + bytes;
    const uintptr_t first = (uintptr_t)start / page * page;
    madvise((void *)first, end - first, MADV_POPULATE_WRITE);
}
#else
int memory_is_untouched(const void *start)
{
    (void)start;
    return 0;
}

void memory_advise_huge_pages(void *start, size_t bytes)
{
    (void)start;
    (void)bytes;
}

void memory_populate(void *start, size_t bytes)
{
    (void)start;
    (void)bytes;
}
#endif
