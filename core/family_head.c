/* SPDX-License-Identifier: Apache-2.0 */
/* The section of a space file that ends its networks: [head]. */
#include "family.h"
#include <string.h>

static const char *const known[] = {
  "conv", "conv-scale", "norm", "act", "features", "features-scale",
  "features-act", "features-bias", "bias-macs", "dtype", NULL
};

/* The knob is phead, as one of a stage of that name may be. */
static int
read_dtype(const struct family *family, struct source *in, struct head *head)
{
  if (layer_read_dtype(in, &head->dtype) < 0)
    return -1;
  for (size_t s = 0; head->dtype.values > 1 && s < family->stages; s++) {
    const struct stage *stage = &family->stage[s];
    if (strcmp(stage->name, "head") == 0 && stage->per_stage &&
        stage->set[ATTR_DTYPE].values > 1)
      return source_error(in, head->dtype.line, "dtype: [stage head] has the "
                          "knob phead already; name the stage otherwise");
  }
  return 0;
}

static int
read_features(struct source *in, struct head *head)
{
  if (setting_int(in, "features", 1, CHANNELS_MOST, &head->features) < 0)
    return -1;
  if (head->features == 0)
    return 0;
  if (setting_name(in, "features-scale", scale_words,
                   &head->features_scale) < 0 ||
      setting_name(in, "features-act", act_words, &head->features_act) < 0)
    return -1;
  return setting_name(in, "features-bias", yes_words, &head->features_bias);
}

int
layer_read_head(struct family *family, struct source *in)
{
  struct head *head = &family->head;

  head->line = in->section->line;
  if (setting_int(in, "conv", 1, CHANNELS_MOST, &head->conv) < 0)
    return -1;
  head->norm = head->conv > 0;
  if (setting_name(in, "act", act_words, &head->act) < 0 ||
      setting_name(in, "norm", yes_words, &head->norm) < 0 ||
      read_features(in, head) < 0 || read_dtype(family, in, head) < 0 ||
      setting_name(in, "bias-macs", yes_words, &head->bias_macs) < 0)
    return -1;
  if (head->conv &&
      setting_name(in, "conv-scale", scale_words, &head->conv_scale) < 0)
    return -1;
  return source_check(in, known);
}
