/* Everything for one type of computation: float64 with BITS 64, then float32 with BITS 32. F(name)
   is a name of its values, U(name) of its words. */

#if BITS == 64
#define F(name) f64_##name
#define U(name) u64_##name
#define LOWEST_BIT 0x1p-63
#define VECTORS F64_VECTORS
#else
#define F(name) f32_##name
#define U(name) u32_##name
#define LOWEST_BIT 0x1p-31f
#define VECTORS F32_VECTORS
#endif

#include "elementary-inl.h"
#include "uniform-inl.h"

#include "normal-inl.h"
#include "truncated-inl.h"

#include "tiles-inl.h"

#include "reflectors-inl.h"

#undef F
#undef U
#undef LOWEST_BIT
#undef VECTORS
