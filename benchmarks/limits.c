// The limits of an x86-64 processor with AVX512-VNNI and BF16, in inline assembly: what
// limits_in_c.py holds the probes of `perfdsl bench` against, and probe_in_c.py those of `perfdsl probe`.
//
//   gcc -O2 -march=native -pthread limits.c -o limits
//   ./limits clock THREADS                     cycles a second of one core
//   ./limits int8|pairs|bf16|fp32|add THREADS  multiply-adds (additions) a second
//   ./limits stream THREADS BYTES              bytes a second read by all threads, each its part
//   ./limits read|write|copy THREADS BYTES     bytes a second; each thread its own BYTES, again and again
//   ./limits latency 1 BYTES                   loads a second, each from where the last one says
//
// Prints the median of ten runs, and the fastest. Memory is on huge pages. read, write and copy are tried
// from 1, 2 and 4 places of the stretch at once, with 4 and 8 lines of each: the best of them counts.
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
// A product of AVX2: pairs of bytes, pairs of words, and the sum.
#define PAIR(n)                                                                                    \
  "vpmaddubsw %%ymm14, %%ymm15, %%ymm13\n\tvpmaddwd %%ymm15, %%ymm13, %%ymm13\n\t"                 \
  "vpaddd %%ymm13, %%ymm" #n ", %%ymm" #n "\n\t"
static void pairs(void) {
  long n = TURNS;
  __asm__ volatile("vpxor %%ymm14, %%ymm14, %%ymm14\n\tvpxor %%ymm15, %%ymm15, %%ymm15\n\t"
                   "1:\n\t" PAIR(0) PAIR(1) PAIR(2) PAIR(3) PAIR(4) PAIR(5) PAIR(6) PAIR(7)
                   "dec %0\n\tjnz 1b"
                   : "+r"(n)::"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                     "xmm13", "xmm14", "xmm15", "cc");
}

// Each rotation waits for the one before, and takes one cycle.
#define LINKS 16
static void clock_chain(void) {
  long n = TURNS, x = 1;
  __asm__ volatile("1:\n\t.rept 16\n\trol $3, %1\n\t.endr\n\tdec %0\n\tjnz 1b"
                   : "+r"(n), "+r"(x)::"cc");
}
LOOP(int8, "vpdpbusd")
LOOP(add, "vaddps")
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

// Reading, writing or copying: so many places of the stretch at once, so many lines of each.
static size_t passes;
static int places, lines;
#define LOAD(p) __asm__ volatile("vmovdqu64 (%0), %%zmm0" ::"r"(p) : "zmm0", "memory")
// Not zeros: lines of zeros go to memory a fifth faster (Zen 5: 37 instead of 31 GB/s).
#define STORE(p) __asm__ volatile("vmovdqu64 %1, (%0)" ::"r"(p), "v"(ones) : "memory")
#define COPY(p)                                                                                    \
  __asm__ volatile("vmovdqu64 (%0), %%zmm0\n\tvmovdqu64 %%zmm0, (%1)" ::"r"(p), "r"(p + away)      \
                   : "zmm0", "memory")
#define MOVE(name, ONE, P, L)                                                                      \
  static void name##P##L(const char *from, size_t gap, size_t away) {                              \
    __m512i ones = _mm512_set1_epi32(0x01010101);                                                  \
    (void)away, (void)ones;                                                                        \
    for (size_t pass = 0; pass < passes; pass++)                                                   \
      for (size_t at = 0; at + 64 * L <= gap; at += 64 * L)                                        \
        _Pragma("GCC unroll 4") for (int place = 0; place < P; place++)                            \
          _Pragma("GCC unroll 8") for (int line = 0; line < L; line++)                             \
            ONE((from + place * gap + at + 64 * line));                                            \
  }
#define MOVES(name, ONE)                                                                           \
  MOVE(name, ONE, 1, 4) MOVE(name, ONE, 1, 8) MOVE(name, ONE, 2, 4) MOVE(name, ONE, 2, 8)          \
  MOVE(name, ONE, 4, 4) MOVE(name, ONE, 4, 8)                                                      \
  static void name(const char *from, size_t gap, size_t away) {                                    \
    (places == 1 ? lines == 4 ? name##14 : name##18 : places == 2 ? lines == 4 ? name##24 : name##28 \
     : lines == 4 ? name##44 : name##48)(from, gap, away);                                         \
  }
MOVES(reading, LOAD)
MOVES(writing, STORE)
MOVES(copying, COPY)

// A stretch is a number of whole pages and a line, so that no two are at the same place of a page.
static void moving(const char *kind, int thread) {
  const char *from = memory + thread * (stretch + 4096);
  size_t half = *kind == 'c' ? stretch / 2 : stretch, gap = half / places / 512 * 512;
  size_t away = half + 64 * 5;
  (*kind == 'r' ? reading : *kind == 'w' ? writing : copying)(from, gap, away);
}

static size_t moved(const char *kind) {
  size_t half = *kind == 'c' ? stretch / 2 : stretch, gap = half / places / 512 * 512;
  return (*kind == 'c' ? 2 : 1) * places * gap;
}

#define LOADS 2000000L
static void follow(void) {
  const char *p = memory;
  for (long i = 0; i < LOADS / 10; i++)
    __asm__ volatile(".rept 10\n\tmovq (%0), %0\n\t.endr" : "+r"(p)::"memory");
}

// One cycle through all lines, in an order that nothing foresees (Sattolo).
static void chain(size_t count) {
  unsigned *order = malloc(count * sizeof *order);
  unsigned long seed = 88172645463325252UL;
  for (size_t i = 0; i < count; i++) order[i] = i;
  for (size_t i = count - 1; i > 0; i--) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    size_t j = seed % i;
    unsigned t = order[i];
    order[i] = order[j], order[j] = t;
  }
  for (size_t i = 0; i < count; i++) *(char **)(memory + 64 * i) = memory + 64UL * order[i];
  free(order);
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
  int again = !strcmp(w->kind, "read") || !strcmp(w->kind, "write") || !strcmp(w->kind, "copy");
  w->start = now();
  if (again) moving(w->kind, w->thread);
  else if (!strcmp(w->kind, "latency")) follow();
  else if (!strcmp(w->kind, "clock")) clock_chain();
  else if (!strcmp(w->kind, "pairs")) pairs();
  else if (!strcmp(w->kind, "add")) add();
  else if (!strcmp(w->kind, "int8")) int8();
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

static void *huge(size_t size) {
  void *found;
  if (posix_memalign(&found, 1 << 21, size + (1 << 21))) exit(2);
  madvise(found, size + (1 << 21), MADV_HUGEPAGE);
  memset(found, 1, size);
  return found;
}

// The median of ten runs in out[0], and the fastest in out[1].
static void runs(const char *kind, int threads, double amount, double *out) {
  double seconds[RUNS];
  together(kind, threads);
  for (int i = 0; i < RUNS; i++) seconds[i] = together(kind, threads);
  qsort(seconds, RUNS, sizeof *seconds, ascending);
  out[0] = amount / seconds[RUNS / 2], out[1] = amount / seconds[0];
}

static void best_of_shapes(const char *kind, int threads, double *out) {
  static const int shapes[][2] = {{1, 4}, {1, 8}, {2, 4}, {2, 8}, {4, 4}, {4, 8}};
  for (unsigned i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    double found[2];
    places = shapes[i][0], lines = shapes[i][1];
    passes = 1 + (size_t)(400e6 / stretch);  // some milliseconds
    runs(kind, threads, (double)moved(kind) * passes * threads, found);
    if (found[1] > out[1]) out[0] = found[0], out[1] = found[1];
  }
}

int main(int count, char **words) {
  int threads = count > 2 ? atoi(words[2]) : 0;
  if (threads < 1 || threads > MOST) return 2;
  const char *kind = words[1];
  size_t size = count > 3 ? strtoull(words[3], NULL, 10) : 0;
  double out[2] = {0, 0};
  if (!strcmp(kind, "stream")) {
    stretch = size / threads / 1024 * 1024;
    if (!stretch) return 2;
    memory = huge(size);
    runs(kind, threads, (double)stretch * threads * PASSES, out);
  } else if (!strcmp(kind, "latency")) {
    memory = huge(size);
    chain(size / 64);
    runs(kind, 1, LOADS, out);
  } else if (!strcmp(kind, "read") || !strcmp(kind, "write") || !strcmp(kind, "copy")) {
    stretch = size / 4096 * 4096;
    if (!stretch) return 2;
    memory = huge(threads * (stretch + 8192));
    best_of_shapes(kind, threads, out);
  } else if (!strcmp(kind, "clock")) {
    runs(kind, threads, (double)LINKS * TURNS, out);
  } else if (!strcmp(kind, "pairs")) {
    runs(kind, threads, 32.0 * 8 * TURNS * threads, out);
  } else {
    int wide = !strcmp(kind, "int8") ? 64 : !strcmp(kind, "bf16") ? 32 : 16;
    runs(kind, threads, (double)wide * SUMS * TURNS * threads, out);
  }
  printf("%.6g %.6g\n", out[0], out[1]);
  return 0;
}
