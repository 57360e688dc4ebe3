# The picture of the demonstration's page as a file of its own, for the essay:
#
#	build/send-vs-sendall --html - | awk -f docs/html/picture.awk \
#		>docs/send-vs-sendall.svg

BEGIN {
	left = 215
	width = 148
	height = 94
	gap = 8
}

/<ul class="legend">/ {
	legend = $0
}
/<div class="many"/ {
	is_inside = 1
	match($0, /--n:[0-9]+/)
	n_columns = substr($0, RSTART + 4, RLENGTH - 4) + 0
	next
}
is_inside && /^<\/div>/ {
	is_inside = 0
}
!is_inside {
	next
}

# The first words are the heads of the columns, those behind begin a row.
/^<div><b>/ {
	words = $0
	gsub(/<\/?(div|b)>/, "", words)
	gsub(/<\/span>/, "", words)
	split(words, parts, "<span>")
	if (n_words <= n_columns) {
		at = left + (n_words - 1) * (width + gap)
		if (n_words > 0)
			put_text(at, 40, "head", parts[1])
	} else {
		n_rows++
		n_charts = 0
		at = row_at() + 16
		put_text(0, at, "head", parts[1])
		n = split(parts[2], notes, "; ")
		for (i = 1; i <= n; i++)
			put_text(0, at + 18 * i, "", notes[i])
	}
	n_words++
}
/^<svg/ {
	sub(/role="img" /, "")
	sub(/<svg class="chart small"/, "<svg x=\"" \
	    (left + n_charts++ * (width + gap)) "\" y=\"" row_at() \
	    "\" width=\"" width "\" height=\"" height \
	    "\" preserveAspectRatio=\"none\"")
	is_chart = 1
}
is_chart {
	body = body $0 "\n"
}
/^<\/svg>/ {
	is_chart = 0
}

function row_at()
{
	return 54 + (n_rows - 1) * (height + gap)
}

function put_text(x, y, class, text)
{
	body = body "<text x=\"" x "\" y=\"" y "\"" \
	       (class ? " class=\"" class "\"" : "") ">" text "</text>\n"
}

# "8.00 MiB owed" in the colours of the lines.
function put_legend(	names, n, i, name)
{
	n = split(legend, names, "</svg>")
	for (i = 2; i <= n; i++) {
		name = names[i]
		sub(/<.*/, "", name)
		body = body "<path class=\"series s" (i - 1) "\" d=\"M" \
		       (i - 2) * 150 " 8h28\"/>\n"
		put_text((i - 2) * 150 + 36, 13, "", name)
	}
}

END {
	put_legend()
	total = left + n_columns * (width + gap)
	high = row_at() + height + gap
	print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " \
	      total " " high "\" role=\"img\">"
	print "<title>Seven ways of sending to one slow reader</title>"
	print "<style>"
	print "svg{--ink:#1b1f24;--faint:#57606a;--grid:#8883;--shade:#8883;" \
	      "--s1:#0b69a9;--s2:#c2510c;--paper:#fff}"
	print "@media(prefers-color-scheme:dark){svg{--ink:#e4e8ed;" \
	      "--faint:#9aa5b1;--s1:#5ab4f2;--s2:#f5833d;--paper:#181c22}}"
	print "text{font:13px system-ui,sans-serif;fill:var(--faint)}"
	print ".head{font-weight:600;fill:var(--ink)}"
	print "path{fill:none}.grid,.axis{stroke:var(--grid)}"
	print ".band{fill:var(--shade)}"
	print ".rule{stroke:var(--faint);stroke-dasharray:2 3}"
	print ".series{stroke-width:2.5;stroke-linejoin:round}"
	print ".s1{stroke:var(--s1)}.s2{stroke:var(--s2);stroke-dasharray:8 4}"
	print "</style>"
	print "<rect width=\"100%\" height=\"100%\" fill=\"var(--paper)\"/>"
	printf "%s</svg>\n", body
}
