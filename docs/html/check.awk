# Whether each link of the pages leads to a file that is there, and to a name in
# it; other hosts are not asked.

function resolve(base, path,	n, parts, i, all, m)
{
	sub(/[^\/]*$/, "", base)
	n = split(base path, parts, "/")
	for (i = 1; i <= n; i++)
		if (parts[i] == ".." && m > 0 && all[m] != "..")
			m--
		else if (parts[i] != ".")
			all[++m] = parts[i]
	path = all[1]
	for (i = 2; i <= m; i++)
		path = path "/" all[i]
	return path
}

function complain(text)
{
	print text > "/dev/stderr"
	failed = 1
}

{
	line = $0
	while (match(line, / (id|href|src)="[^"]*"/)) {
		what = substr(line, RSTART + 1, RLENGTH - 2)
		line = substr(line, RSTART + RLENGTH)
		value = what
		sub(/^[a-z]*="/, "", value)
		if (what !~ /^id/)
			links[++n_links] = FILENAME SUBSEP value
		else if (((FILENAME, value) in names))
			complain(FILENAME ": twice: " value)
		else
			names[FILENAME, value] = 1
	}
}

END {
	for (i = 1; i <= n_links; i++) {
		split(links[i], link, SUBSEP)
		if (link[2] ~ /^https?:/ && link[2] !~ /man7\.org.*weir/)
			continue
		path = link[2]
		sub(/#.*/, "", path)
		name = substr(link[2], length(path) + 2)
		path = path == "" ? link[1] : resolve(link[1], path)
		if (!(path in there))
			there[path] = system("test -e '" path "'") == 0
		if (!there[path] || (name != "" && !((path, name) in names)))
			complain(link[1] ": leads nowhere: " link[2])
	}
	if (n_links == 0)
		complain("no links")
	exit failed
}
