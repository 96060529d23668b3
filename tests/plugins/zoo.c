/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A zoo of plugins, one animal for each -DZOO_defect: every one but
 * ZOO_sound, ZOO_grown and ZOO_tabular has exactly one thing wrong with it.
 * ZOO_NAME is the name in its file name.
 */
#include <chanas/plugin.h>

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

static int
zoo_strategy_open(const struct chanas_host *host,
                  const struct chanas_space *space, size_t goals,
                  const struct chanas_goal *goal, void **self)
{
  (void)space, (void)goals, (void)goal;
  *self = host->alloc(host->ctx, 1);
  return *self ? 0 : -1;
}

static int
zoo_ask(void *self, size_t max, struct chanas_point out[])
{
  (void)self, (void)max, (void)out;
  return 0;
}

static int
zoo_tell(void *self, size_t n, const struct chanas_trial trial[])
{
  (void)self, (void)n, (void)trial;
  return 0;
}

static int
zoo_estimator_open(const struct chanas_host *host,
                   const struct chanas_space *space, void **self)
{
  (void)space;
  *self = host->alloc(host->ctx, 1);
  return *self ? 0 : -1;
}

static int
zoo_estimate(void *self, size_t n, const struct chanas_network *const net[],
             struct chanas_estimate out[])
{
  (void)self, (void)net;
  for (size_t i = 0; i < n; i++)
    out[i] = (struct chanas_estimate){ 50, 0 };
  return 0;
}

static int
zoo_backend_open(const struct chanas_host *host,
                 const struct chanas_device *device, void **self)
{
  (void)host, (void)device;
  *self = 0;
  return 0;
}

static void
zoo_close(void *self)
{
  (void)self;
}

#ifdef ZOO_undefined
int chanas_zoo_nowhere(void);
#endif

static const struct chanas_strategy zoo_strategy = {
#ifndef ZOO_kindsize
  .struct_size = sizeof(struct chanas_strategy),
#endif
  .open = zoo_strategy_open,
#ifndef ZOO_noask
  .ask = zoo_ask,
#endif
#ifndef ZOO_notell
  .tell = zoo_tell,
#endif
  .close = zoo_close,
};

static const struct chanas_estimator zoo_estimator = {
#ifdef ZOO_cutkind /* of a time when there was no close() */
  .struct_size = offsetof(struct chanas_estimator, close),
#else
  .struct_size = sizeof(struct chanas_estimator),
#endif
  .open = zoo_estimator_open,
#ifndef ZOO_noestimate
  .estimate = zoo_estimate,
#endif
  .close = zoo_close,
};

#ifndef ZOO_tabular
static int
zoo_probe(const struct chanas_host *host)
{
  (void)host;
  return 0;
}
#endif

static int
zoo_latency(void *self, const char *role, const struct chanas_workload *w,
            struct chanas_point origin, struct chanas_estimate *seconds)
{
  (void)self, (void)role, (void)w, (void)origin;
  seconds->mean = 1;
  return 0;
}

static const struct chanas_backend zoo_backend = {
  .struct_size = sizeof(struct chanas_backend),
#if defined ZOO_tabular || defined ZOO_noopen
  .latency = zoo_latency,
#ifdef ZOO_tabular
  .open = zoo_backend_open,
#endif
#else
  .probe = zoo_probe,
  .open = zoo_backend_open,
#endif
  .close = zoo_close,
};

static const struct chanas_param zoo_params[] = {
  { "count", "int", "3", "1..9", "a whole number" },
#ifdef ZOO_badtype
  { "other", "float", "3", 0, "a type there is not" },
#endif
#ifdef ZOO_badrange
  { "other", "real", "3", "9..1", "a range the wrong way round" },
#endif
#ifdef ZOO_badwords
  { "other", "bool", "yes", "yes|no", "a range that takes none" },
#endif
#ifdef ZOO_badfallback
  { "other", "int", "12", "1..9", "a fallback out of range" },
#endif
#ifdef ZOO_badkey
  { "Other key", "int", "1", 0, "a key with a blank" },
#endif
#ifdef ZOO_twice
  { "count", "real", "1", 0, "a key that is there already" },
#endif
  { 0 }
};

#ifdef ZOO_grown /* by a newer minor version of the interface */
static const struct { struct chanas_plugin now; void *later[4]; } zoo = {
  .now = {
  .struct_size = sizeof zoo,
  .api_version = CHANAS_API_VERSION,
#else
static const struct chanas_plugin zoo = {
#if defined ZOO_nosize
  .struct_size = 0,
#elif defined ZOO_small
  .struct_size = 16,
#else
  .struct_size = sizeof(struct chanas_plugin),
#endif
#if defined ZOO_oldabi
  .api_version = CHANAS_API_VERSION - 1,
#elif defined ZOO_newabi
  .api_version = CHANAS_API_VERSION + 1,
#else
  .api_version = CHANAS_API_VERSION,
#endif
#endif
#if defined ZOO_misnamed
  .name = "another",
#elif !defined ZOO_unnamed
  .name = TEXT(ZOO_NAME),
#endif
#ifndef ZOO_noversion
  .version = "1.0",
#endif
#ifndef ZOO_nosummary
  .summary = "an animal of the zoo",
#endif
  .params = zoo_params,
#if defined ZOO_tabular || defined ZOO_noopen || defined ZOO_nodescribe
  .backend = &zoo_backend,
#elif !defined ZOO_nokind
  .strategy = &zoo_strategy,
  .estimator = &zoo_estimator,
#endif
#ifdef ZOO_grown
  },
#endif
};

/* Every animal refers to all of it, whatever it leaves out. */
const void *const zoo_all[] = {
  &zoo_strategy, &zoo_estimator, &zoo_backend, zoo_params, &zoo,
  (const void *)zoo_ask, (const void *)zoo_tell, (const void *)zoo_estimate,
  (const void *)zoo_latency, (const void *)zoo_backend_open,
};

#ifndef ZOO_noentry
const struct chanas_plugin *chanas_plugin_entry(void);

const struct chanas_plugin *
chanas_plugin_entry(void)
{
#if defined ZOO_null
  return 0;
#elif defined ZOO_undefined
  return chanas_zoo_nowhere() ? &zoo : 0;
#elif defined ZOO_grown
  return &zoo.now;
#else
  return &zoo;
#endif
}
#endif
