/* SPDX-License-Identifier: Apache-2.0 */
/* check.c of exported programs, whatever they run on. */
#ifndef COMMON_DEPLOY_CHECK_H
#define COMMON_DEPLOY_CHECK_H
#include <chanas/plugin.h>

int deploy_check(const struct chanas_host *, const struct chanas_program *,
                 struct chanas_text *out);
#endif
