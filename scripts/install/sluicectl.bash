# SPDX-License-Identifier: MIT
# Bash completion for sluicectl: names come from the program itself.

_sluicectl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	local cmd= word i words=

	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--run-dir) ((i++)) ;;
		-*) ;;
		*) cmd=$word; break ;;
		esac
	done
	if [[ $prev == --run-dir ]]; then
		COMPREPLY=($(compgen -d -- "$cur"))
		return
	fi
	case $cmd in
	'' | help)
		words=$(sluicectl help | awk '/^Commands:/ {on = 1; next} /^$/ {on = 0} on {print $1}')
		[[ -z $cmd ]] && words+=" --json --run-dir --help --version"
		;;
	share)
		words="all $(sluicectl share 2>/dev/null | awk 'NR > 1 {print $1}')"
		[[ $prev != share && $prev != on && $prev != off && $prev != -* ]] && words="on off"
		;;
	settings)
		words="get set $(sluicectl settings 2>/dev/null | awk 'NR > 1 {print $1}')"
		[[ $prev == hooks ]] && words="forward local forward,local"
		[[ $prev == udp_ports ]] && words="none 69 69,2049"
		[[ $prev == udp_prefixes ]] && words="none"
		;;
	stats)
		words=$(sluicectl stats 2>/dev/null | awk 'NR > 1 {print $2}')
		;;
	sessions)
		words=$(sluicectl sessions 2>/dev/null | awk 'NR > 1 {print $1}')
		;;
	monitor)
		words="config sessions -n"
		;;
	esac
	[[ -n $cmd ]] && words+=" --json"
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _sluicectl sluicectl
