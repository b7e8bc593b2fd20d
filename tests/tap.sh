# SPDX-License-Identifier: MIT
#
# TAP for tests in sh: sourced, with `set -u`. Where tap_log names a file, its last lines are shown
# below a test that failed. A test ends with `finish`.

n=0
bad=0
tap_log=/dev/null
pass()
{
	n=$((n + 1))
	echo "ok $n - $1"
}
# fail NAME WHY
fail()
{
	n=$((n + 1))
	bad=$((bad + 1))
	echo "not ok $n - $1"
	{
		printf '%s\n' "$2" | tail -n 30
		[ ! -e "$tap_log" ] || tail -n 30 "$tap_log"
	} | cut -c 1-2000 | sed 's/^/# /'
}
# is GOT WANTED NAME
is()
{
	if [ "$1" = "$2" ]; then pass "$3"; else fail "$3" "got '$1', wanted '$2'"; fi
}
# has TEXT PART NAME, hasnt TEXT PART NAME
has()
{
	case $1 in
	*"$2"*) pass "$3" ;;
	*) fail "$3" "no '$2' in: $1" ;;
	esac
}
hasnt()
{
	case $1 in
	*"$2"*) fail "$3" "'$2' in: $1" ;;
	*) pass "$3" ;;
	esac
}
# The last lines: the plan, and success only when all was good.
finish()
{
	echo "1..$n"
	[ $bad = 0 ]
	exit
}
