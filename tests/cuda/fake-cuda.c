/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A libcuda.so for tests on machines without a GPU: memory is the host's, a
 * "cubin" is a shared object made of a kernel's text and emulate.h, a graph
 * is the list of what was captured, events are a clock.  After a launch that
 * FAKE_CUDA_FAULT names (it counts from 1) everything fails with an illegal
 * address, as after a fault of a real GPU.
 */
#include <dlfcn.h>
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define API __attribute__((visibility("default")))
#define ILLEGAL_ADDRESS 700

#define DECLARED 49152 /* bytes of local memory that need no leave */
#define OPT_IN 166912  /* and with it */

typedef void launch_fn(void *kernel, const unsigned grid[3], unsigned threads,
                       unsigned local, const int cluster[2],
                       float *const arg[4]);
struct function { void *code; launch_fn *launch; int most, cluster[2]; };
struct node { struct function *f; unsigned grid[3], threads, local;
              float *arg[4]; void *clear; size_t bytes; };
struct graph { size_t nodes; struct node node[4096]; };
struct event { double at; };

static struct graph *capturing;
static int sticky, launches;

static int
execute(const struct node *n)
{
  const char *fault = getenv("FAKE_CUDA_FAULT");

  if (sticky)
    return sticky;
  if (n->f == NULL) {
    memset(n->clear, 0, n->bytes);
    return 0;
  }
  if (fault && ++launches >= atoi(fault))
    return sticky = ILLEGAL_ADDRESS;
  n->f->launch(n->f->code, n->grid, n->threads, n->local, n->f->cluster,
               n->arg);
  return 0;
}

static int
enqueue(struct node n)
{
  if (capturing == NULL)
    return execute(&n);
  if (capturing->nodes == 4096)
    return 2;
  capturing->node[capturing->nodes++] = n;
  return 0;
}

API int cuInit(unsigned flags) { return flags ? 1 : 0; }
API int cuDriverGetVersion(int *v) { *v = 12040; return 0; }
API int cuDeviceGetCount(int *n) { *n = 1; return 0; }
API int cuDeviceGet(int *d, int n) { *d = n; return 0; }
API int cuCtxSetCurrent(void *c) { return c ? 0 : 1; }
API int cuDevicePrimaryCtxRelease_v2(int d) { return d; }
API int cuStreamSynchronize(void *s) { return s ? sticky : 1; }
API int cuStreamDestroy_v2(void *s) { free(s); return 0; }
API int cuGraphDestroy(void *g) { free(g); return 0; }
API int cuGraphExecDestroy(void *e) { return e ? 0 : 1; }
API int cuEventDestroy_v2(void *e) { free(e); return 0; }
API int cuEventSynchronize(void *e) { return e ? sticky : 1; }
API int cuModuleUnload(void *m) { return dlclose(m); }
API int cuMemFree_v2(uint64_t p) { free((void *)(uintptr_t)p); return sticky; }

API int
cuGetErrorName(int code, const char **name)
{
  *name = code == ILLEGAL_ADDRESS ? "CUDA_ERROR_ILLEGAL_ADDRESS"
          : code == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_UNKNOWN";
  return 0;
}

API int
cuDeviceGetName(char *name, int size, int d)
{
  snprintf(name, (size_t)size, "emulated GPU %d", d);
  return 0;
}

API int
cuDeviceTotalMem_v2(size_t *bytes, int d)
{
  *bytes = (size_t)1 << 30;
  return d;
}

API int
cuDeviceGetAttribute(int *value, int which, int d)
{
  static const struct { int which, value; } table[] = {
    { 1, 1024 }, { 10, 32 }, { 12, 65536 }, { 13, 1000000 }, { 16, 4 },
    { 36, 1000000 }, { 38, 1 << 20 }, { 75, 8 }, { 76, 0 }, { 97, OPT_IN },
  };
  size_t i;

  for (i = 0; i < sizeof table / sizeof *table; i++)
    if (table[i].which == which)
      *value = table[i].value;
  return d;
}

API int
cuDevicePrimaryCtxRetain(void **c, int d)
{
  static char context;

  *c = &context;
  return d;
}

API int
cuStreamCreate(void **s, unsigned flags)
{
  (void)flags;
  return (*s = malloc(1)) ? 0 : 2;
}

/* The size of an ELF image is where its section headers end. */
API int
cuModuleLoadData(void **m, const void *image)
{
  const Elf64_Ehdr *e = image;
  size_t size;
  char path[64];
  int fd;

  if (memcmp(image, ELFMAG, SELFMAG)) /* PTX: the control kernel */
    return (*m = dlopen(NULL, RTLD_NOW)) ? 0 : 2;
  size = e->e_shoff + (size_t)e->e_shnum * e->e_shentsize;
  fd = memfd_create("module", MFD_CLOEXEC);
  if (fd < 0 || write(fd, image, size) != (ssize_t)size)
    return 2;
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  *m = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (*m == NULL)
    fprintf(stderr, "fake-cuda: %s\n", dlerror());
  return *m ? 0 : 200;
}

static void
no_work(void *kernel, const unsigned grid[3], unsigned threads,
        unsigned local, const int cluster[2], float *const arg[4])
{
  volatile unsigned i, end = grid[0] * threads;

  (void)kernel, (void)arg, (void)local, (void)cluster;
  for (i = 0; i < end; i++)
    ;
}

API int
cuModuleGetFunction(void **f, void *m, const char *name)
{
  struct function *to = calloc(1, sizeof *to);
  void *launch = dlsym(m, "emulate_launch"), *cluster;
  char axes[160];

  if (to == NULL)
    return 2;
  snprintf(axes, sizeof axes, "%s_cluster", name);
  cluster = dlsym(m, axes);
  to->most = DECLARED;
  to->cluster[0] = to->cluster[1] = 1;
  if (cluster)
    memcpy(to->cluster, cluster, sizeof to->cluster);
  to->launch = no_work;
  if (launch)
    memcpy(&to->launch, &launch, sizeof launch);
  to->code = launch ? dlsym(m, name) : to;
  *f = to; /* lives as long as the process */
  return to->code ? 0 : 500;
}

API int
cuFuncSetAttribute(struct function *f, int which, int value)
{
  if (which != 8 || value > OPT_IN)
    return 1;
  f->most = value;
  return 0;
}

API int
cuMemAlloc_v2(uint64_t *p, size_t bytes)
{
  void *data = NULL;

  if (sticky)
    return sticky;
  if (posix_memalign(&data, 256, bytes))
    return 2;
  *p = (uint64_t)(uintptr_t)data;
  return 0;
}

API int
cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t bytes)
{
  if (sticky == 0)
    memcpy((void *)(uintptr_t)to, from, bytes);
  return sticky;
}

API int
cuMemcpyDtoH_v2(void *to, uint64_t from, size_t bytes)
{
  if (sticky == 0)
    memcpy(to, (void *)(uintptr_t)from, bytes);
  return sticky;
}

API int
cuMemsetD8Async(uint64_t to, unsigned char value, size_t bytes, void *s)
{
  return s == NULL || value ? 1
         : enqueue((struct node){ .clear = (void *)(uintptr_t)to,
                                  .bytes = bytes });
}

API int
cuLaunchKernel(struct function *f, unsigned x, unsigned y, unsigned z,
               unsigned tx, unsigned ty, unsigned tz, unsigned shared,
               void *s, void **arg, void **extra)
{
  struct node n = { .f = f, .grid = { x, y, z }, .threads = tx,
                    .local = shared };
  int i;

  if (ty != 1 || tz != 1 || extra || s == NULL || tx > 1024
      || shared > (unsigned)f->most || x % (unsigned)f->cluster[0]
      || y % (unsigned)f->cluster[1])
    return 1;
  for (i = 0; f->launch != no_work && i < 4; i++)
    n.arg[i] = (float *)(uintptr_t)*(uint64_t *)arg[i];
  return enqueue(n);
}

API int
cuStreamBeginCapture_v2(void *s, int mode)
{
  (void)mode;
  capturing = s ? calloc(1, sizeof *capturing) : NULL;
  return capturing ? 0 : 2;
}

API int
cuStreamEndCapture(void *s, struct graph **g)
{
  *g = capturing;
  capturing = NULL;
  return *g && s ? 0 : 1;
}

API int
cuGraphInstantiateWithFlags(struct graph **e, struct graph *g, uint64_t flags)
{
  *e = g;
  return flags ? 1 : 0;
}

API int
cuGraphLaunch(struct graph *e, void *s)
{
  size_t i;
  int code = s ? 0 : 1;

  for (i = 0; i < e->nodes && code == 0; i++)
    code = execute(&e->node[i]);
  return 0; /* as on a GPU, the next call that waits tells */
}

API int
cuEventCreate(struct event **e, unsigned flags)
{
  (void)flags;
  return (*e = calloc(1, sizeof **e)) ? 0 : 2;
}

API int
cuEventRecord(struct event *e, void *s)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  e->at = 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
  return s ? 0 : 1;
}

API int
cuEventElapsedTime(float *ms, const struct event *from,
                   const struct event *to)
{
  *ms = (float)(to->at - from->at);
  return sticky;
}
