# SPDX-License-Identifier: Apache-2.0
# chanas.m4: for the configure.ac of plugins that are built out of tree.
# serial 1

# CHANAS_PLUGIN([API-VERSION], [ACTION-IF-FOUND], [ACTION-IF-NOT-FOUND])
# ----------------------------------------------------------------------
# Looks for an installed chanas with this plugin interface (default 1) and
# sets
#   CHANAS_CFLAGS          to find <chanas/plugin.h>
#   CHANAS_PLUGIN_CFLAGS   to compile a plugin's sources
#   CHANAS_PLUGIN_LDFLAGS  to link it with libtool, as plugins_LTLIBRARIES
#   CHANAS_PLUGINDIR       where chanas looks for it
AC_DEFUN([CHANAS_PLUGIN],
[AC_REQUIRE([PKG_PROG_PKG_CONFIG])dnl
PKG_CHECK_EXISTS([chanas],
  [PKG_CHECK_VAR([CHANAS_PLUGINDIR], [chanas], [plugindir])
   PKG_CHECK_VAR([CHANAS_API_VERSION], [chanas], [apiversion])
   CHANAS_CFLAGS=`$PKG_CONFIG --cflags chanas`
   chanas_found=yes],
  [chanas_found="no: pkg-config does not find chanas.pc; set PKG_CONFIG_PATH"])
AC_MSG_CHECKING([for the chanas plugin interface m4_default([$1], [1])])
AS_IF([test "x$chanas_found" = xyes &&
       test "x$CHANAS_API_VERSION" != "x[]m4_default([$1], [1])"],
  [chanas_found="no: the installed one is $CHANAS_API_VERSION"])
AC_MSG_RESULT([$chanas_found])
CHANAS_PLUGIN_CFLAGS="-fvisibility=hidden"
CHANAS_PLUGIN_LDFLAGS="-module -avoid-version -shared -Wl,-z,defs"
AC_SUBST([CHANAS_CFLAGS])
AC_SUBST([CHANAS_PLUGIN_CFLAGS])
AC_SUBST([CHANAS_PLUGIN_LDFLAGS])
AS_IF([test "x$chanas_found" = xyes], [$2],
  [m4_default([$3], [AC_MSG_ERROR([chanas: $chanas_found])])])
])
