// The limits of an x86-64 processor with AVX512-VNNI and BF16, in inline assembly: what
// limits_in_c.py holds the probes of `perfdsl bench` against.
//
//   gcc -O2 -march=native -pthread limits.c -o limits
//   ./limits int8|bf16|fp32 THREADS          multiply-adds a second, median of ten runs
//   ./limits stream THREADS BYTES            bytes a second read from huge pages, median of ten runs
#define _GNU_SOURCE
#include <immintrin.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define RUNS 10
#define MOST 64
#define TURNS 2000000L
#define PASSES 4

#define ONE(op, n) op " %%zmm30, %%zmm31, %%zmm" #n "\n\t"
#define ALL(op)                                                                                    \
  ONE(op, 0) ONE(op, 1) ONE(op, 2) ONE(op, 3) ONE(op, 4) ONE(op, 5) ONE(op, 6) ONE(op, 7)          \
  ONE(op, 8) ONE(op, 9) ONE(op, 10) ONE(op, 11) ONE(op, 12) ONE(op, 13) ONE(op, 14) ONE(op, 15)
#define SUMS 16
#define LOOP(name, op)                                                                             \
  static void name(void) {                                                                         \
    long n = TURNS;                                                                                \
    __asm__ volatile("vpxord %%zmm30, %%zmm30, %%zmm30\n\tvpxord %%zmm31, %%zmm31, %%zmm31\n\t"    \
                     "1:\n\t" ALL(op) "dec %0\n\tjnz 1b"                                           \
                     : "+r"(n)::"zmm0", "zmm1", "zmm2", "zmm3", "zmm4", "zmm5", "zmm6", "zmm7",    \
                       "zmm8", "zmm9", "zmm10", "zmm11", "zmm12", "zmm13", "zmm14", "zmm15",       \
                       "zmm30", "zmm31", "cc");                                                    \
  }
LOOP(int8, "vpdpbusd")
LOOP(bf16, "vdpbf16ps")
LOOP(fp32, "vfmadd231ps")

static char *memory;
static size_t stretch;

// Four places of a stretch at once, as the probe does; __asm__ keeps every load.
static void stream(int thread) {
  const char *from = memory + thread * stretch;
  size_t gap = stretch / 4;
  for (int pass = 0; pass < PASSES; pass++)
    for (size_t at = 0; at < gap; at += 256)
      for (int place = 0; place < 4; place++) {
        const char *p = from + place * gap + at;
        __asm__ volatile("vmovdqu64 (%0), %%zmm0\n\tvmovdqu64 64(%0), %%zmm1\n\t"
                         "vmovdqu64 128(%0), %%zmm2\n\tvmovdqu64 192(%0), %%zmm3"
                         ::"r"(p) : "zmm0", "zmm1", "zmm2", "zmm3", "memory");
      }
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

struct work {
  int thread;
  const char *kind;
  double start, end;
  pthread_barrier_t *meeting;
};

static void *run(void *given) {
  struct work *w = given;
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(w->thread, &cores);
  pthread_setaffinity_np(pthread_self(), sizeof cores, &cores);
  pthread_barrier_wait(w->meeting);
  w->start = now();
  if (!strcmp(w->kind, "int8")) int8();
  else if (!strcmp(w->kind, "bf16")) bf16();
  else if (!strcmp(w->kind, "fp32")) fp32();
  else stream(w->thread);
  w->end = now();
  return NULL;
}

static double together(const char *kind, int threads) {
  pthread_t ids[MOST];
  struct work w[MOST];
  pthread_barrier_t meeting;
  pthread_barrier_init(&meeting, NULL, threads);
  for (int i = 0; i < threads; i++) {
    w[i] = (struct work){i, kind, 0, 0, &meeting};
    pthread_create(&ids[i], NULL, run, &w[i]);
  }
  for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
  double first = w[0].start, last = w[0].end;
  for (int i = 1; i < threads; i++) {
    if (w[i].start < first) first = w[i].start;
    if (w[i].end > last) last = w[i].end;
  }
  return last - first;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int count, char **words) {
  int threads = count > 2 ? atoi(words[2]) : 0;
  if (threads < 1 || threads > MOST) return 2;
  const char *kind = words[1];
  double amount, seconds[RUNS];
  if (!strcmp(kind, "stream")) {
    size_t size = count > 3 ? strtoull(words[3], NULL, 10) : 0;
    stretch = size / threads / 1024 * 1024;
    if (!stretch || posix_memalign((void **)&memory, 1 << 21, size + (1 << 21))) return 2;
    madvise(memory, size + (1 << 21), MADV_HUGEPAGE);
    memset(memory, 1, size);
    amount = (double)stretch * threads * PASSES;
  } else {
    int macs = !strcmp(kind, "int8") ? 64 : !strcmp(kind, "bf16") ? 32 : 16;
    amount = (double)macs * SUMS * TURNS * threads;
  }
  together(kind, threads);
  for (int i = 0; i < RUNS; i++) seconds[i] = together(kind, threads);
  qsort(seconds, RUNS, sizeof *seconds, ascending);
  printf("%.6g\n", amount / seconds[RUNS / 2]);
  return 0;
}
