# A page of the documentation, from what cmark-gfm or mandoc made: a head, the
# same links on top of each, names for headings as GitHub gives them, and links
# that lead to pages. Links to source files that are not published go.
#
# out: the folder of all pages; file: this one there; top: from it to out.

BEGIN {
	while ((getline line < links) > 0) {
		split(line, words, " ")
		home[words[1]] = words[2]
	}
	folder = file
	sub(/[^\/]*$/, "", folder)
	put_head()
}

function put_head()
{
	print "<!DOCTYPE html>"
	print "<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">"
	print "<meta name=\"viewport\" content=\"width=device-width\">"
	print "<link rel=\"stylesheet\" href=\"" top "/style.css\">"
	print "<title>" title "</title>\n</head>\n<body>\n<nav>"
	print "<a href=\"" top "/index.html\">Weir</a>"
	put_link("tutorial.html", "tutorial")
	put_link("guide.html", "guide")
	put_link("weir.3.html", "weir(3)")
	put_link("weir.7.html", "weir(7)")
	put_link("design.html", "design")
	put_link("CHANGES.html", "changes")
	print "</nav>"
}

function put_link(page, text)
{
	print "<a href=\"" top "/docs/" page "\">" text "</a>"
}

# "A connection's states" is a-connections-states.
function slug(text)
{
	gsub(/<[^>]*>|&[a-z]+;/, "", text)
	text = tolower(text)
	gsub(/[^a-z0-9 _-]/, "", text)
	gsub(/ /, "-", text)
	return text
}

function is_there(path)
{
	if (!(path in known))
		known[path] = system("test -e '" out "/" folder path "'") == 0
	return known[path]
}

# Where a link of the source leads to here; "": nowhere.
function target(href,	path, anchor, name, section)
{
	if (href ~ /^(https?:|#)/)
		return href
	path = href
	sub(/#.*/, "", path)
	anchor = substr(href, length(path) + 1)
	if (path ~ /README\.md$/)
		sub(/README\.md$/, "index.html", path)
	sub(/\.md$/, ".html", path)
	if (path ~ /\.[1-9]$/)
		path = path ".html"
	if (is_there(path))
		return path anchor
	if (path !~ /^[^\/]*\.[1-9][a-z]*\.html$/)
		return ""
	name = path
	sub(/\.[1-9][a-z]*\.html$/, "", name)
	section = substr(path, length(name) + 2, 1)
	if (name in home)
		return home[name] ".3.html#" name
	return "https://man7.org/linux/man-pages/man" section "/" path
}

function put_targets(line,	href, to, done, end)
{
	while (match(line, /<a [^>]*href="[^"]*"/)) {
		done = done substr(line, 1, RSTART - 1)
		href = substr(line, RSTART, RLENGTH)
		line = substr(line, RSTART + RLENGTH)
		match(href, /href="/)
		to = target(substr(href, RSTART + 6, length(href) - RSTART - 6))
		if (to == "") {
			sub(/^[^>]*>/, "", line)
			sub(/<\/a>/, "", line)
		} else {
			done = done substr(href, 1, RSTART + 5) to "\""
		}
	}
	return done line
}

# A function is linked to where it is described; mandoc has the name where the
# function is first mentioned.
file ~ /\.3\.html$/ {
	while (match($0, /"#?weir_[a-z_]+~[0-9]+"/))
		$0 = substr($0, 1, RSTART + index(substr($0, RSTART), "~") - 2) \
		     substr($0, RSTART + RLENGTH - 1)
	gsub(/ id="weir_[a-z_]+"/, "")
}
file ~ /\.3\.html$/ && /<dt/ {
	in_term = 1
}
in_term {
	while (match($0, /<code class="Fn">weir_[a-z_]+/)) {
		name = substr($0, RSTART + 17, RLENGTH - 17)
		$0 = substr($0, 1, RSTART - 1) "<code id=\"" name "\">" name \
		     substr($0, RSTART + RLENGTH)
	}
}
/<\/dt>/ {
	in_term = 0
}
/^<h[1-6]>/ {
	text = slug($0)
	n = seen[text]++
	sub(/>/, " id=\"" text (n ? "-" n : "") "\">")
}
{
	print put_targets($0)
}

END {
	print "</body>\n</html>"
}
