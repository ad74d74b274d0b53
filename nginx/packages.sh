# packages — installs Debian packages that are missing. Sourced by nginx/up and tests/run.

# ensure_packages PACKAGE…: installs what is missing, as root or through sudo. Without either: one line, and failure.
ensure_packages() {
	missing=$(for package in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s ' "$package"
	done)
	[ -n "$missing" ] || return 0

	as_root=
	if [ "$(id -u)" != 0 ]; then
		if ! sudo -n true 2>/dev/null; then
			echo "missing packages: $missing- run this once as root, or: sudo apt-get install --no-install-recommends $missing" >&2
			return 1
		fi
		as_root='sudo -n'
	fi
	echo "installing: $missing" >&2

	# Debian starts a service when it installs one; nginx must not appear on port 80 because of us.
	policy=/usr/sbin/policy-rc.d
	kept_policy=yes
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
		$as_root chmod 755 $policy
		kept_policy=no
	fi
	log=$(mktemp)
	status=0
	{
		$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update &&
			$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing
	} >"$log" 2>&1 </dev/null || status=1
	[ $kept_policy = yes ] || $as_root rm -f $policy
	if [ $status != 0 ]; then
		echo "could not install $missing: $(grep -E '^E:' "$log" | tail -n 1)" >&2
	fi
	rm -f "$log"
	return $status
}
