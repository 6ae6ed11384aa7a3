/* Answers getauxval as an AArch64 processor without AES instructions would; for -Wl,--wrap. */

#include <sys/auxv.h>

unsigned long __real_getauxval(unsigned long type);
unsigned long __wrap_getauxval(unsigned long type);

unsigned long __wrap_getauxval(unsigned long type)
{
    const unsigned long value = __real_getauxval(type);
    return type == AT_HWCAP ? value & ~(unsigned long)HWCAP_AES : value;
}
