# Completion for bash of Weir's four programs. What there is to complete is
# asked of the program itself, so it is what that version has: the options of
# --help, and the words that an option expects where it refuses an empty value.
# Behind it stands --help, so a program that takes the value starts nothing.

# The words for a value of --NAME, one a line.
_weir_values() { # PROGRAM NAME
	local expected line is_inside=
	local word='[a-z][a-z-]*'

	expected=$("$1" "--$2=" --help 2>&1 >/dev/null)
	expected=${expected##*: expected }
	if [[ $expected =~ ^($word,\ )*$word\ or\ $word$ ]]; then
		expected=${expected/ or / }
		printf '%s\n' ${expected//,/}
	elif [[ $expected == 'a name of --list' ]]; then
		while read -r line _; do
			if [[ $line == *: ]]; then
				is_inside=
				[[ ${line,,} == "${2%y}"* ]] && is_inside=1
			elif [[ $is_inside && $line ]]; then
				printf '%s\n' "$line"
			fi
		done < <("$1" --list)
	fi
}

_weir() { # PROGRAM WORD WORD-BEFORE
	local word=$2 before=$3 offered=
	local line letter name argument
	local option='^ +(-(.), )?--([a-z-]+)( ([A-Z:]+))?  '
	local service='^  ([a-z]+)  '

	# bash makes three words of --slow=WORD
	if [[ $word == = ]]; then
		word=
	elif [[ $before == = ]]; then
		before=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	COMPREPLY=()
	while IFS= read -r line; do
		if [[ $line =~ $service && $word != -* ]]; then
			offered+=" ${BASH_REMATCH[1]}="
		elif [[ $line =~ $option ]]; then
			letter=${BASH_REMATCH[2]}
			name=${BASH_REMATCH[3]}
			argument=${BASH_REMATCH[5]}
			if [[ $argument && ($before == "--$name" ||
				$letter && $before == "-$letter") ]]; then
				offered=$(_weir_values "$1" "$name")
				break
			fi
			[[ $word != -* ]] || offered+=" --$name"
		fi
		argument=
	done < <("$1" --help 2>/dev/null)
	if [[ $argument == FILE ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$offered" -- "$word")
	[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null
}

complete -F _weir weir-server weir-client weir-flood send-vs-sendall
