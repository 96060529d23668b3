/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs of an exported folder that are the same for every backend: they
 * know the network through net.h, the images through model.h.  Their texts
 * are the files in core/embed.
 */
#include <math.h>
#include <stdio.h>
#include "export.h"
#include "weights.h"

static const char licence[] =
  "/* Made by chanas.  You may use, copy, change and pass on this file under\n"
  " * any terms; it comes without any warranty. */\n";

static const char example_text[] =
#include "example.inc"
  ;
static const char classify_text[] =
#include "classify.inc"
  ;

/* A C string literal. */
static void
print_string(struct chanas_text *out, const char *s)
{
  text_print(out, "\"");
  for (; *s; s++)
    if (*s == '"' || *s == '\\' || *s == '?')
      text_print(out, "\\%c", *s);
    else
      text_print(out, "%c", *s);
  text_print(out, "\"");
}

static void
print_floats(struct chanas_text *out, const char *name, const float *v, int n)
{
  text_print(out, "static const float %s[] = { ", name);
  for (int i = 0; i < n; i++)
    text_print(out, "%s%.9ef", i ? ", " : "", (double)v[i]);
  text_print(out, " };\n");
}

static void
print_model(const struct chanas_program *p, const struct weights *w,
            struct chanas_text *out)
{
  static const char *const part[] = { "training", "validation", "test" };

  text_print(out, "%s/* Network %s in %s.", licence, w->code, w->space);
  for (int i = 0; i < 3; i++)
    if (!isnan(w->accuracy[i]))
      text_print(out, "  %.2f %% of its %s images were right.",
                 w->accuracy[i], part[i]);
  text_print(out, " */\n#define MODEL_BATCH %d\n#define MODEL_SIZE %d\n"
             "#define MODEL_CHANNELS %d\n#define MODEL_CLASSES %d\n"
             "#define MODEL_CROP %.9ef /* part of the shorter side */\n\n"
             "/* A pixel v in 0..255 is fed as (v / 255 - mean) / std. */\n",
             p->step[0].workload->batch, w->resolution, w->channels,
             w->classes, (double)w->crop);
  print_floats(out, "model_mean", w->mean, w->channels);
  print_floats(out, "model_std", w->std, w->channels);
  text_print(out, "static const char *const model_class[] = {\n");
  for (int32_t i = 0; i < w->classes; i++) {
    text_print(out, "  ");
    print_string(out, w->class_name[i]);
    text_print(out, ",\n");
  }
  text_print(out, "};\n");
}

static void
add_program(struct chanas_files *files, const char *name, const char *text,
            const char *headers)
{
  struct chanas_text *make = files_get(files, "Makefile");
  struct chanas_text *file;
  char source[64] = "";

  text_print(make, "\n# %s: the same for every backend.\nall: %s\n"
             "%s: %s.o libnet.a\n"
             "\t$(CC) $(CFLAGS) -o $@ %s.o libnet.a $(LIBS) -lm\n"
             "%s.o: %s\nclean: clean-%s\nclean-%s:\n\trm -f %s\n"
             ".PHONY: clean-%s\n", name, name, name, name, name, name,
             headers, name, name, name, name);
  snprintf(source, sizeof source, "%s.c", name);
  file = files_get(files, source);
  text_print(file, "%s%s", licence, text);
}

void
export_programs(const struct chanas_program *p, const struct weights *w,
                struct chanas_files *files)
{
  add_program(files, "example", example_text, "net.h");
  if (w == NULL)
    return;
  print_model(p, w, files_get(files, "model.h"));
  add_program(files, "classify", classify_text, "net.h model.h");
}
