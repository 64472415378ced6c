#!/bin/bash
# operating_test.sh: the blocks of docs/operating.md that begin with "# tried", each run as it stands there, as root, in a mount
# namespace with a /run of its own; the tmpfiles.d line and the unit by systemd's own tools, where these are.
set -uo pipefail
cd "$TARN_SOURCE_DIR" || exit 1
[ "$(id -u)" = 0 ] || { echo "skipped: needs root, for other users and namespaces"; exit 77; }
unshare --mount --pid --fork true 2>/dev/null || { echo "skipped: no namespaces can be made here"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir "$work/bin" # other users may not see the build folder
cp -P "$TARN_BUILD_DIR"/tarn "$TARN_BUILD_DIR"/libtarn.so* "$work/bin"
passed=0 failed=0 skipped=0
result() { # result CODE WHAT
  if [ "$1" = 0 ]; then passed=$((passed + 1)) && echo "ok      $2"; else failed=$((failed + 1)) && echo "FAILED  $2"; fi
}

awk -v to="$work/block" '
  /^## / { title = substr($0, 4) }
  /^```/ { if (file) close(file); file = ""; inside = !inside; kind = substr($0, 4); first = inside; next }
  inside && first { first = 0; if ((kind == "bash" && $0 == "# tried") || kind == "ini") { file = to "." (++n) "." kind; print "# " title > file } }
  file { print > file }' docs/operating.md

for block in "$work"/block.*.bash; do
  title=$(sed -n '1s/^# //p' "$block")
  env -u TARN_DIR PATH="$work/bin:$PATH" timeout 60 unshare --mount --fork --kill-child bash -c \
    'mount --make-rprivate / && mount -t tmpfs tmpfs /run && exec bash -eu "$1"' bash "$block" >"$work/said" 2>&1
  code=$?
  [ $code = 0 ] || cat "$work/said"
  result $code "$title"
done
[ $((passed + failed)) -ge 3 ]
result $? "the tried blocks were found"

mapfile -t inis < <(ls "$work"/block.*.ini)
if command -v systemd-tmpfiles >/dev/null && [ ${#inis[@]} = 2 ]; then
  cp "${inis[0]}" "$work/app.conf"
  mkdir "$work/root"
  systemd-tmpfiles --create --root="$work/root" "$work/app.conf" && [ "$(stat -c '%a %g' "$work/root/run/app")" = "2770 21100" ]
  result $? "the line for tmpfiles.d"
else
  skipped=$((skipped + 1)) && echo "skipped: there is no systemd-tmpfiles"
fi
if command -v systemd-analyze >/dev/null && [ ${#inis[@]} = 2 ]; then
  sed 's,/usr/bin/[a-z]*,/bin/true,' "${inis[1]}" >"$work/camera.service" # the programs need not be there
  said=$(timeout 60 systemd-analyze verify --man=no "$work/camera.service" 2>&1) && ! grep -q camera.service <<<"$said"
  result $? "the unit $said"
else
  skipped=$((skipped + 1)) && echo "skipped: there is no systemd-analyze"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
