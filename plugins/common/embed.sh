# SPDX-License-Identifier: Apache-2.0
# embed.sh NAME FILE: the file's text as a C string of that name, under the
# terms of exported programs.
cat <<END
static const char $1[] =
  "/* Made by chanas.  You may use, copy, change and pass on this file under\\n"
  " * any terms; it comes without any warranty. */\\n"
END
sed '1d; s/\\/\\\\/g; s/"/\\"/g; s/^/  "/; s/$/\\n"/' "$2"
echo '  ;'
