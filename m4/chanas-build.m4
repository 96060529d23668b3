# SPDX-License-Identifier: Apache-2.0
# Macros of this package's own configure.  (m4/chanas.m4 is the one that is
# installed for third parties.)

# CHANAS_NEED(VARIABLE, MODULE, DEBIAN-PACKAGE, [OTHER-REMEDY])
# ------------------------------------------------------------
AC_DEFUN([CHANAS_NEED],
[PKG_CHECK_MODULES([$1], [$2], [],
  [AC_MSG_ERROR([$2 is missing (Debian: apt install $3)$4])])])

# CHANAS_OPTIONAL(VARIABLE, NAME, MODULE, DEBIAN-PACKAGE, WHAT-FOR)
# ----------------------------------------------------------------
# --with-NAME: used if it is there, demanded with yes, left alone with no.
# Sets have_NAME to "yes" or to what to say about it.
AC_DEFUN([CHANAS_OPTIONAL],
[AC_ARG_WITH([$2],
  [AS_HELP_STRING([--with-$2], [$5 (default: auto)])],
  [], [with_$2=auto])
have_$2="no (--without-$2)"
AS_IF([test "x$with_$2" != xno],
  [PKG_CHECK_MODULES([$1], [$3], [have_$2=yes],
    [have_$2="no (Debian: apt install $4)"
     AS_IF([test "x$with_$2" = xyes],
       [AC_MSG_ERROR([--with-$2: $3 is missing (Debian: apt install $4)])])])])
AS_IF([test "$have_$2" = yes],
  [$1_CFLAGS="$$1_CFLAGS -DHAVE_$1"])
AM_CONDITIONAL([HAVE_$1], [test "$have_$2" = yes])])

# _CHANAS_KNOWN(KIND, NAME)
AC_DEFUN([_CHANAS_KNOWN],
[AM_CONDITIONAL(m4_toupper([BUILD_$1_$2]),
  [case " $chanas_selected " in *" $2 "*) :;; *) false;; esac])])

# CHANAS_SELECT(KIND, KNOWN-NAMES)
# --------------------------------
# --enable-KINDs=LIST: names between commas, "all" or "none".  Sets $KINDs
# and the conditionals BUILD_KIND_NAME.
AC_DEFUN([CHANAS_SELECT],
[m4_pushdef([chanas_plural],
   m4_if([$1], [strategy], [strategies], [$1s]))dnl
AC_ARG_ENABLE(chanas_plural,
  [AS_HELP_STRING([--enable-]chanas_plural[=LIST],
     [of $2, between commas (default: all)])],
  [chanas_asked=$enableval], [chanas_asked=all])
case $chanas_asked in
  all|yes) chanas_selected="$2" ;;
  none|no) chanas_selected= ;;
  *) chanas_selected=`echo "$chanas_asked" | tr ',' ' '` ;;
esac
for chanas_name in $chanas_selected; do
  case " $2 " in
    *" $chanas_name "*) ;;
    *) AC_MSG_ERROR([unknown $1 '$chanas_name' in --enable-]chanas_plural[;
  known: $2]) ;;
  esac
done
chanas_plural="$chanas_selected"
m4_map_args_w([$2], [_CHANAS_KNOWN([$1], ], [)
])dnl
m4_popdef([chanas_plural])dnl
])
