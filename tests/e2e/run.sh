#!/usr/bin/env bash
# Runs the bats files, two at a time; each has its own folder and ports.
#   run.sh [FILE...]    names without folder and suffix; none = all
# Last line: N passed, N failed, N skipped.
set -uo pipefail
cd "$(dirname "$0")" || exit
files=()
for name in "$@"; do files+=("$name.bats"); done
((${#files[@]})) || files=(*.bats)

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
export out
# shellcheck disable=SC2016 # the inner shell expands
printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P 2 bash -c '
    bats --tap "$1" >"$out/$1" 2>&1 || echo "# bats: exit $? of $1" >>"$out/$1"' _
for file in "${files[@]}"; do
    echo "== $file"
    cat "$out/$file"
done

passed=0 failed=0 skipped=0
for file in "${files[@]}"; do
    plan=$(sed -nE 's/^1\.\.([0-9]+)$/\1/p' "$out/$file" | head -n 1)
    ok=$(grep -cE '^ok ' "$out/$file")
    skip=$(grep -cE '^ok .*# skip' "$out/$file")
    bad=$(grep -cE '^not ok ' "$out/$file")
    if [[ -z $plan ]]; then
        bad=1
    elif ((ok + bad < plan)); then # a test that never reported
        bad=$((plan - ok))
    fi
    if ((bad == 0)) && grep -q '^# bats: exit' "$out/$file"; then # teardown_file found something
        bad=1
    fi
    passed=$((passed + ok - skip)) failed=$((failed + bad)) skipped=$((skipped + skip))
done
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
