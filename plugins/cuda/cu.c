/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the driver at run time. */
#include "cu.h"
#include <dlfcn.h>
#include <string.h>

const char *
cu_error(const struct cu *cu, int code)
{
  const char *name = NULL;

  return cu->cuGetErrorName(code, &name) || name == NULL ? "unknown error"
                                                         : name;
}

static int
find_all(struct cu *cu, void *library, const struct chanas_host *h,
         enum chanas_level level)
{
  void *symbol;

#define FIND(name, parameters) \
  symbol = dlsym(library, #name); \
  if (symbol == NULL) { \
    h->log(h->ctx, level, "unavailable: the NVIDIA driver has no " #name \
           "; one of CUDA 11.4 or later is needed"); \
    return -1; \
  } \
  memcpy(&cu->name, &symbol, sizeof symbol);
  CU_ENTRIES(FIND)
#undef FIND
  return 0;
}

const struct cu *
cu_open(const struct chanas_host *h, const char *name,
        enum chanas_level level)
{
  static struct cu cu;
  static int open;
  void *library;
  int code;

  if (open)
    return &cu;
  library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    h->log(h->ctx, level, "unavailable: no NVIDIA driver (Debian: apt install "
           "nvidia-driver, non-free): %s", dlerror());
    return NULL;
  }
  if (find_all(&cu, library, h, level))
    return NULL;
  code = cu.cuInit(0);
  if (code) {
    h->log(h->ctx, level, "unavailable: the NVIDIA driver does not start: %s",
           cu_error(&cu, code));
    return NULL;
  }
  open = 1;
  return &cu;
}
