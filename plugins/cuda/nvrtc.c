/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chanas-nvrtc: one CUDA source to one object, that is, to the source's
 * manifest (its lines that begin with the mark) and a cubin behind it.  A
 * program of its own, so that a crash of the compiler is a crash of a child.
 *
 *   chanas-nvrtc [--nvcc | --nvrtc] --arch=sm_NN -o OBJECT SOURCE
 *   chanas-nvrtc --version
 *
 * The compiler is NVRTC, or nvcc where only that is there; --version says
 * which, and with it the latency table keeps their figures apart.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "gpu_manifest.h"

typedef struct nvrtc_program *nvrtcProgram;

/* NVRTC's interface, as far as it is used. */
struct nvrtc {
  int (*version)(int *, int *);
  int (*create)(nvrtcProgram *, const char *, const char *, int,
                const char *const *, const char *const *);
  int (*compile)(nvrtcProgram, int, const char *const *);
  int (*log_size)(nvrtcProgram, size_t *), (*log)(nvrtcProgram, char *);
  int (*size)(nvrtcProgram, size_t *), (*cubin)(nvrtcProgram, char *);
};

struct options {
  const char *arch, *object, *source;
  int nvcc, nvrtc, version;
};

static int
fail(const char *what, const char *detail)
{
  fprintf(stderr, "chanas-nvrtc: error: %s: %s\n", what, detail);
  return 1;
}

static char *
read_all(const char *path, size_t *size)
{
  FILE *f = fopen(path, "rb");
  char *data = NULL;
  long n = -1;

  if (f && !fseek(f, 0, SEEK_END) && (n = ftell(f)) >= 0
      && !fseek(f, 0, SEEK_SET) && (data = calloc(1, (size_t)n + 1)))
    *size = fread(data, 1, (size_t)n, f);
  if (f)
    fclose(f);
  if (data == NULL || *size != (size_t)n) {
    free(data);
    fail(path, strerror(errno));
    return NULL;
  }
  return data;
}

/* ---- NVRTC ---- */

static void *
find_library(void)
{
  static const char *const name[] = {
    "libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2", "libnvrtc.so",
    "/usr/local/cuda/lib64/libnvrtc.so", "/usr/lib/cuda/lib64/libnvrtc.so",
  };
  void *library = NULL;
  size_t i;

  for (i = 0; library == NULL && i < sizeof name / sizeof *name; i++)
    library = dlopen(name[i], RTLD_NOW | RTLD_LOCAL);
  return library;
}

static int
nvrtc_open(struct nvrtc *n)
{
  static const char *const name[] = {
    "nvrtcVersion", "nvrtcCreateProgram", "nvrtcCompileProgram",
    "nvrtcGetProgramLogSize", "nvrtcGetProgramLog", "nvrtcGetCUBINSize",
    "nvrtcGetCUBIN",
  };
  void *library = find_library(), *symbol[7];
  int i;

  for (i = 0; library && i < 7; i++)
    if ((symbol[i] = dlsym(library, name[i])) == NULL)
      library = NULL;
  if (library == NULL)
    return -1;
  memcpy(&n->version, &symbol[0], sizeof symbol[0]);
  memcpy(&n->create, &symbol[1], sizeof symbol[1]);
  memcpy(&n->compile, &symbol[2], sizeof symbol[2]);
  memcpy(&n->log_size, &symbol[3], sizeof symbol[3]);
  memcpy(&n->log, &symbol[4], sizeof symbol[4]);
  memcpy(&n->size, &symbol[5], sizeof symbol[5]);
  memcpy(&n->cubin, &symbol[6], sizeof symbol[6]);
  return 0;
}

static char *
nvrtc_compile(const struct nvrtc *n, const struct options *o,
              const char *text, size_t *size)
{
  char arch[64];
  const char *const args[] = { arch, "--std=c++14", "--restrict" };
  nvrtcProgram p;
  char *out = NULL;
  size_t log = 0;
  int bad;

  snprintf(arch, sizeof arch, "--gpu-architecture=%s",
           o->arch + strlen("--arch="));
  if (n->create(&p, text, o->source, 0, NULL, NULL))
    return NULL;
  bad = n->compile(p, sizeof args / sizeof *args, args);
  if (bad && !n->log_size(p, &log) && (out = calloc(1, log + 1))) {
    n->log(p, out);
    fprintf(stderr, "%s\n", out);
    free(out);
    out = NULL;
  }
  if (!bad && !n->size(p, size) && *size && (out = calloc(1, *size))
      && n->cubin(p, out)) {
    free(out);
    out = NULL;
  }
  return out;
}

/* ---- nvcc ---- */

static const char *
nvcc_path(void)
{
  return access("/usr/local/cuda/bin/nvcc", X_OK) ? "nvcc"
                                                  : "/usr/local/cuda/bin/nvcc";
}

static int
run(char *const args[])
{
  int status = -1;
  pid_t pid = fork();

  if (pid == 0) {
    execvp(args[0], args);
    _exit(127);
  }
  if (pid < 0 || waitpid(pid, &status, 0) != pid)
    return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static char *
nvcc_compile(const struct options *o, size_t *size)
{
  char *cubin = malloc(strlen(o->object) + 8), *data = NULL;
  char *args[] = { (char *)(uintptr_t)nvcc_path(), "-cubin", "-std=c++14",
                   (char *)(uintptr_t)o->arch, "-o", cubin,
                   (char *)(uintptr_t)o->source, NULL };

  if (cubin == NULL)
    return NULL;
  strcpy(cubin, o->object);
  strcat(cubin, ".cubin");
  if (run(args) == 0)
    data = read_all(cubin, size);
  unlink(cubin);
  free(cubin);
  return data;
}

static int
nvcc_version(void)
{
  char *args[] = { (char *)(uintptr_t)nvcc_path(), "--version", NULL };

  return run(args) ? fail("neither NVRTC nor nvcc is there",
                          "Debian: apt install libnvrtc11.2 or "
                          "nvidia-cuda-toolkit (non-free)") : 0;
}

/* ---- the object ---- */

static int
write_object(const char *path, const char *text, const char *cubin,
             size_t size)
{
  FILE *f = fopen(path, "wb");
  const char *at = text;
  int bad = f == NULL;

  if (bad)
    return fail(path, strerror(errno));
  fprintf(f, "chanas CUDA object\n");
  while ((at = gpu_manifest_next(at)))
    fprintf(f, GPU_MARK "%.*s\n", (int)strcspn(at, "\n"), at);
  fprintf(f, GPU_MARK "cubin %zu\n", size);
  bad = fwrite(cubin, 1, size, f) != size;
  bad |= fclose(f) != 0;
  if (bad)
    unlink(path);
  return bad ? fail(path, "cannot be written") : 0;
}

static int
parse(int argc, char **argv, struct options *o)
{
  int i;

  for (i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--version"))
      o->version = 1;
    else if (!strcmp(argv[i], "--nvcc"))
      o->nvcc = 1;
    else if (!strcmp(argv[i], "--nvrtc"))
      o->nvrtc = 1;
    else if (!strncmp(argv[i], "--arch=sm_", 10))
      o->arch = argv[i];
    else if (!strcmp(argv[i], "-o") && i + 1 < argc)
      o->object = argv[++i];
    else if (*argv[i] != '-' && o->source == NULL)
      o->source = argv[i];
    else
      return -1;
  }
  return o->version || (o->arch && o->object && o->source) ? 0 : -1;
}

static int
print_version(const struct options *o, const struct nvrtc *n, int there)
{
  int major = 0, minor = 0;

  if (o->nvcc || !there)
    return o->nvrtc ? fail("NVRTC", "libnvrtc cannot be loaded")
                    : nvcc_version();
  n->version(&major, &minor);
  printf("NVRTC %d.%d\n", major, minor);
  return 0;
}

int
main(int argc, char **argv)
{
  struct options o = { 0 };
  struct nvrtc n;
  char *text, *cubin;
  size_t size = 0;
  int there, bad;

  if (parse(argc, argv, &o)) {
    fprintf(stderr, "usage: chanas-nvrtc [--nvcc | --nvrtc] --arch=sm_NN "
            "-o OBJECT SOURCE\n       chanas-nvrtc --version\n");
    return 2;
  }
  there = !nvrtc_open(&n);
  if (o.version)
    return print_version(&o, &n, there);
  if (!there && o.nvrtc)
    return fail("NVRTC", "libnvrtc cannot be loaded");
  text = read_all(o.source, &size);
  if (text == NULL)
    return 1;
  cubin = o.nvcc || !there ? nvcc_compile(&o, &size)
                           : nvrtc_compile(&n, &o, text, &size);
  bad = cubin ? write_object(o.object, text, cubin, size)
              : fail(o.source, "it does not compile");
  free(text);
  free(cubin);
  return bad;
}
