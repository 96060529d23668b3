/* SPDX-License-Identifier: Apache-2.0 */
/* Stand-alone programs that need an OpenCL library and nothing else. */
#include "opencl.h"
#include <opencl_alone_text.h>
#include "gpu.h"
#include "gpu_deploy.h"

static const char makefile[] =
  "# Made by chanas.  OpenCL's headers and library (Debian: opencl-c-headers,\n"
  "# ocl-icd-opencl-dev) are needed; kernels.cl is compiled by the driver.\n"
  "all: libnet.a libnet.so bench check\n"
  "LIBS = -lOpenCL -lm\n";

int
opencl_deploy(void *self, const struct chanas_program *program,
              struct chanas_files *out)
{
  const struct gpu *g = self;
  const struct gpu_alone alone = { opencl_alone_c, "kernels.cl", makefile };

  return gpu_deploy(g->host, program, &alone, out);
}
