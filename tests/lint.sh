#!/usr/bin/env bash
# Everything that reads the sources without running them. Last line: N passed, N failed, N skipped.
# TIDY_FLAGS are the compiler flags that clang-tidy needs.
set -uo pipefail
passed=0 failed=0
jobs=$(nproc)
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT

mapfile -t sources < <(ls proto/*.c storage/*.c daemon/*.c tools/*.c 2>/dev/null)
mapfile -t tests < <(ls tests/*/*.c 2>/dev/null)
mapfile -t sim < <(ls tests/sim/*.c tests/trials/*.c tests/scale/*.c 2>/dev/null)
mapfile -t headers < <(ls proto/*.h storage/*.h daemon/*.h tools/*.h tests/*/*.h 2>/dev/null)
all=("${sources[@]}" "${tests[@]}" "${headers[@]}")

verdict() { # what, file with findings
    if [[ -s $2 ]]; then
        printf 'FAIL  %s\n' "$1"
        head -n 60 "$2"
        failed=$((failed + 1))
    else
        printf 'ok    %s\n' "$1"
        passed=$((passed + 1))
    fi
}

printf '%s\0' "${all[@]}" | xargs -0 -n 8 -P "$jobs" clang-format --dry-run -Werror \
    >"$log/format" 2>&1
verdict "clang-format" "$log/format"

# Each file has its own log: parallel writers would mix their lines.
mkdir "$log/tidy.d"
export TIDY_FLAGS log
# shellcheck disable=SC2016 # the inner shell expands
printf '%s\0' "${sources[@]}" "${sim[@]}" | xargs -0 -n 1 -P "$jobs" bash -c '
    # shellcheck disable=SC2086
    clang-tidy --quiet "$1" -- $TIDY_FLAGS >"$log/tidy.d/${1//\//_}" 2>/dev/null ||
        echo "clang-tidy: exit $? on $1" >>"$log/tidy.d/${1//\//_}"' _
cat "$log"/tidy.d/* 2>/dev/null | grep -E '(error|warning): |^clang-tidy: exit' |
    sort -u >"$log/tidy"
verdict "clang-tidy" "$log/tidy"

# uninitvar takes an array that is handed over to be filled for one that is read; gcc, clang and
# clang-tidy look at the same thing. incorrectStringBooleanError: tris_assert(false && "why").
cppcheck -j "$jobs" --quiet --std=c11 --language=c --enable=warning,performance,portability \
    --inline-suppr --suppress=missingIncludeSystem --suppress=uninitvar --suppress=incorrectStringBooleanError \
    --error-exitcode=1 -I. -Ibuild/release/gen "${sources[@]}" "${sim[@]}" >"$log/cppcheck" 2>&1
verdict "cppcheck" "$log/cppcheck"

shellcheck -x tools/*.sh tests/*.sh tests/*/*.sh tests/*/*.bash .ci/run >"$log/shell" 2>&1
verdict "shellcheck" "$log/shell"

# Comments are taken out (their lines stay), so that prose may name what code may not use.
# shellcheck disable=SC2016 # awk
decomment='BEGIN { RS = "\001" }
{
    out = ""
    n = length($0)
    for (i = 1; i <= n; i++) {
        two = substr($0, i, 2)
        c = substr($0, i, 1)
        if (state == "") {
            if (two == "/*") { state = "c"; i++; continue }
            if (two == "//") { state = "l"; i++; continue }
            if (c == "\"" || c == "\047") { state = c }
            out = out c
        } else if (state == "c") {
            if (two == "*/") { state = ""; i++ } else if (c == "\n") out = out c
        } else if (state == "l") {
            if (c == "\n") { state = ""; out = out c }
        } else {
            if (c == "\\") { out = out two; i++; continue }
            if (c == state || c == "\n") state = ""
            out = out c
        }
    }
    printf "%s", out
}'
rule() { # what, pattern, files...
    local what=$1 pattern=$2 file
    shift 2
    for file in "$@"; do
        [[ -e $log/plain/$file ]] || {
            mkdir -p "$log/plain/$(dirname "$file")"
            awk "$decomment" "$file" >"$log/plain/$file"
        }
        grep -nP "$pattern" "$log/plain/$file" | sed "s|^|$file:|"
    done >"$log/rule"
    verdict "$what" "$log/rule"
}
clockless=()
for file in "${sources[@]}"; do
    case $file in
    tools/* | daemon/clock.c) ;;
    *) clockless+=("$file") ;;
    esac
done
rule "no banned functions" \
    '(?<![\w.>])(v?sprintf|strcpy|strcat|strncpy|strncat|gets|strtok|atoi|atol|atof|rand|srand|random|alloca|tmpnam|mktemp)\s*\(' \
    "${sources[@]}" "${tests[@]}"
rule "no shell is started" '(?<![\w.>])(system|popen)\s*\(' "${sources[@]}"
rule "clocks only in daemon/clock.c and tools" \
    '(?<![\w.>])(time|gettimeofday|clock_gettime|localtime|gmtime)\s*\((?!void\))' \
    "${clockless[@]}"
rule "secrets are compared in constant time" \
    '\bmemcmp\s*\([^;]*(secret|seed|_sk\b|psk|priv|passphrase)' "${sources[@]}"
rule "no assert.h beside tris_assert" '^\s*#\s*include\s*<assert\.h>' "${sources[@]}" "${headers[@]}"
rule "no marks of unfinished work" '\b(TODO|FIXME|XXX|HACK)\b' "${all[@]}"

ctags -f - --languages=C --kinds-C=f --fields=+ne "${sources[@]}" "${tests[@]}" 2>/dev/null |
    awk -F '\t' '{
        line = end = 0
        for (i = 4; i <= NF; i++) {
            if ($i ~ /^line:/) line = substr($i, 6)
            if ($i ~ /^end:/) end = substr($i, 5)
        }
        if (end - line + 1 > 70) printf "%s:%d: %s has %d lines\n", $2, line, $1, end - line + 1
    }' >"$log/long"
verdict "functions of at most 70 lines" "$log/long"

for file in "${sources[@]}" "${headers[@]}"; do
    head -c 2 "$file" | grep -q '^/\*' || echo "$file: no comment that says its one job"
done >"$log/first"
verdict "each file begins with its one job" "$log/first"

echo "$passed passed, $failed failed, 0 skipped"
((failed == 0))
