/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chanas plugin interface, version 1.  See chanas-plugin(3).
 *
 * A plugin is one shared object, chanas-NAME.so, that exports one symbol,
 * chanas_plugin_entry(), which returns a static descriptor.  It resolves no
 * symbol of the host: every service comes through struct chanas_host.
 *
 *   entry -> parameters checked -> open -> work ... -> close -> dlclose
 *
 * A backend has two halves.  The device half runs only inside chanas-runner,
 * on the machine that owns the device.  The pure half is a function of the
 * device's description alone, so it works on any machine:
 *
 *   runner:  diagnose probe describe load run control unload
 *   search:  open  space initial legal features emit command deploy  close
 *
 * Ownership: arguments are borrowed for the call; results go out through
 * host writers (knob, print, arg, file); memory from host->alloc is freed by
 * the host after close; no block crosses free().  A pointer that a plugin
 * returns lasts until the next call on the same self.
 *
 * Errors: log at the point of failure through host->log, return -1.  A bad
 * candidate is not an error but an outcome.  0 is success unless stated.
 *
 * Threads: space, initial, legal, features, emit, command may run
 * concurrently on one self and do not write it; ask/tell/estimate are serial.
 *
 * Growth: structures grow at the end only; the host copies the smaller
 * struct_size over zeroes, and CHANAS_HAS tells what the other side carries.
 * While the package is 0.x, api_version must match exactly.
 */
#ifndef CHANAS_PLUGIN_H
#define CHANAS_PLUGIN_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define CHANAS_API_VERSION 1

/* Does this struct, whichever side built it, carry this member? */
#define CHANAS_HAS(s, m) \
  ((s)->struct_size >= offsetof(__typeof__(*(s)), m) + sizeof((s)->m) && (s)->m)

/* Opaque; read and filled through struct chanas_host. */
struct chanas_space;   /* named finite knobs */
struct chanas_device;  /* description of one target, as key=value lines */
struct chanas_network; /* one point of an architecture space, made concrete */
struct chanas_text;    /* a growing text */
struct chanas_args;    /* a growing argument vector */
struct chanas_files;   /* a growing set of named texts */

enum chanas_level { CHANAS_ERROR, CHANAS_WARN, CHANAS_INFO, CHANAS_DEBUG };

/* ---- spaces, points, trials: the same at both levels ------------------- */

/* One choice index per knob.  Frozen for this API version. */
struct chanas_point {
  const struct chanas_space *space;
  const int32_t *choice;
};

enum chanas_outcome {
  CHANAS_MEASURED,      /* objectives are valid */
  CHANAS_ILLEGAL,       /* the backend's legal() refused it */
  CHANAS_NOT_BUILT,     /* emit or the compiler failed */
  CHANAS_CRASHED,       /* a signal, or an exit without a result */
  CHANAS_TIMED_OUT,     /* killed at the deadline */
  CHANAS_WRONG,         /* differs from the reference, or writes elsewhere */
  CHANAS_OUT_OF_MEMORY, /* could not get its buffers */
  CHANAS_LOST,          /* the device or the link went away */
  CHANAS_INVALID,       /* an estimator returned NaN or infinity */
};

/* Frozen for this API version.  objective[i] is in the unit of goal i and
 * valid only if outcome is CHANAS_MEASURED; violation is 0 when every
 * constraint holds, else the sum of relative excesses. */
struct chanas_trial {
  struct chanas_point point;
  enum chanas_outcome outcome;
  const double *objective;
  double violation;
};

/* What is optimised.  Frozen for this API version. */
struct chanas_goal {
  const char *name; /* "accuracy", "latency", ... */
  int sense;        /* +1 maximise, -1 minimise */
  double limit;     /* the constraint on it in its unit; NaN if none */
};

struct chanas_estimate {
  double mean, stddev;
};

/* ---- workloads ---------------------------------------------------------- */

enum chanas_op_kind {
  CHANAS_CONV,       /* dense 2-D convolution (1x1 is the pointwise one) */
  CHANAS_DWCONV,     /* depthwise convolution, cout == cin */
  CHANAS_SE,         /* x * hsigmoid(W2 relu(W1 mean(x) + b1) + b2) */
  CHANAS_ADD,        /* src + src2 */
  CHANAS_AVGPOOL,    /* k x k average, padding not counted */
  CHANAS_GLOBALPOOL, /* mean over h, w; gives 1 x 1 x cin */
  CHANAS_LINEAR,     /* fully connected over the flattened 1 x 1 x cin */
  CHANAS_ACT,        /* the activation alone (also copy, with act none) */
};

enum chanas_act {
  CHANAS_ACT_NONE,
  CHANAS_ACT_RELU,
  CHANAS_ACT_RELU6,
  CHANAS_ACT_HSWISH,   /* x * relu6(x + 3) / 6 */
  CHANAS_ACT_HSIGMOID, /* relu6(x + 3) / 6 */
  CHANAS_ACT_SWISH,    /* x / (1 + exp(-x)) */
};

/*
 * What a kernel may round.  Activations between blocks and parameters are
 * float whatever the dtype; inside a block the operands of the products of
 * CONV, DWCONV and LINEAR, and the tensors between operators, may be rounded
 * to the dtype, and need not be.  Sums are kept in float at least (I8: int32;
 * in half precision over at most 64 products F16, and a DWCONV of BF16 or I8
 * whose activations before and behind are bounded).  All results are compared
 * with the float reference; the bounds are in core/reference_bound.c.
 *
 * I8 is symmetric: a tensor's scale is its range over 127, a weight's the
 * largest magnitude in its output channel over 127.
 */
enum chanas_dtype {
  CHANAS_F32,
  CHANAS_BF16, /* bfloat16: 8 bits of precision */
  CHANAS_I8,
  CHANAS_F16,  /* IEEE half: 11 bits */
  CHANAS_TF32, /* NVIDIA's TensorFloat-32: 11 bits, the range of float */
};

/*
 * One operator of a block.  Frozen for this API version.
 * Tensors of the block: 0 is its input, i + 1 the output of op i; the last
 * op's output is the block's.  All extents are in elements; padding is equal
 * on both sides of both axes; oh = (h + 2 pad - k) / stride + 1.
 *
 * Parameters, in the order of the ops, densely packed as float:
 *   CONV    W[cout][cin][k][k],  then bias[cout] if bias
 *   DWCONV  W[cin][k][k],        then bias[cin]  if bias
 *   SE      W1[squeeze][cin], b1[squeeze], W2[cin][squeeze], b2[cin]
 *   LINEAR  W[cout][cin],        then bias[cout] if bias
 * (Batch normalisation is folded: to a kernel it is a bias.)
 * With dtype I8 one float for each op follows all of these: entry t is the
 * range of tensor t, the largest magnitude that a calibration saw in it.
 */
struct chanas_op {
  int32_t kind, act;    /* act is applied to the op's result */
  int32_t src, src2;    /* tensor indices; src2 is -1 but for ADD */
  int32_t cin, h, w;    /* of src */
  int32_t cout, oh, ow; /* of the result */
  int32_t k, stride, pad;
  int32_t squeeze;      /* SE only */
  int32_t bias;         /* 0 or 1; SE always has both of its biases */
};

/*
 * A block: the unit of pre-scheduling.  Activations between blocks are
 * float, NHWC: x[n][h][w][c].  With accumulate set the block computes
 * y += f(x), else y = f(x).  Equal keys are the same workload.
 */
struct chanas_workload {
  uint32_t struct_size;
  const char *key; /* canonical text, parses back */
  int32_t dtype, batch, accumulate;
  uint32_t ops;
  const struct chanas_op *op;
  size_t inputs, outputs; /* elements of x and y, batch included */
  size_t weights;         /* floats, in the order given above */
  double flops, bytes;    /* 2 x MACs; compulsory traffic x + y + weights */
};

/*
 * What a runner executes: a block (one step) or a whole network.  Tensor 0
 * is the program's input and `output` its result; a tensor that no step
 * writes is all zeroes.  Frozen for this API version.
 */
struct chanas_step {
  const struct chanas_workload *workload;
  const char *symbol;   /* as given to emit() */
  const float *weights; /* workload->weights floats */
  int32_t src, dst;     /* tensor indices */
};
struct chanas_program {
  size_t steps, tensors;
  const struct chanas_step *step;
  const size_t *elements; /* of each tensor */
  int32_t output;
};

/* ---- services given to one plugin instance.  Append only. --------------- */

struct chanas_host {
  uint32_t struct_size, api_version;
  void *ctx;
  void (*log)(void *ctx, enum chanas_level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
  /* Values of the instance's own INI section; declared in params, so
   * checked and defaulted: get never returns NULL for a declared key. */
  const char *(*get)(void *ctx, const char *key);
  int64_t (*get_int)(void *ctx, const char *key);
  double (*get_real)(void *ctx, const char *key);
  void *(*alloc)(void *ctx, size_t size); /* zeroed; freed after close; NULL */
  uint64_t (*random)(void *ctx);          /* own seeded stream, 64 bits */
  int (*parallel)(void *ctx, size_t n, void (*fn)(void *arg, size_t i),
                  void *arg);
  int (*stopping)(void *ctx); /* 1 once the user asked to stop */
  /* A small persistent store, private to the plugin's name; -1 if absent. */
  int (*store)(void *ctx, const char *key, const void *data, size_t size);
  int (*fetch)(void *ctx, const char *key, const void **data, size_t *size);
  /* Full path of a data file: as given, relative to the INI file, then under
   * $CHANAS_DATA, then $(datadir)/chanas.  NULL (and a log line that says
   * which and where to get it) if absent.  Lasts until close. */
  const char *(*data)(void *ctx, const char *name);

  /* spaces and points */
  int (*knob)(struct chanas_space *, const char *name, size_t n,
              const int64_t *values);
  size_t (*knobs)(const struct chanas_space *);
  size_t (*choices)(const struct chanas_space *, size_t knob);
  const char *(*knob_name)(const struct chanas_space *, size_t knob);
  int64_t (*knob_value)(const struct chanas_space *, size_t knob, size_t i);
  const char *(*knob_label)(const struct chanas_space *, size_t knob, size_t i);
  long (*find_knob)(const struct chanas_space *, const char *name); /* -1 */
  int64_t (*value)(struct chanas_point, const char *name); /* 0 if absent */
  /* 0 if the knob has no effect at this point (a layer beyond the depth). */
  int (*active)(struct chanas_point, size_t knob);

  /* networks */
  struct chanas_point (*origin)(const struct chanas_network *);
  const char *(*code)(const struct chanas_network *); /* its short name */
  double (*macs)(const struct chanas_network *);
  double (*params)(const struct chanas_network *);
  size_t (*blocks)(const struct chanas_network *);
  const struct chanas_workload *(*block)(const struct chanas_network *, size_t);

  /* the device's description */
  int64_t (*limit)(const struct chanas_device *, const char *name); /* 0 */
  const char *(*trait)(const struct chanas_device *, const char *name); /* "" */

  /* writers */
  int (*print)(struct chanas_text *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
  int (*arg)(struct chanas_args *, const char *arg);
  struct chanas_text *(*file)(struct chanas_files *, const char *name);

  /* A block's place in its network: "3.2" (stage and layer; of a cell also
   * the edge); the [op] chosen there, "" where there is no choice of ops; the
   * tensors it reads and writes, numbered as in struct chanas_program. */
  const char *(*block_name)(const struct chanas_network *, size_t);
  const char *(*block_choice)(const struct chanas_network *, size_t);
  int32_t (*block_source)(const struct chanas_network *, size_t);
  int32_t (*block_target)(const struct chanas_network *, size_t);
  /* The network of one choice per knob of the space that open() was given,
   * which the caller gives back to discard().  For estimators only, and
   * serial like estimate().  NULL, logged, if it cannot be made. */
  struct chanas_network *(*network)(void *ctx, const int32_t *choice);
  void (*discard)(struct chanas_network *);
  /* How far a long call is: one line with an estimate of the time left.  what
   * NULL ends it; note may be NULL. */
  void (*progress)(void *ctx, const char *what, double done, double total,
                   const char *note);
};

/* ---- the three kinds --------------------------------------------------- */

struct chanas_backend {
  uint32_t struct_size;

  /* Device half, only in chanas-runner. */
  int (*probe)(const struct chanas_host *); /* 0: usable; -1: logged why not */
  /* Print key=value lines.  Lines whose key starts with "measured." are
   * ceilings (GFLOP/s, GB/s) and are printed only if `measure`; all others
   * are stable and make the fingerprint. */
  int (*describe)(const struct chanas_host *, struct chanas_text *out,
                  int measure);
  /* Many times in one process, one after the other: what is dear to set up
   * and the same for all (a context) may stay from the first on. */
  int (*load)(const struct chanas_host *, const char *object,
              const struct chanas_program *, void **loaded);
  /* Execute `repeat` times back to back; *seconds is the time of all of
   * them.  `output` is read too where the program's result is accumulated.
   * Not timed: copies between host and device. */
  int (*run)(void *loaded, const float *input, float *output, unsigned repeat,
             double *seconds);
  /* One pass of a fixed amount of work, to see the machine drift. */
  int (*control)(const struct chanas_host *, double *seconds);
  void (*unload)(void *loaded);

  /* Pure half. */
  int (*open)(const struct chanas_host *, const struct chanas_device *,
              void **self);
  /* Fill the policy space of a workload; always at least one knob.  A dtype
   * that the backend lacks is refused, for all workloads alike: -1, and one
   * line that names it ("no bf16 kernels"). */
  int (*space)(void *self, const struct chanas_workload *,
               struct chanas_space *out);
  /* The default policy: always legal.  choice[] has one entry per knob. */
  int (*initial)(void *self, const struct chanas_workload *,
                 const struct chanas_space *, int32_t *choice);
  int (*legal)(void *self, const struct chanas_workload *,
               struct chanas_point); /* 1 or 0 */
  /* Numbers for the cost model, of equal length for every workload of a
   * backend; returns how many were written, at most max. */
  int (*features)(void *self, const struct chanas_workload *,
                  struct chanas_point, double *out, size_t max);
  /* Source of one kernel, entry points named after symbol.  Texts of several
   * symbols may be concatenated.  Equal input gives equal bytes. */
  int (*emit)(void *self, const struct chanas_workload *, struct chanas_point,
              const char *symbol, struct chanas_text *out);
  const char *suffix; /* of a source file, ".c" */
  /* The compiler and its arguments, from one source to one object.  The first
   * is the default compiler ("cc"); the user's ($CHANAS_CC, [backend]
   * compiler) takes its place.  The rest depends on the device's description
   * only, never on the machine that compiles (no -march=native).  It must
   * fail on an undefined symbol (-Wl,-z,defs), which at load would take down
   * every candidate in the same object.  NULL: the emitted text is the object,
   * and load() compiles what the program names of the candidates in it; a
   * whole network's text holds all of its steps.  A load() that fails is
   * CHANAS_NOT_BUILT. */
  int (*command)(void *self, const char *source, const char *object,
                 struct chanas_args *out);
  /* Files of a stand-alone library around already emitted kernels, which the
   * host has put into "kernels" + suffix: net.h, net.c, Makefile, bench.c,
   * check.c.  See chanas-plugin(3) for the names they agree on. */
  int (*deploy)(void *self, const struct chanas_program *,
                struct chanas_files *out);
  void (*close)(void *self);

  /* Instead of a device: the latency of a block, from a table or an
   * estimate.  A backend with latency and without emit measures nothing.
   * role is the block's part in the network: "stem", "mbconv", "head", ...
   * network is the point that the block belongs to, for tables that know more
   * than the block (equal blocks of nets of unequal input resolution); its
   * space is NULL when the block stands for itself.  May run concurrently. */
  int (*latency)(void *self, const char *role, const struct chanas_workload *,
                 struct chanas_point network, struct chanas_estimate *seconds);

  /* Device half, may be NULL: one pass over a loaded program, with the time
   * of each step in seconds[steps], as it takes between its neighbours. */
  int (*profile)(void *loaded, const float *input, float *output,
                 double *seconds);

  /* Only in chanas-runner, before probe() and also where that fails; may be
   * NULL.  What of all that the backend needs or can use is there: print one
   * line each, "STATE TOPIC TEXT".  STATE is ok, note (it does without) or
   * missing (it does not work without); TOPIC is one word; TEXT says of what
   * is absent how to get it, with the name of the Debian package.  Compilers
   * that command() names belong here too.  -1: logged why it cannot tell. */
  int (*diagnose)(const struct chanas_host *, struct chanas_text *out);
};

struct chanas_strategy {
  uint32_t struct_size;
  int (*open)(const struct chanas_host *, const struct chanas_space *,
              size_t goals, const struct chanas_goal *goal, void **self);
  /* Propose at most max points; returns how many, 0 when exhausted. */
  int (*ask)(void *self, size_t max, struct chanas_point out[]);
  /* Outcomes, in any order, not only of points that were asked. */
  int (*tell)(void *self, size_t n, const struct chanas_trial trial[]);
  void (*close)(void *self);
};

/* How one network is to be trained. */
struct chanas_lesson {
  uint32_t struct_size;
  int scratch;        /* 1: from random parameters; 0: from what is there */
  int ranges;         /* 1: find the ranges that CHANAS_I8 needs */
  const char *folder; /* for checkpoints: the same as prepare() was given */
};

/* A trained network. */
struct chanas_trained {
  uint32_t struct_size;
  int32_t resolution, channels, classes;
  const float *mean, *std;  /* per channel: (value / 255 - mean) / std is fed */
  const char *const *class_name;
  double accuracy[3];       /* training, validation, test; percent or NaN */
  size_t blocks;
  /* Per block of the network: its parameters in the order of struct
   * chanas_op, normalisation folded; and a range per tensor 0 .. ops-1, range
   * NULL where none were asked for. */
  const float *const *value, *const *range;
};

struct chanas_estimator {
  uint32_t struct_size;
  int (*open)(const struct chanas_host *, const struct chanas_space *,
              void **self);
  /* Accuracy in percent (0..100) of each network. */
  int (*estimate)(void *self, size_t n,
                  const struct chanas_network *const net[],
                  struct chanas_estimate out[]);
  void (*close)(void *self);

  /* All three may be absent.  They return 1, having logged nothing, where
   * host->stopping() cut them short; called again, they go on.
   * Whatever must be done before the first estimate, such as training; the
   * folder exists, lasts, and is the plugin's to keep checkpoints in. */
  int (*prepare)(void *self, const char *folder);
  /* As estimate, and exact where that predicts: for the few on the front. */
  int (*refine)(void *self, size_t n, const struct chanas_network *const net[],
                struct chanas_estimate out[]);
  /* Train one network.  What *out points to lasts until the next call. */
  int (*train)(void *self, const struct chanas_network *,
               const struct chanas_lesson *, struct chanas_trained *out);
};

/* One parameter of a plugin's INI section.  type is one of "int", "real",
 * "bool", "text", "file"; range is "LOW..HIGH" (either may be empty) for
 * numbers, "a|b|c" for a text that must be one of these, or NULL.  A NULL
 * fallback makes the key mandatory. */
struct chanas_param {
  const char *key, *type, *fallback, *range, *help;
};

struct chanas_plugin {
  uint32_t struct_size, api_version;
  const char *name, *version, *summary;
  const struct chanas_param *params; /* ends in {0}; may be NULL */
  const struct chanas_backend *backend; /* provide at least one kind */
  const struct chanas_strategy *strategy;
  const struct chanas_estimator *estimator;
};

#define CHANAS_PLUGIN_HEAD                                                    \
  .struct_size = sizeof(struct chanas_plugin),                                \
  .api_version = CHANAS_API_VERSION
#define CHANAS_REGISTER_PLUGIN(p)                                             \
  __attribute__((visibility("default")))                                     \
  const struct chanas_plugin *chanas_plugin_entry(void);                      \
  const struct chanas_plugin *chanas_plugin_entry(void) { return &(p); }

#ifdef __cplusplus
}
#endif
#endif /* CHANAS_PLUGIN_H */
