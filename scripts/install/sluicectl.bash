# SPDX-License-Identifier: MIT
# Bash completion for sluicectl: commands, options and names come from the program itself.

_sluicectl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	local cmd= word i words=

	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--run-dir | --color) ((i++)) ;;
		-*) ;;
		*) cmd=$word; break ;;
		esac
	done
	if [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD-2]}
	fi
	if [[ $prev == --run-dir ]]; then
		COMPREPLY=($(compgen -d -- "$cur"))
		return
	fi
	if [[ $prev == --color ]]; then
		COMPREPLY=($(compgen -W "auto always never" -- "$cur"))
		return
	fi
	if [[ -z $cmd || $cmd == help ]]; then
		words=$(sluicectl help --complete)
		[[ -z $cmd ]] && words+=" --json --run-dir --color --help --version"
	elif [[ $prev == -* ]]; then
		words=$(sluicectl help --complete "$cmd" "$prev")
		case $words in
		FILE) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		DIR) COMPREPLY=($(compgen -d -- "$cur")); return ;;
		?*) COMPREPLY=($(compgen -W "$words" -- "$cur")); return ;;
		esac
	fi
	case $cmd in
	help) ;;
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
		words="$(sluicectl help --complete stats) $(sluicectl stats 2>/dev/null | awk 'NR > 1 {print $2}')"
		;;
	sessions)
		words=$(sluicectl sessions 2>/dev/null | awk 'NR > 1 {print $1}')
		;;
	?*)
		words=$(sluicectl help --complete "$cmd")
		;;
	esac
	[[ -n $cmd ]] && words+=" --json"
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _sluicectl sluicectl
