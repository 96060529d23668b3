/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin as a file: permissions, ELF header and segments are looked at
 * before the dynamic linker maps it (a cut-off object would be a SIGBUS).
 */
#include "loader.h"
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "mem.h"

/* Class, byte order and machine of this very program. */
static void
own_header(ElfW(Ehdr) *header)
{
  static const char anchor;
  Dl_info info;
  const ElfW(Ehdr) *own;

  *header = (ElfW(Ehdr)){ 0 };
  if (dladdr(&anchor, &info) && info.dli_fbase) {
    own = info.dli_fbase;
    *header = *own;
  }
}

static char *
check_segments(int fd, const ElfW(Ehdr) *header, uint64_t size)
{
  for (unsigned i = 0; i < header->e_phnum; i++) {
    ElfW(Phdr) part;
    uint64_t at = header->e_phoff + (uint64_t)i * header->e_phentsize;
    if (header->e_phentsize < sizeof part ||
        pread(fd, &part, sizeof part, (off_t)at) != (ssize_t)sizeof part ||
        (part.p_type == PT_LOAD &&
         (part.p_offset > size || part.p_filesz > size - part.p_offset)))
      return mem_string("is cut off; build or copy it again");
  }
  return NULL;
}

static char *
check_elf(int fd, uint64_t size)
{
  ElfW(Ehdr) header, own;
  ssize_t n = pread(fd, &header, sizeof header, 0);

  if (n < SELFMAG || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return mem_string("is not an ELF shared object; a plugin is built with "
                      "'cc -shared -fPIC'");
  if (n < (ssize_t)sizeof header)
    return mem_string("is cut off; build or copy it again");
  own_header(&own);
  if (header.e_ident[EI_CLASS] != own.e_ident[EI_CLASS] ||
      header.e_ident[EI_DATA] != own.e_ident[EI_DATA] ||
      header.e_machine != own.e_machine)
    return mem_print("is built for another machine (ELF machine %u, this one "
                     "is %u); build it for this one",
                     (unsigned)header.e_machine, (unsigned)own.e_machine);
  if (header.e_type != ET_DYN)
    return mem_string("is an ELF file but not a shared object; link it with "
                      "-shared");
  return check_segments(fd, &header, size);
}

static char *
check_file(const char *path)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status;
  char *why = NULL;

  if (fd < 0)
    return mem_print("cannot be read: %s; remove it or make it readable",
                     strerror(errno));
  if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
    why = mem_string("is not a regular file; remove it from the plugin path");
  else if (status.st_mode & (S_IWGRP | S_IWOTH))
    why = mem_print("can be written by others (mode %03o), so it is not run; "
                    "'chmod go-w' it if you trust it",
                    (unsigned)status.st_mode & 0777);
  else
    why = check_elf(fd, (uint64_t)status.st_size);
  close(fd);
  return why;
}

/* dlerror() begins with the path, which the caller says already. */
static char *
linker_error(const char *path)
{
  static const char undefined[] = "undefined symbol: ";
  const char *text = dlerror(), *symbol;
  size_t n = strlen(path);

  if (text == NULL)
    text = "no reason given";
  symbol = strstr(text, undefined);
  if (symbol) {
    symbol += sizeof undefined - 1;
    return mem_print("needs the symbol '%.*s', which nothing provides; link "
                     "it with -Wl,-z,defs and the missing library",
                     (int)strcspn(symbol, " ,("), symbol);
  }
  if (strncmp(text, path, n) == 0 && text[n] == ':')
    text += n + 1 + strspn(text + n + 1, " ");
  return mem_print("cannot be loaded: %s; install what it needs or rebuild it",
                   text);
}

char *
loader_open(const char *path, const char *name, struct plugin *plugin)
{
  const struct chanas_plugin *(*entry)(void);
  const struct chanas_plugin *head;
  char *why = check_file(path);
  void *handle;

  if (why)
    return why;
  handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL)
    return linker_error(path);
  *(void **)&entry = dlsym(handle, "chanas_plugin_entry");
  if (entry == NULL)
    why = mem_string("has no symbol 'chanas_plugin_entry', so it is no chanas "
                     "plugin; end its source with CHANAS_REGISTER_PLUGIN");
  else if ((head = entry()) == NULL)
    why = mem_string("returns NULL from chanas_plugin_entry(); return a "
                     "static struct chanas_plugin");
  else
    why = loader_check(head, name, plugin);
  if (why)
    dlclose(handle);
  else
    plugin->handle = handle;
  return why;
}
