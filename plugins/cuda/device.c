/* SPDX-License-Identifier: Apache-2.0 */
/* The device: a context on the primary one, and its description. */
#include "cuda.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "findings.h"

/* Local memory of a block that needs no leave: what kernels here declare. */
#define STATIC_LOCAL 49152

int
cuda_judge(const struct cuda_device *d, const char *what, int code)
{
  if (code == CUDA_SUCCESS)
    return 0;
  if (code == CUDA_ERROR_OUT_OF_MEMORY)
    errno = ENOMEM;
  d->host->log(d->host->ctx, CHANAS_ERROR, "%s: %s", what,
               cu_error(d->cu, code));
  return -1;
}

static int
choose(struct cuda_device *d)
{
  const struct chanas_host *h = d->host;
  int wanted = (int)h->get_int(h->ctx, "gpu"), count = 0, code;

  code = d->cu->cuDeviceGetCount(&count);
  if (code == 0 && wanted < count)
    code = d->cu->cuDeviceGet(&d->id, wanted);
  else if (code == 0) {
    h->log(h->ctx, CHANAS_ERROR, "unavailable: the NVIDIA driver knows %d "
           "GPUs, there is no gpu = %d", count, wanted);
    return -1;
  }
  if (code)
    h->log(h->ctx, CHANAS_ERROR, "unavailable: no GPU: %s",
           cu_error(d->cu, code));
  return code ? -1 : 0;
}

static int
start(struct cuda_device *d)
{
  return cuda_judge(d, "cuDevicePrimaryCtxRetain",
                    d->cu->cuDevicePrimaryCtxRetain(&d->context, d->id))
         || cuda_judge(d, "cuCtxSetCurrent",
                       d->cu->cuCtxSetCurrent(d->context))
         || cuda_judge(d, "cuStreamCreate",
                       d->cu->cuStreamCreate(&d->stream, 1));
}

struct cuda_device *
cuda_device_open(const struct chanas_host *h)
{
  struct cuda_device *d = calloc(1, sizeof *d);

  if (d == NULL)
    return NULL;
  d->host = h;
  d->cu = cu_open(h, h->get(h->ctx, "driver"), CHANAS_ERROR);
  if (d->cu && !choose(d) && !start(d))
    return d;
  cuda_device_close(d);
  return NULL;
}

void
cuda_device_close(struct cuda_device *d)
{
  if (d == NULL)
    return;
  if (d->stream)
    d->cu->cuStreamDestroy_v2(d->stream);
  if (d->context)
    d->cu->cuDevicePrimaryCtxRelease_v2(d->id);
  free(d);
}

int
cuda_attribute(const struct cuda_device *d, int which)
{
  int value = 0;

  d->cu->cuDeviceGetAttribute(&value, which, d->id);
  return value;
}

int
cuda_probe(const struct chanas_host *h)
{
  struct cuda_device *d = cuda_device_open(h);

  cuda_device_close(d);
  return d ? 0 : -1;
}

static int
print_device(const struct cuda_device *d, struct chanas_text *out)
{
  const struct chanas_host *h = d->host;
  char name[256] = "";
  size_t memory = 0;
  int driver = 0;

  d->cu->cuDeviceGetName(name, sizeof name - 1, d->id);
  name[strcspn(name, "\r\n")] = '\0';
  d->cu->cuDeviceTotalMem_v2(&memory, d->id);
  d->cu->cuDriverGetVersion(&driver);
  return h->print(out, "name=%s\narch=%d\ndriver=%d.%d\n", name,
                  10 * cuda_attribute(d, CU_CAPABILITY_MAJOR)
                    + cuda_attribute(d, CU_CAPABILITY_MINOR),
                  driver / 1000, driver % 1000 / 10)
         | h->print(out, "units=%d\ngroup=%d\nwarp=%d\nlocal=%d\n"
                    "local_most=%d\nregisters=%d\n",
                    cuda_attribute(d, CU_MULTIPROCESSOR_COUNT),
                    cuda_attribute(d, CU_MAX_THREADS_PER_BLOCK),
                    cuda_attribute(d, CU_WARP_SIZE), STATIC_LOCAL,
                    cuda_attribute(d, CU_MAX_SHARED_OPTIN),
                    cuda_attribute(d, CU_MAX_REGISTERS_PER_BLOCK))
         | h->print(out, "l2=%d\nclock_mhz=%d\nmemory=%zu\nl2_state=%s\n",
                    cuda_attribute(d, CU_L2_CACHE_SIZE),
                    cuda_attribute(d, CU_CLOCK_RATE) / 1000, memory,
                    h->get(h->ctx, "l2"));
}

int
cuda_describe(const struct chanas_host *h, struct chanas_text *out,
              int measure)
{
  struct cuda_device *d = cuda_device_open(h);
  int bad;

  if (d == NULL)
    return -1;
  bad = print_device(d, out);
  if (!bad && measure)
    bad = cuda_ceilings(d, out) | cuda_clocks(d, out);
  cuda_device_close(d);
  return bad ? -1 : 0;
}

int
cuda_diagnose(const struct chanas_host *h, struct chanas_text *out)
{
  struct finding driver = { h, out, "driver", "missing", "libcuda1",
                            "runs kernels (the NVIDIA driver)" };
  struct finding nvml = { h, out, "nvml", "note", "libnvidia-ml1",
                          "tells clocks and power" };
  struct finding helper = { h, out, "compiler", "missing",
                            "chanas (its own helper)",
                            "compiles kernels through NVRTC or nvcc" };
  const char *name = h->get(h->ctx, "driver");

  if (finding_library(&driver, name) && !cu_open(h, name, CHANAS_INFO))
    finding_say(&driver, "missing", "the NVIDIA driver does not start: no "
                "GPU, or its kernel module is not loaded");
  finding_library(&nvml, "libnvidia-ml.so.1");
  finding_program(&helper, cuda_helper());
  return 0;
}
