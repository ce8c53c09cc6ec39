# What the run scripts share: the target's folder, what they say on standard error, and what they need. Sourced by each.

cd "$(dirname "$0")" || exit 1
target=$(basename "$PWD")

# A connection costs a descriptor, and not every runtime raises its own limit.
ulimit -n "$(ulimit -Hn)"

say() { echo "$target: $*" >&2; }

fail() {
	say "$*"
	exit 1
}

# A target that cannot be had here is skipped, which is status 77.
skip() {
	say "skipped: $*"
	exit 77
}

# need COMMAND NAME
need() {
	command -v "$1" >/dev/null 2>&1 || skip "$2 is missing, no $1 on PATH"
}

# stale PRODUCT SOURCE...: the product is missing or older than a source.
stale() {
	product=$1
	shift
	[ -e "$product" ] || return 0
	for source; do
		[ "$source" -nt "$product" ] && return 0
	done
	return 1
}

# Install scripts stay off: what the packages ship is enough, and nothing is fetched from elsewhere.
npm_packages() {
	need npm "npm"
	stale node_modules/.package-lock.json package-lock.json || return 0
	say "npm ci"
	npm ci --silent --ignore-scripts >&2 || fail "npm ci failed"
	touch node_modules/.package-lock.json
}

# built ARGS...: ends here when only the build was asked for.
built() {
	[ "${1-}" != --build ] || exit 0
}

# go_program FLAGS...: bin/server from the folder's own module. The work file of a parent folder must not take part.
go_program() {
	need go "Go"
	[ -e bin/server ] || say "go build"
	GOWORK=off GOFLAGS=-mod=readonly go build -trimpath "$@" -o bin/server . >&2 || fail "go build failed"
}

# c_program SOURCE: bin/server from one file.
c_program() {
	need cc "a C compiler"
	stale bin/server "$1" ../listen.h || return 0
	say "cc"
	mkdir -p bin
	cc -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -o bin/server "$1" >&2 || fail "cc failed"
}
