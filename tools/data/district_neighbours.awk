# Turn neighbours.csv into rows of the C table in proto/district_near.c, each pair in both directions,
# as places in the table of districts, ascending:
#     {0, 15},
# Arguments: districts.csv neighbours.csv. Works with any POSIX awk (a bare Debian has mawk).

function fail(why) {
    print "district_neighbours.awk: " FILENAME " line " FNR ": " why > "/dev/stderr"
    failed = 1
    exit 1
}

{ sub(/\r$/, "") }

FNR == 1 {
    file++
    if (file == 2 && $0 != "ags_a,ags_b")
        fail("the header is not ags_a,ags_b")
    next
}

file == 1 { # the key is the first column; names with commas stand behind it
    place[substr($0, 1, 5)] = districts++
    next
}

{
    a = substr($0, 1, 5)
    b = substr($0, 7)
    if (length($0) != 11 || !(a in place) || !(b in place) || (a "") >= (b ""))
        fail("these are not two known districts, the smaller key first")
    if ((a, b) in seen)
        fail("the pair repeats")
    seen[a, b] = 1
    from = place[a]
    to = place[b]
    near[from, count[from]++] = to
    near[to, count[to]++] = from
    pairs++
}

END {
    if (failed)
        exit 1
    if (pairs == 0) {
        print "district_neighbours.awk: no pairs" > "/dev/stderr"
        exit 1
    }
    for (i = 0; i < districts; i++) {
        for (j = 0; j < count[i]; j++) { # few: the least that is left each time
            least = j
            for (k = j + 1; k < count[i]; k++)
                if (near[i, k] < near[i, least])
                    least = k
            swap = near[i, j]
            near[i, j] = near[i, least]
            near[i, least] = swap
            print "{" i ", " near[i, j] "},"
        }
    }
}
