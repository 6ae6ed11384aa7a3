/* Sets the default floating-point environment around the work, and restores the caller's. */

#include <fenv.h>
#include <string.h>

#include "fastinit.h"

#if defined(__aarch64__) && defined(__GNUC__)
/* In assembly: glibc's default environment does not reset FPCR.AHP (alternative half precision). */
void fastinit_environment_begin(fastinit_environment *caller)
{
    const uint64_t zero = 0;
    __asm__ volatile("mrs %0, fpcr" : "=r"(caller->saved.words[0]));
    __asm__ volatile("mrs %0, fpsr" : "=r"(caller->saved.words[1]));
    __asm__ volatile("msr fpcr, %0" : : "r"(zero));
}

void fastinit_environment_end(const fastinit_environment *caller)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(caller->saved.words[0]));
    __asm__ volatile("msr fpsr, %0" : : "r"(caller->saved.words[1]));
}
#elif defined(__x86_64__)
/* MXCSR only: nothing here computes on the x87, whose environment is slow to load. MXCSR is slow to
   load too, so it is loaded only if its control bits differ; the flags of past exceptions (its low
   six bits) may stay set. */
#define CONTROL 0xffc0u
#define DEFAULT 0x1f80u /* all exceptions masked */
#include <xmmintrin.h>

void fastinit_environment_begin(fastinit_environment *caller)
{
    const unsigned saved = _mm_getcsr();
    caller->saved.words[0] = saved;
    if ((saved & CONTROL) != DEFAULT)
        _mm_setcsr(DEFAULT);
}

void fastinit_environment_end(const fastinit_environment *caller)
{
    const unsigned saved = (unsigned)caller->saved.words[0];
    if (_mm_getcsr() != saved)
        _mm_setcsr(saved);
}
#else
_Static_assert(sizeof(fenv_t) <= sizeof(fastinit_environment), "the environment fits");

void fastinit_environment_begin(fastinit_environment *caller)
{
    fenv_t environment;
    fegetenv(&environment);
    memcpy(&caller->saved, &environment, sizeof environment);
    fesetenv(FE_DFL_ENV);
}

void fastinit_environment_end(const fastinit_environment *caller)
{
    fenv_t environment;
    memcpy(&environment, &caller->saved, sizeof environment);
    fesetenv(&environment);
}
#endif
