/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of the CUDA driver interface that is used here, declared anew, so
 * that nothing of CUDA is needed to build; cu_open() finds the driver's
 * library at run time.  Names, values and versions (_v2) are those of the
 * CUDA Driver API reference.
 */
#ifndef CUDA_CU_H
#define CUDA_CU_H
#include <stddef.h>
#include <stdint.h>
#include <chanas/plugin.h>

typedef struct cu_context *CUcontext;
typedef struct cu_module *CUmodule;
typedef struct cu_function *CUfunction;
typedef struct cu_stream *CUstream;
typedef struct cu_event *CUevent;
typedef struct cu_graph *CUgraph;
typedef struct cu_graph_exec *CUgraphExec;
typedef uint64_t CUdeviceptr;

enum {
  CUDA_SUCCESS = 0,
  CUDA_ERROR_OUT_OF_MEMORY = 2,
  CU_MAX_THREADS_PER_BLOCK = 1,
  CU_WARP_SIZE = 10,
  CU_MAX_REGISTERS_PER_BLOCK = 12,
  CU_CLOCK_RATE = 13, /* kHz */
  CU_MULTIPROCESSOR_COUNT = 16,
  CU_MEMORY_CLOCK_RATE = 36,
  CU_L2_CACHE_SIZE = 38,
  CU_CAPABILITY_MAJOR = 75,
  CU_CAPABILITY_MINOR = 76,
  CU_MAX_SHARED_OPTIN = 97,
  CU_FUNC_MAX_DYNAMIC_SHARED = 8, /* an attribute of functions */
};

/* ENTRY(name, parameters): all return an error code. */
#define CU_ENTRIES(ENTRY) \
  ENTRY(cuInit, (unsigned)) \
  ENTRY(cuDriverGetVersion, (int *)) \
  ENTRY(cuGetErrorName, (int, const char **)) \
  ENTRY(cuDeviceGetCount, (int *)) \
  ENTRY(cuDeviceGet, (int *, int)) \
  ENTRY(cuDeviceGetName, (char *, int, int)) \
  ENTRY(cuDeviceGetAttribute, (int *, int, int)) \
  ENTRY(cuDeviceTotalMem_v2, (size_t *, int)) \
  ENTRY(cuDevicePrimaryCtxRetain, (CUcontext *, int)) \
  ENTRY(cuDevicePrimaryCtxRelease_v2, (int)) \
  ENTRY(cuCtxSetCurrent, (CUcontext)) \
  ENTRY(cuModuleLoadData, (CUmodule *, const void *)) \
  ENTRY(cuModuleUnload, (CUmodule)) \
  ENTRY(cuModuleGetFunction, (CUfunction *, CUmodule, const char *)) \
  ENTRY(cuFuncSetAttribute, (CUfunction, int, int)) \
  ENTRY(cuMemAlloc_v2, (CUdeviceptr *, size_t)) \
  ENTRY(cuMemFree_v2, (CUdeviceptr)) \
  ENTRY(cuMemcpyHtoD_v2, (CUdeviceptr, const void *, size_t)) \
  ENTRY(cuMemcpyDtoH_v2, (void *, CUdeviceptr, size_t)) \
  ENTRY(cuMemsetD8Async, (CUdeviceptr, unsigned char, size_t, CUstream)) \
  ENTRY(cuLaunchKernel, \
        (CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, \
         unsigned, unsigned, CUstream, void **, void **)) \
  ENTRY(cuStreamCreate, (CUstream *, unsigned)) \
  ENTRY(cuStreamSynchronize, (CUstream)) \
  ENTRY(cuStreamDestroy_v2, (CUstream)) \
  ENTRY(cuStreamBeginCapture_v2, (CUstream, int)) \
  ENTRY(cuStreamEndCapture, (CUstream, CUgraph *)) \
  ENTRY(cuGraphInstantiateWithFlags, (CUgraphExec *, CUgraph, uint64_t)) \
  ENTRY(cuGraphLaunch, (CUgraphExec, CUstream)) \
  ENTRY(cuGraphExecDestroy, (CUgraphExec)) \
  ENTRY(cuGraphDestroy, (CUgraph)) \
  ENTRY(cuEventCreate, (CUevent *, unsigned)) \
  ENTRY(cuEventRecord, (CUevent, CUstream)) \
  ENTRY(cuEventSynchronize, (CUevent)) \
  ENTRY(cuEventElapsedTime, (float *, CUevent, CUevent)) \
  ENTRY(cuEventDestroy_v2, (CUevent))

#define CU_MEMBER(name, parameters) int (*name) parameters;
struct cu { CU_ENTRIES(CU_MEMBER) };
#undef CU_MEMBER

/* The functions of the library (a name for dlopen), initialised; NULL,
 * logged at this level: unavailable, and why. */
const struct cu *cu_open(const struct chanas_host *, const char *library,
                         enum chanas_level);
const char *cu_error(const struct cu *, int code); /* its name */
#endif
