#!/bin/sh
# All of the documentation as HTML: README, what is in docs, and the manuals.
#
#	docs/html/make.sh OUT MANUALS
#
# OUT is a folder to be made anew; MANUALS has those that are made from the
# headers. What a page links to lies in OUT where it lies in
# the source tree, and pages link to nothing else of that tree.
set -eu
out=$1
manuals=$2
html=$(dirname "$0")

for tool in cmark-gfm mandoc; do
	command -v $tool >/dev/null || {
		echo "make html: $tool is not here (Debian: $tool)" >&2
		exit 1
	}
done

rm -rf "$out"
mkdir -p "$out/docs"
cp -R include "$out"
cp -R docs/examples docs/systemd docs/completion "$out/docs"
cp docs/html/style.css "$out"
cp docs/*.svg docs/*.png "$out/docs"

# FILE TITLE TOP: a page from HTML that has no head, or mandoc's.
page() {
	awk -v out="$out" -v links="$manuals/links" -v title="$2" \
		-v top="$3" -v file="$1" -f "$html/page.awk" >"$out/$1"
}

for source in README.md docs/*.md; do
	name=${source%.md}.html
	[ "$source" != README.md ] || name=index.html
	: >"$out/$name"
done
for source in docs/*.[1-9] "$manuals"/*.[1-9]; do
	: >"$out/docs/$(basename "$source").html"
done

for source in README.md docs/*.md; do
	name=${source%.md}.html
	top=..
	[ "$source" != README.md ] || { name=index.html top=.; }
	title=$(sed -n 's/^# //p' "$source" | head -n 1)
	cmark-gfm -e table "$source" | page "$name" "$title" $top
done
for source in docs/*.[1-9] "$manuals"/*.[1-9]; do
	name=$(basename "$source")
	title="${name%.*}(${name##*.})"
	mandoc -Thtml -O fragment,man=%N.%S.html -I os=Weir "$source" |
		page "docs/$name.html" "$title" ..
done
