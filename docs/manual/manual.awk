# Manual pages, mdoc(7), from the public headers: the headers are the contract,
# and the pages say what they say.
#
#	awk -v out=FOLDER -v date=DATE -v version=VERSION -f manual.awk HEADER...
#
# include/weir/conn.h gives FOLDER/weir_conn.3; include/weir.h gives weir.3, with
# a list of the others in the order of the headers. Printed is, a line each, the
# name of a function and its page, by which man(1) is to find it, too. The
# headers are read twice: first for names.
#
# A header's first comment is the description, with its paragraphs; lines that
# are indented are shown as they are, and those behind "Example:" make examples.
# What follows WEIR_DECLARE_BEGIN is cut into blocks: a comment, and the
# declarations behind it up to an empty line or the next comment.

BEGIN {
	for (i = 1; i < ARGC; i++)
		names[i] = ARGV[i]
	for (i = 1; i < ARGC; i++)
		learn(names[i])
	for (i = 1; i < ARGC; i++)
		write_page(names[i])
	exit failed
}

# -- what there is --

# "weir_conn" of include/weir/conn.h.
function page_of(file,	name)
{
	name = file
	sub(/.*\//, "", name)
	sub(/\.h$/, "", name)
	return name == "weir" ? name : "weir_" name
}

# The names of a header's functions, and what it is in one sentence.
function learn(file,	page, line, depth, name, begun)
{
	page = page_of(file)
	pages[++n_pages] = page
	while ((getline line < file) > 0) {
		if (!(page in summary) || summary[page] !~ /\.$/)
			learn_summary(page, line)
		if (line ~ /^WEIR_DECLARE_BEGIN/)
			begun = 1
		if (begun && depth == 0 && line !~ /^(\/\*| \*|\t|#|typedef)/ &&
		    match(line, /weir_[a-z_]+\(/))
			home[substr(line, RSTART, RLENGTH - 1)] = page
		depth += gsub(/{/, "{", line) - gsub(/}/, "}", line)
	}
	close(file)
}

function learn_summary(page, line)
{
	sub(/^(\/\*| \*) ?/, "", line)
	line = summary[page] (summary[page] ? " " : "") line
	if (match(line, /\. /))
		line = substr(line, 1, RSTART)
	sub(/ *\*\/$/, "", line)
	summary[page] = line
}

function one_line(page,	text)
{
	text = summary[page]
	sub(/\.$/, "", text)
	if (text !~ /^(Weir|RFC|TCP|UDP)/)
		text = tolower(substr(text, 1, 1)) substr(text, 2)
	return text
}

# -- roff --

function put(text)
{
	print text > page_file
}

# Text of ours in a line of its own, or as a macro's argument.
function escape(text)
{
	gsub(/\\/, "\\e", text)
	gsub(/\*\*/, "\001", text)
	while (match(text, /\001[^\001]*\001/))
		text = substr(text, 1, RSTART - 1) "\\fB" \
		       substr(text, RSTART + 1, RLENGTH - 2) "\\fR" \
		       substr(text, RSTART + RLENGTH)
	while (match(text, /(^| )\*[a-z]+\*/))
		text = substr(text, 1, RSTART - 1) \
		       (substr(text, RSTART, 1) == " " ? " " : "") \
		       "\\fI" bare(substr(text, RSTART, RLENGTH)) "\\fR" \
		       substr(text, RSTART + RLENGTH)
	return escape_minus(text)
}

function bare(text)
{
	gsub(/[ *]/, "", text)
	return text
}

# The minus of a number or an error is to be copied from the page.
function escape_minus(text,	done)
{
	while (match(text, /-[0-9A-Z]/)) {
		done = done substr(text, 1, RSTART - 1) "\\-"
		text = substr(text, RSTART + 1)
	}
	return done text
}

# A word between its punctuation: names of functions and pages become links.
function put_word(word,	before, after, name, section, is_here)
{
	if (!match(word, /[A-Za-z_0-9]+(\([1-9]\))?/))
		return 0
	before = substr(word, 1, RSTART - 1)
	after = substr(word, RSTART + RLENGTH)
	name = substr(word, RSTART, RLENGTH)
	if (before !~ /^\(?$/ || after !~ /^[.,:;)?]*$/)
		return 0
	section = "3"
	if (name ~ /\([1-9]\)$/) {
		section = substr(name, length(name) - 1, 1)
		name = substr(name, 1, length(name) - 3)
	} else if (!(name in home)) {
		return 0
	}
	gsub(/./, "& ", after)
	sub(/ $/, "", after)
	flush_text()
	is_here = (name in home) && home[name] == page
	put((is_here ? ".Fn " : ".Xr ") (before ? before " " : "") name \
	    (is_here ? "" : " " section) (after ? " " after : ""))
	return 1
}

function add_text(word)
{
	if (length(pending) + length(word) > 72)
		flush_text()
	pending = pending (pending ? " " : "") word
}

function flush_text()
{
	if (pending)
		put((pending ~ /^[.']/ ? "\\&" : "") escape(pending))
	pending = ""
}

# A paragraph, a sentence a line.
function put_text(text,	n, words, i)
{
	n = split(text, words, " ")
	for (i = 1; i <= n; i++) {
		if (!put_word(words[i]))
			add_text(words[i])
		if (words[i] ~ /[.?!][)"]?$/)
			flush_text()
	}
	flush_text()
}

# With spaces for its tabs, which stand at every eighth column.
function expand(line, at,	i)
{
	while ((i = index(line, "\t")) > 0)
		line = substr(line, 1, i - 1) \
		       substr("        ", 1, 8 - (at + i - 1) % 8) \
		       substr(line, i + 1)
	return line
}

function put_literal(line)
{
	gsub(/\\/, "\\e", line)
	gsub(/-/, "\\-", line)
	put((line ~ /^[.']/ ? "\\&" : "") line)
}

# -- comments --

# The lines of a comment, from first to last of lines[], without its stars.
function uncomment(line)
{
	sub(/ *\*\/$/, "", line)
	sub(/^\/\* ?/, "", line)
	sub(/^ \* ?/, "", line)
	return line
}

function is_shown(line)
{
	return line ~ /\t/ || line ~ /^   /
}

# Paragraphs and displays. Those that make an example are kept for later, each
# with the paragraph before it if that ends with a colon.
function put_comment(n,	i, text, is_literal, wanted, n_blank, any)
{
	wanted = 0
	for (i = 1; i <= n + 1; i++) {
		if (i <= n && comment[i] == "Example:") {
			wanted = 1
			continue
		}
		if (i <= n && is_shown(comment[i])) {
			if (wanted) {
				i = keep_example(i, n, text)
				wanted = 0
				text = ""
				continue
			}
			if (text) {
				any = put_paragraph(text, any)
				text = ""
			}
			i = put_display(i, n)
			any = 2
			continue
		}
		if (i <= n && comment[i] != "") {
			text = text (text ? " " : "") comment[i]
			continue
		}
		if (text && !wanted && !(text ~ /:$/ && is_example_next(i, n))) {
			any = put_paragraph(text, any)
			text = ""
		}
	}
}

function is_example_next(i, n)
{
	while (i <= n && comment[i] == "")
		i++
	return i <= n && comment[i] == "Example:"
}

function put_paragraph(text, any)
{
	if (any)
		put(".Pp")
	put_text(text)
	return 1
}

# The last of the lines of a display that begins at i.
function end_of_display(i, n,	last)
{
	for (last = i; i <= n && (is_shown(comment[i]) || comment[i] == ""); i++)
		if (comment[i] != "")
			last = i
	return last
}

function display_line(line)
{
	return sub(/^\t/, "", line) ? expand(line, 8) : expand(line, 3)
}

# A table of errors: one a row, and lines that go on begin with tabs.
function put_errors(i, last,	line, text)
{
	put(".Bl -tag -width \"\\-EMSGSIZE\" -offset indent")
	for (; i <= last; i++) {
		line = comment[i]
		if (line !~ /^\t\t/) {
			put_text(text)
			sub(/^\t/, "", line)
			text = line
			sub(/[^\t]+/, "", text)
			sub(/\t.*/, "", line)
			put(".It " escape(line))
		} else {
			text = text line
		}
		gsub(/\t+/, " ", text)
	}
	put_text(text)
	put(".El")
}

function put_display(i, n,	last)
{
	last = end_of_display(i, n)
	if (comment[i] ~ /^\t?(0|-E[A-Z]+)(\t|$)/) {
		put_errors(i, last)
		return last
	}
	put(".Bd -literal -offset indent")
	for (; i <= last; i++)
		put_literal(display_line(comment[i]))
	put(".Ed")
	return last
}

function keep_example(i, n, intro,	last)
{
	last = end_of_display(i, n)
	intros[++n_examples] = intro
	for (; i <= last; i++)
		example[n_examples] = example[n_examples] \
			(example[n_examples] ? "\n" : "") \
			display_line(comment[i])
	return last
}

# -- declarations --

# "int f(struct x *a, void (*b)(void))": what it returns, its name, and the
# arguments.
function put_prototype(code,	name, at, n, arguments, i)
{
	gsub(/[\t\n ]+/, " ", code)
	sub(/ ?\{.*/, "", code)
	sub(/;.*/, "", code)
	sub(/^static inline /, "", code)
	gsub(/\( /, "(", code)
	match(code, /weir_[a-z_]+\(/)
	name = substr(code, RSTART, RLENGTH - 1)
	at = substr(code, 1, RSTART - 1)
	sub(/ $/, "", at)
	code = substr(code, RSTART + RLENGTH)
	sub(/\)$/, "", code)
	put(".Ft " (at ~ / / ? "\"" at "\"" : at))
	put(".Fo " name)
	n = split(code, arguments, ", ")
	for (i = 1; i <= n; i++)
		put(".Fa \"" arguments[i] "\"")
	put(".Fc")
}

# The body of a struct whose fields are the library's says nothing.
function put_type(code, is_private,	n, lines, i, depth)
{
	put(".Bd -literal")
	n = split(code, lines, "\n")
	for (i = 1; i <= n; i++) {
		if (is_private && i > 1 && i < n)
			continue
		sub(/^        /, "  ", lines[i])
		put_literal(is_private && i == 1 ? lines[i] "\n  /* ... */" \
						 : lines[i])
	}
	put(".Ed")
}

function is_function(code)
{
	return code !~ /^(typedef|#|(struct|enum) ?[a-z_]* *\{)/
}

function is_forward(code)
{
	return code ~ /^struct [a-z_]+;$/
}

# Cut the declarations into blocks: comments[], codes[], a prototype each.
function cut(file,	line, depth, begun, in_comment, text, code, behind)
{
	n_blocks = 0
	while ((getline line < file) > 0) {
		if (line ~ /^WEIR_DECLARE_BEGIN/)
			begun = 1
		if (!begun || line ~ /^WEIR_DECLARE_|^#(endif|if|else)/)
			continue
		if (line ~ /^\/\* NOLINT/)
			continue
		if (depth == 0 && line ~ /^\/\*/) {
			n_blocks++
			in_comment = 1
		}
		if (in_comment) {
			comments[n_blocks] = comments[n_blocks] \
				uncomment(line) "\n"
			if (line ~ /\*\/$/)
				in_comment = 0
			continue
		}
		if (line == "" && depth == 0) {
			n_blocks++
			continue
		}
		behind = line ~ /\\$/
		codes[n_blocks] = codes[n_blocks] expand(line, 0) "\n"
		text = line
		depth += gsub(/{/, "{", text) - gsub(/}/, "}", text)
		if (depth == 0 && !behind && line ~ /[;}]$/)
			codes[n_blocks] = codes[n_blocks] "\001"
	}
	close(file)
}

# The declarations of a block.
function split_block(i, parts,	n, j, m)
{
	n = split(codes[i], parts, "\001")
	for (j = 1; j <= n; j++) {
		sub(/\n+$/, "", parts[j])
		if (parts[j] != "" && !is_forward(parts[j]))
			parts[++m] = parts[j]
	}
	return m + 0
}

function take_comment(i,	n)
{
	sub(/\n+$/, "", comments[i])
	n = split(comments[i], comment, "\n")
	return n
}

function put_types(	i, j, n, parts, any, is_private)
{
	for (i = 1; i <= n_blocks; i++) {
		n = split_block(i, parts)
		if (n == 0 || is_function(parts[1]))
			continue
		if (!any)
			put(".Ss Types and constants")
		else if (comments[i])
			put(".Pp")
		any = 1
		put_comment(take_comment(i))
		gsub(/\n/, " ", comments[i])
		is_private = comments[i] ~ /fields are the library's/
		for (j = 1; j <= n; j++)
			put_type(parts[j], is_private)
	}
}

function name_in(code)
{
	match(code, /weir_[a-z_]+\(/)
	return substr(code, RSTART, RLENGTH - 1)
}

function put_functions(	i, j, n, parts, any)
{
	for (i = 1; i <= n_blocks; i++) {
		n = split_block(i, parts)
		if (n == 0 || !is_function(parts[1]))
			continue
		if (!any)
			put(".Ss Functions\n.Bl -tag -width Ds")
		any = 1
		put(n > 1 ? ".It Xo" : ".It Fn " name_in(parts[1]))
		for (j = 1; n > 1 && j <= n; j++)
			put(".Fn " name_in(parts[j]) (j < n ? " ," : "\n.Xc"))
		if (!comments[i]) {
			print name_in(parts[1]) ": no comment" > "/dev/stderr"
			failed = 1
		}
		put_comment(take_comment(i))
	}
	if (any)
		put(".El")
}

function put_synopsis(	i, j, n, parts)
{
	put(".Sh SYNOPSIS\n.In weir.h")
	for (i = 1; i <= n_blocks; i++) {
		n = split_block(i, parts)
		for (j = 1; j <= n; j++)
			if (is_function(parts[j])) {
				put_prototype(parts[j])
				if (name_in(parts[j]) != page)
					print name_in(parts[j]), page
			}
	}
}

function put_examples(	i, n, lines, j)
{
	if (n_examples > 0)
		put(".Sh EXAMPLES")
	for (i = 1; i <= n_examples; i++) {
		if (i > 1 && intros[i])
			put(".Pp")
		if (intros[i])
			put_text(intros[i])
		put(".Bd -literal")
		n = split(example[i], lines, "\n")
		for (j = 1; j <= n; j++)
			put_literal(lines[j])
		put(".Ed")
	}
}

# -- pages --

function put_see_also(	i)
{
	put(".Sh SEE ALSO")
	if (page != "weir")
		put(".Xr weir 3 ,")
	put(".Xr weir 7")
}

# The comments before the first declaration; weir.h has nothing else.
function put_description(file,	line, n, in_comment, any)
{
	put(".Sh DESCRIPTION")
	while ((getline line < file) > 0 && line !~ /^#/) {
		if (line ~ /^\/\*/) {
			n = 0
			in_comment = 1
		}
		if (in_comment)
			comment[++n] = uncomment(line)
		if (in_comment && line ~ /\*\/$/) {
			if (comment[n] == "")
				n--
			if (any++)
				put(".Pp")
			put_comment(n)
			in_comment = 0
		}
	}
	close(file)
}

function put_index(	i)
{
	put(".Pp\nOne page describes one noun, from the ground up:")
	put(".Bl -tag -width Ds")
	for (i = 1; i <= n_pages; i++)
		if (pages[i] != "weir") {
			put(".It Xr " pages[i] " 3")
			put_text(one_line(pages[i]))
		}
	put(".El")
}

function begin_page(file,	i)
{
	page = page_of(file)
	page_file = out "/" page ".3"
	n_examples = 0
	for (i in comments)
		delete comments[i]
	for (i in codes)
		delete codes[i]
	for (i in example)
		delete example[i]
	put(".\\\" Made from " file " by docs/manual/manual.awk.")
	put(".Dd " date)
	put(".Dt " toupper(page) " 3")
	put(".Os")
	put(".Sh NAME\n.Nm " page)
	put(".Nd " escape(one_line(page)))
	put(".Sh LIBRARY\nWeir " version " (libweir, \\-lweir)")
}

function write_page(file)
{
	begin_page(file)
	cut(file)
	put_synopsis()
	put_description(file)
	if (page == "weir")
		put_index()
	put_types()
	put_functions()
	put_examples()
	put_see_also()
	close(page_file)
}
