# Turn districts.csv into rows of the C table in proto/district.c:
#     {"05315", "Köln, Stadt", "koeln", 1085664},
# Columns are found by their names in the header; the rows have to be sorted by key, since the table
# is searched by halves. Works with any POSIX awk (a bare Debian has mawk).

# Splits one CSV line (RFC 4180, no line breaks inside fields) into field[1..n]; returns n.
function split_csv(line, field,    n, i, c, quoted, text) {
    n = 0
    text = ""
    quoted = 0
    sub(/\r$/, "", line)
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        if (quoted && c == "\"" && substr(line, i + 1, 1) == "\"") {
            text = text c
            i++
        } else if (c == "\"") {
            quoted = !quoted
        } else if (c == "," && !quoted) {
            field[++n] = text
            text = ""
        } else {
            text = text c
        }
    }
    field[++n] = text
    return n
}

function c_string(text) {
    gsub(/\\/, "\\\\", text)
    gsub(/"/, "\\\"", text)
    return "\"" text "\""
}

function fail(why) {
    print "district_table.awk: line " NR ": " why > "/dev/stderr"
    failed = 1
    exit 1
}

NR == 1 {
    columns = split_csv($0, header)
    for (i = 1; i <= columns; i++)
        at[header[i]] = i
    if (!("ags" in at && "name_long" in at && "slug" in at && "population" in at))
        fail("the header lacks one of ags, name_long, slug, population")
    next
}

{
    if (split_csv($0, row) != columns)
        fail("another number of fields than the header")
    ags = row[at["ags"]]
    name = row[at["name_long"]]
    slug = row[at["slug"]]
    population = row[at["population"]]
    if (ags !~ /^[0-9][0-9][0-9][0-9][0-9]$/)
        fail("the key is not five digits")
    if ((ags "") <= (last "")) # as text: as numbers 01001 would equal 1001
        fail("the keys are not ascending")
    if (slug !~ /^[a-z0-9][a-z0-9-]*$/ || slug in seen_slug || name == "" || name in seen_name)
        fail("slug or name is odd or repeats")
    if (population !~ /^[0-9]+$/)
        fail("the population is not a number")
    last = ags
    seen_slug[slug] = seen_name[name] = 1
    rows++
    print "{" c_string(ags) ", " c_string(name) ", " c_string(slug) ", " population "},"
}

END {
    if (!failed && rows == 0) {
        print "district_table.awk: no rows" > "/dev/stderr"
        exit 1
    }
}
