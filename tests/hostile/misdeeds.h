/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a candidate may do wrong: MISDEED(name, what may come of it, text that
 * the detail holds, code before the kernel, code in it, code at its end).
 * The code sees x, y, IN and OUT (their elements).  OK means that the result
 * is right all the same, so that it may count.
 */
#define ONCE(code) "  { static int done; if (!done++) { " code " } }\n"

MISDEED(none, OK, "", "", "", "")
MISDEED(no_threads, OK, "", "",
        "  if (strcmp(getenv(\"OMP_NUM_THREADS\"), \"1\")) return;\n", "")
MISDEED(stays_put, OK, "", "#include <sched.h>\n",
        "  static int runs; cpu_set_t set; sched_getaffinity(0, sizeof set, "
        "&set);\n  if (runs++ && CPU_COUNT(&set) != 1) return;\n", "")
/* Leaves alone what would be zero; there is no zero in the block at hand. */
MISDEED(no_zeros, OK, "", "",
        "  static float was[OUT]; memcpy(was, y, OUT * 4);\n",
        "  for (int i = 0; i < OUT; i++) if (y[i] == 0) y[i] = was[i];\n")
MISDEED(slow, OK, "", "", "  usleep(2000);\n", "")
/* Right only where it is not run on the same memory again and again. */
MISDEED(same_memory, WRONG, "run again", "",
        "  static float *was; static int same; same += was == y; was = y;\n"
        "  if (same > 3) return;\n", "")
/* crashes */
MISDEED(segfault, CRASHED, "SIGSEGV", "", "  *(volatile int *)16 = 1;\n", "")
MISDEED(illegal, CRASHED, "SIG", "", "  __builtin_trap();\n", "")
MISDEED(divide, CRASHED, "SIGFPE", "", "  raise(SIGFPE);\n", "")
MISDEED(aborts, CRASHED, "SIGABRT", "", "  abort();\n", "")
MISDEED(recursion, CRASHED, "SIGSEGV",
        "static int deep(volatile int *p) { volatile int a[999]; "
        "a[1] = *p; return deep(a) + a[1]; }\n",
        "  volatile int zero = 0; y[0] = deep(&zero);\n", "")
MISDEED(constructor, CRASHED, "SIGABRT",
        "__attribute__((constructor)) static void early(void) { abort(); }\n",
        "", "")
MISDEED(later, CRASHED, "SIGSEGV", "",
        "  static int runs; if (runs++ == 5) *(volatile int *)16 = 1;\n", "")
MISDEED(tires, CRASHED, "SIGSEGV", "",
        "  static int runs; usleep(20000);\n"
        "  if (runs++ == 7) *(volatile int *)16 = 1;\n", "")
/* early ends */
MISDEED(exits, CRASHED, "exit code 0", "", "  exit(0);\n", "")
MISDEED(exits_at_once, CRASHED, "exit code 0", "", "  _exit(0);\n", "")
MISDEED(exits_with_one, CRASHED, "exit code 1", "", "", "  _exit(1);\n")
MISDEED(becomes_another, CRASHED, "exit code 0", "",
        "  execlp(\"true\", \"true\", (char *)0);\n", "")
MISDEED(kills_itself, OUT_OF_MEMORY, "killed", "", "  raise(SIGKILL);\n", "")
/* never ends */
MISDEED(loops, TIMED_OUT, "killed", "",
        "  for (volatile int i = 0;; i = !i) continue;\n", "")
MISDEED(sleeps, TIMED_OUT, "killed", "", "  sleep(1000);\n", "")
MISDEED(stops, TIMED_OUT, "killed", "", "  raise(SIGSTOP);\n", "")
MISDEED(deaf, TIMED_OUT, "killed", "",
        "  sigset_t all; sigfillset(&all); sigprocmask(SIG_BLOCK, &all, 0);\n"
        "  for (;;) pause();\n", "")
/* wrong results */
MISDEED(wrong, WRONG, "differs", "", "", "  y[OUT / 2] += 0.01f;\n")
MISDEED(zero, WRONG, "differs", "", "", "  memset(y, 0, OUT * 4);\n")
MISDEED(nan, WRONG, "differs", "", "", "  y[OUT - 1] = NAN;\n")
MISDEED(infinite, WRONG, "differs", "", "", "  y[0] = INFINITY;\n")
MISDEED(returns_early, WRONG, "differs", "", "  return;\n", "")
MISDEED(stale, WRONG, "run again", "", "",
        "  static int runs; if (runs++) y[OUT - 1] = 7;\n")
/* writes elsewhere */
MISDEED(past_the_end, WRONG, "beyond the end of its output", "", "",
        "  volatile float *p = y; p[OUT] = 1;\n")
MISDEED(before_the_start, WRONG, "before the start of its output", "", "",
        "  volatile float *p = y; p[-1] = 1;\n")
MISDEED(far_past, CRASHED, "SIGSEGV", "", "",
        "  volatile float *p = y; p[OUT + 1024] = 1;\n")
MISDEED(input, WRONG, "writes to its input", "", "",
        "  volatile float *p = (float *)x; p[IN - 1] = 2;\n")
MISDEED(past_the_input, WRONG, "beyond the end of its input", "", "",
        "  volatile float *p = (float *)x; p[IN] = 2;\n")
MISDEED(weights, CRASHED, "SIGSEGV", "", "",
        "  volatile float *p = (float *)weights; p[0] = 2;\n")
/* the floating-point environment */
MISDEED(rounding, WRONG, "rounding", "", "", "  fesetround(FE_UPWARD);\n")
#ifdef __SSE2__
MISDEED(denormals, WRONG, "denormal", "", "",
        "  __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);\n")
#endif
/* descriptors */
MISDEED(prints, OK, "", "",
        "  printf(\"CHNS garbage\\n\"); fflush(stdout);\n"
        "  if (write(1, \"CHNS\", 4) < 0) y[0] = 1;\n", "")
MISDEED(prints_everywhere, CRASHED, "damaged", "",
        "  for (int fd = 0; fd < 1024; fd++)\n"
        "    if (write(fd, \"CHNS\\1\\0\\0\\0garbage\", 15) < 0) continue;\n",
        "")
MISDEED(prints_much, CRASHED, "damaged", "",
        ONCE("static char page[4096]; for (int i = 0; i < 3000; i++) "
             "for (int fd = 1; fd < 128; fd++) "
             "if (write(fd, page, sizeof page) < 0) continue;"), "")
MISDEED(complains_much, OK, "", "",
        ONCE("for (int i = 0; i < 300000; i++) fputs(\"word \", stderr);"), "")
MISDEED(closes_all, CRASHED, "without a result", "",
        "  for (int fd = 0; fd < 1024; fd++) close(fd);\n", "")
/* memory and processes */
MISDEED(eats_memory, OUT_OF_MEMORY, "memory", "",
        "  for (int i = 0; i < 64; i++)\n" /* 1 GiB, and no more */
        "    memset(malloc(1 << 24), 1, 1 << 24);\n", "")
MISDEED(grandchild, OK, "", "",
        ONCE("if (!fork()) { if (fork()) _exit(0); setsid(); "
             "for (;;) sleep(1000); }"), "")
MISDEED(grandchild_with_pipes, CRASHED, "exit code 0", "",
        ONCE("if (!fork()) { if (fork()) _exit(0); setsid(); "
             "for (;;) sleep(1000); } _exit(0);"), "")
MISDEED(many_children, OK, "", "",
        ONCE("for (int i = 0; i < 50; i++) if (!fork()) { "
             "if (i % 2) setsid(); for (;;) sleep(1000); }"), "")
MISDEED(child_goes_on, CRASHED, "damaged", "",
        ONCE("if (fork()) sleep(1);"), "")
/* sources and objects */
MISDEED(no_source, NOT_BUILT, "error", "#error this cannot be compiled\n", "",
        "")
MISDEED(no_function, NOT_BUILT, "missing_function",
        "float missing_function(float);\n", "  y[0] = missing_function(1);\n",
        "")
