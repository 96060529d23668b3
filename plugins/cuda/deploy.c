/* SPDX-License-Identifier: Apache-2.0 */
/* Stand-alone programs that need the NVIDIA driver, and nvcc once. */
#include "cuda.h"
#include <cuda_alone_text.h>
#include <stdio.h>
#include "gpu.h"
#include "gpu_deploy.h"

static const char makefile[] =
  "# Made by chanas.  NVIDIA's CUDA toolkit is needed to build.\n"
  "all: libnet.a libnet.so bench check kernels.cubin\n"
  "CUDA = /usr/local/cuda\n"
  "NVCC = $(CUDA)/bin/nvcc\n"
  "CPPFLAGS = -I$(CUDA)/include\n"
  "LIBS = -l:libcuda.so.1 -lm\n"
  "kernels.cubin: kernels.cu\n"
  "\t$(NVCC) -cubin -std=c++14 -arch=sm_%d -o $@ kernels.cu\n";

int
cuda_deploy(void *self, const struct chanas_program *program,
            struct chanas_files *out)
{
  const struct gpu *g = self;
  char text[1024];
  const struct gpu_alone alone = { cuda_alone_c, "kernels.cu", text };

  snprintf(text, sizeof text, makefile, g->device.arch);
  return gpu_deploy(g->host, program, &alone, out);
}
