/* Chooses the kernels: lists what the build has, the processor offers and the system saves
   (XGETBV), and remembers which of them is in use. */

#include <stdatomic.h>
#include <string.h>

#include "internal.h"

#if defined(__AVX2__) || defined(__AES__)
#error "dispatch.c must run everywhere: compile it without instruction-set flags"
#endif

#ifdef FASTINIT_X86
#include <cpuid.h>

/* XCR0: the registers that the system saves. */
static uint64_t saved_state(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

#define BIT(n) (1u << (n))
#define HAS(word, bits) (((word) & (bits)) == (bits))

struct features {
    int avx2, avx2_vaes, avx512, avx512_bf16;
};

static struct features detect(void)
{
    struct features features = {0, 0, 0, 0};
    uint32_t eax, ebx, ecx, edx, ebx7, ecx7;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) ||
        !HAS(ecx, BIT(12) | BIT(25) | BIT(27) | BIT(28) | BIT(29))) /* FMA AES OSXSAVE AVX F16C */
        return features;
    const uint64_t state = saved_state();
    const int saves_ymm = (state & 0x06) == 0x06, saves_zmm = (state & 0xe6) == 0xe6;
    if (!__get_cpuid_count(7, 0, &eax, &ebx7, &ecx7, &edx))
        return features;
    const int vaes = HAS(ecx7, BIT(9));
    features.avx2 = saves_ymm && HAS(ebx7, BIT(5));
    features.avx2_vaes = features.avx2 && vaes;
    /* AVX-512 F DQ BW VL */
    features.avx512 =
        saves_zmm && vaes && HAS(ebx7, BIT(5) | BIT(16) | BIT(17) | BIT(30) | BIT(31));
    if (features.avx512 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx))
        features.avx512_bf16 = HAS(eax, BIT(5));
    return features;
}
#endif

#ifdef FASTINIT_NEON
#if defined(__linux__)
#include <sys/auxv.h>
static int has_aes(void)
{
    const unsigned long hwcap_aes = 1ul << 3;
    return (getauxval(AT_HWCAP) & hwcap_aes) != 0;
}
#else
static int has_aes(void)
{
    return 1; /* every Apple processor has it */
}
#endif
#endif

#define MOST_KERNELS 5

/* Lists the available kernels, slowest first; returns how many there are. */
static size_t list_kernels(const struct kernels *list[MOST_KERNELS])
{
    size_t count = 0;
    list[count++] = &portable_kernels;
#ifdef FASTINIT_X86
    const struct features features = detect();
    if (features.avx2)
        list[count++] = &avx2_kernels;
    if (features.avx2_vaes)
        list[count++] = &avx2_vaes_kernels;
    if (features.avx512)
        list[count++] = &avx512_kernels;
    if (features.avx512_bf16)
        list[count++] = &avx512_bf16_kernels;
#endif
#ifdef FASTINIT_NEON
    if (has_aes())
        list[count++] = &neon_kernels;
#endif
    return count;
}

static _Atomic(const struct kernels *) chosen;

const struct kernels *active_kernels(void)
{
    const struct kernels *kernels = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (kernels == NULL) {
        const struct kernels *list[MOST_KERNELS];
        kernels = list[list_kernels(list) - 1];
        atomic_store_explicit(&chosen, kernels, memory_order_relaxed);
    }
    return kernels;
}

size_t fastinit_isa_count(void)
{
    const struct kernels *list[MOST_KERNELS];
    return list_kernels(list);
}

const char *fastinit_isa_name(size_t i)
{
    const struct kernels *list[MOST_KERNELS];
    return i < list_kernels(list) ? list[i]->name : NULL;
}

const char *fastinit_isa(void)
{
    return active_kernels()->name;
}

int fastinit_choose_isa(const char *name)
{
    const struct kernels *list[MOST_KERNELS];
    const size_t count = list_kernels(list);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i]->name, name) == 0) {
            atomic_store_explicit(&chosen, list[i], memory_order_relaxed);
            return 0;
        }
    }
    return -1;
}
