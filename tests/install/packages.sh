#!/bin/sh
# The Debian packages: two builds are the same, lintian finds no error, and they
# are installed, run, upgraded and removed in a root of their own, which needs
# no privilege but root's, or fakeroot's.
set -eu
for tool in dh lintian cmark-gfm mandoc pkg-config; do
	command -v $tool >/dev/null || {
		echo "check-deb: skipped, $tool is not here"
		exit 0
	}
done
if [ "$(id -u)" -ne 0 ] && [ -z "${FAKEROOTKEY-}" ]; then
	command -v fakeroot >/dev/null || {
		echo 'check-deb: skipped, neither root nor fakeroot is here'
		exit 0
	}
	exec fakeroot "$0" "$@"
fi

T=$PWD/build/packages
R=$T/root
rm -rf "$T"
mkdir -p "$R/var/lib/dpkg/info" "$R/var/lib/dpkg/updates" "$T/old"
: >"$R/var/lib/dpkg/status"

# With other permissions, in another folder, at another time.
(umask 022 && make -s deb BUILD="$T/one") >"$T/log" 2>&1 ||
	{ cat "$T/log" >&2; exit 1; }
(umask 077 && make -s deb BUILD="$T/another") >"$T/log" 2>&1 ||
	{ cat "$T/log" >&2; exit 1; }
for package in "$T"/one/deb/*.deb; do
	cmp "$package" "$T/another/deb/${package##*/}"
done
rm -rf "$T/another"

cd "$T/one/deb"
lintian --fail-on error --suppress-tags initial-upload-closes-no-bugs ./*.deb
version=$(dpkg-deb -f weir_*.deb Version)
test "$version" = \
	"$(sed -n 's/.*WEIR_VERSION "\(.*\)"/\1/p' weir/include/weir/version.h)"

# Maintainer scripts run here, not in the root, which has no shell.
in_root() {
	dpkg --root="$R" --force-not-root --force-script-chrootless \
		--force-depends "$@" >"$T/log" 2>&1 || {
		cat "$T/log" >&2
		exit 1
	}
}

files() {
	(cd "$R" && find . ! -type d ! -path './var/lib/dpkg/*' \
		! -path './var/log/*' | sort)
}

# The version before this one had a file that this one has not.
for package in libweir0 libweir-dev weir weir-doc; do
	dpkg-deb -R ${package}_*.deb "$T/old/$package"
	sed -i "s/$version/0.1.9/; /^Depends:/d" "$T/old/$package/DEBIAN/control"
	mkdir -p "$T/old/$package/usr/share/$package"
	echo old >"$T/old/$package/usr/share/$package/old"
	dpkg-deb --root-owner-group -b "$T/old/$package" \
		"$T/old/$package.deb" >/dev/null
done
in_root -i "$T"/old/*.deb
files | grep -q /old
for package in libweir0 libweir-dev weir weir-doc; do
	in_root -i ${package}_*.deb
done
if files | grep /old; then exit 1; fi

# What a user does with them.
lib=$(dirname "$(find "$R/usr/lib" -name libweir.so.0)")
PATH=$R/usr/bin:$PATH
export LD_LIBRARY_PATH="$lib" PKG_CONFIG_SYSROOT_DIR="$R" \
	PKG_CONFIG_LIBDIR="$lib/pkgconfig"
cat >"$T/fits.c" <<'END'
#include <weir.h>
int main(void)
{
	return !WEIR_VERSION_FITS();
}
END
${CC:-cc} -o "$T/fits" "$T/fits.c" $(pkg-config --cflags --libs weir)
"$T/fits"
weir-server --quiet echo=unix:@packages.$$ &
trap 'kill $! 2>/dev/null || :' EXIT
until out=$(weir-client unix:@packages.$$ Hey~~~ 2>/dev/null </dev/null); do
	kill -0 $!
done
test "$out" = Hey~~~
kill $!
test "$(man -M "$R/usr/share/man" -w weir_conn_sendall 2>/dev/null)" ||
	! command -v man >/dev/null
awk -f "$OLDPWD/docs/html/check.awk" \
	$(find "$R/usr/share/doc/weir-doc/html" -name '*.html')

in_root --purge weir-doc weir libweir-dev libweir0
if files | grep .; then exit 1; fi
echo 'check-deb: two builds are the same; installed, run, upgraded, removed'
