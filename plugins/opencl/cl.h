/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of OpenCL 1.2 that is used here, declared anew so that neither
 * headers nor a library are needed to build; cl_open() finds the library at
 * run time.  Names and values are those of the Khronos specification.
 */
#ifndef OPENCL_CL_H
#define OPENCL_CL_H
#include <stddef.h>
#include <stdint.h>
#include <chanas/plugin.h>

typedef struct cl_platform *cl_platform_id;
typedef struct cl_device *cl_device_id;
typedef struct cl_ctx *cl_context;
typedef struct cl_queue *cl_command_queue;
typedef struct cl_memory *cl_mem;
typedef struct cl_prog *cl_program;
typedef struct cl_kern *cl_kernel;

enum {
  CL_SUCCESS = 0,
  CL_MEM_OBJECT_ALLOCATION_FAILURE = -4,
  CL_OUT_OF_RESOURCES = -5,
  CL_OUT_OF_HOST_MEMORY = -6,
  CL_PLATFORM_VERSION = 0x0901,
  CL_PLATFORM_NAME = 0x0902,
  CL_DEVICE_TYPE = 0x1000,
  CL_DEVICE_MAX_COMPUTE_UNITS = 0x1002,
  CL_DEVICE_MAX_WORK_GROUP_SIZE = 0x1004,
  CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT = 0x100A,
  CL_DEVICE_MAX_CLOCK_FREQUENCY = 0x100C,
  CL_DEVICE_GLOBAL_MEM_SIZE = 0x101F,
  CL_DEVICE_LOCAL_MEM_SIZE = 0x1023,
  CL_DEVICE_NAME = 0x102B,
  CL_DEVICE_VENDOR = 0x102C,
  CL_DRIVER_VERSION = 0x102D,
  CL_DEVICE_VERSION = 0x102F,
  CL_KERNEL_PREFERRED_MULTIPLE = 0x11B3,
  CL_PROGRAM_BUILD_LOG = 0x1183,
  CL_BUFFER_CREATE_TYPE_REGION = 0x1220,
};
#define CL_DEVICE_TYPE_ALL 0xFFFFFFFFu
#define CL_MEM_READ_WRITE 1u

struct cl_region { size_t origin, size; };

/* ENTRY(result, name, parameters) for every function that is called. */
#define CL_ENTRIES(ENTRY) \
  ENTRY(int32_t, clGetPlatformIDs, (uint32_t, cl_platform_id *, uint32_t *)) \
  ENTRY(int32_t, clGetPlatformInfo, \
        (cl_platform_id, uint32_t, size_t, void *, size_t *)) \
  ENTRY(int32_t, clGetDeviceIDs, \
        (cl_platform_id, uint64_t, uint32_t, cl_device_id *, uint32_t *)) \
  ENTRY(int32_t, clGetDeviceInfo, \
        (cl_device_id, uint32_t, size_t, void *, size_t *)) \
  ENTRY(cl_context, clCreateContext, \
        (const intptr_t *, uint32_t, const cl_device_id *, void *, void *, \
         int32_t *)) \
  ENTRY(int32_t, clReleaseContext, (cl_context)) \
  ENTRY(cl_command_queue, clCreateCommandQueue, \
        (cl_context, cl_device_id, uint64_t, int32_t *)) \
  ENTRY(int32_t, clReleaseCommandQueue, (cl_command_queue)) \
  ENTRY(cl_program, clCreateProgramWithSource, \
        (cl_context, uint32_t, const char **, const size_t *, int32_t *)) \
  ENTRY(int32_t, clBuildProgram, \
        (cl_program, uint32_t, const cl_device_id *, const char *, void *, \
         void *)) \
  ENTRY(int32_t, clGetProgramBuildInfo, \
        (cl_program, cl_device_id, uint32_t, size_t, void *, size_t *)) \
  ENTRY(int32_t, clRetainProgram, (cl_program)) \
  ENTRY(int32_t, clReleaseProgram, (cl_program)) \
  ENTRY(cl_kernel, clCreateKernel, (cl_program, const char *, int32_t *)) \
  ENTRY(int32_t, clGetKernelWorkGroupInfo, \
        (cl_kernel, cl_device_id, uint32_t, size_t, void *, size_t *)) \
  ENTRY(int32_t, clReleaseKernel, (cl_kernel)) \
  ENTRY(int32_t, clSetKernelArg, \
        (cl_kernel, uint32_t, size_t, const void *)) \
  ENTRY(cl_mem, clCreateBuffer, \
        (cl_context, uint64_t, size_t, void *, int32_t *)) \
  ENTRY(cl_mem, clCreateSubBuffer, \
        (cl_mem, uint64_t, uint32_t, const void *, int32_t *)) \
  ENTRY(int32_t, clReleaseMemObject, (cl_mem)) \
  ENTRY(int32_t, clEnqueueWriteBuffer, \
        (cl_command_queue, cl_mem, uint32_t, size_t, size_t, const void *, \
         uint32_t, const void *, void *)) \
  ENTRY(int32_t, clEnqueueReadBuffer, \
        (cl_command_queue, cl_mem, uint32_t, size_t, size_t, void *, \
         uint32_t, const void *, void *)) \
  ENTRY(int32_t, clEnqueueFillBuffer, \
        (cl_command_queue, cl_mem, const void *, size_t, size_t, size_t, \
         uint32_t, const void *, void *)) \
  ENTRY(int32_t, clEnqueueNDRangeKernel, \
        (cl_command_queue, cl_kernel, uint32_t, const size_t *, \
         const size_t *, const size_t *, uint32_t, const void *, void *)) \
  ENTRY(int32_t, clFinish, (cl_command_queue))

#define CL_MEMBER(result, name, parameters) result (*name) parameters;
struct cl { CL_ENTRIES(CL_MEMBER) };
#undef CL_MEMBER

/* Returns the functions, or NULL, logged at this level, with the Debian
 * package that brings the library. */
const struct cl *cl_open(const struct chanas_host *, enum chanas_level);
const char *cl_error(int32_t); /* its name */
#endif
