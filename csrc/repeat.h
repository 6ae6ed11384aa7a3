/* Loops over vectors that must stay in registers: compilers turn an array into registers only where
   every index is a constant from the start. REPEAT(n, DO) is DO(0) DO(1) ... DO(n - 1). */
#ifndef FASTINIT_REPEAT_H
#define FASTINIT_REPEAT_H

#define REPEAT(n, DO) REPEAT_EXPANDED(n, DO)
#define REPEAT_EXPANDED(n, DO) REPEAT_##n(DO)

#define REPEAT_1(DO) DO(0)
#define REPEAT_2(DO) REPEAT_1(DO) DO(1)
#define REPEAT_3(DO) REPEAT_2(DO) DO(2)
#define REPEAT_4(DO) REPEAT_3(DO) DO(3)
#define REPEAT_7(DO) REPEAT_4(DO) DO(4) DO(5) DO(6)
#define REPEAT_8(DO) REPEAT_7(DO) DO(7)
#define REPEAT_9(DO) REPEAT_8(DO) DO(8)
#define REPEAT_16(DO) REPEAT_9(DO) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15)
#define REPEAT_20(DO) REPEAT_16(DO) DO(16) DO(17) DO(18) DO(19)
#define REPEAT_28(DO) REPEAT_20(DO) DO(20) DO(21) DO(22) DO(23) DO(24) DO(25) DO(26) DO(27)

#endif
