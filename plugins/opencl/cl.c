/* SPDX-License-Identifier: Apache-2.0 */
/* Finding libOpenCL at run time, and the names of its errors. */
#include "cl.h"
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define LIBRARY "libOpenCL.so.1"

const struct cl *
cl_open(const struct chanas_host *h, enum chanas_level level)
{
  static struct cl cl;
  static int open;
  void *library, *symbol;

  if (open)
    return &cl;
  library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    h->log(h->ctx, level, "unavailable: no OpenCL (Debian: apt install "
           "ocl-icd-libopencl1 pocl-opencl-icd): %s", dlerror());
    return NULL;
  }
#define FIND(result, name, parameters) \
  symbol = dlsym(library, #name); \
  if (symbol == NULL) { \
    h->log(h->ctx, level, "unavailable: " LIBRARY " has no " #name \
           ", OpenCL 1.2 is needed"); \
    return NULL; \
  } \
  memcpy(&cl.name, &symbol, sizeof symbol);
  CL_ENTRIES(FIND)
#undef FIND
  open = 1;
  return &cl;
}

const char *
cl_error(int32_t code)
{
  static const struct { int32_t code; const char *name; } names[] = {
    { -1, "CL_DEVICE_NOT_FOUND" }, { -2, "CL_DEVICE_NOT_AVAILABLE" },
    { -4, "CL_MEM_OBJECT_ALLOCATION_FAILURE" },
    { -5, "CL_OUT_OF_RESOURCES" }, { -6, "CL_OUT_OF_HOST_MEMORY" },
    { -11, "CL_BUILD_PROGRAM_FAILURE" }, { -30, "CL_INVALID_VALUE" },
    { -36, "CL_INVALID_COMMAND_QUEUE" }, { -38, "CL_INVALID_MEM_OBJECT" },
    { -46, "CL_INVALID_KERNEL_NAME" }, { -52, "CL_INVALID_KERNEL_ARGS" },
    { -54, "CL_INVALID_WORK_GROUP_SIZE" },
    { -55, "CL_INVALID_WORK_ITEM_SIZE" }, { -61, "CL_INVALID_BUFFER_SIZE" },
    { -1001, "CL_PLATFORM_NOT_FOUND_KHR" },
  };
  static char other[32];
  size_t i;

  for (i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].code == code)
      return names[i].name;
  snprintf(other, sizeof other, "OpenCL error %d", (int)code);
  return other;
}
