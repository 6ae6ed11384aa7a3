/* AVX-512 with BF16, which avx512.c takes from the compiler's flags. */
#include "avx512.c"
