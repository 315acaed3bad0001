#!/usr/bin/env bash
# The one list of Debian 12 packages that tris needs, and what is missing of it on this machine.
#
#   tools/deps.sh list build|check      all packages, one a line
#   tools/deps.sh [missing build|check] the apt line for what is missing; exit 1 if anything is
#   tools/deps.sh install build|check   as root: installs what is missing
#
# dpkg is asked, not pkg-config: libcsv and lmdb come without a .pc file.
set -euo pipefail

build=(gcc make libc6-dev libuv1-dev liblmdb-dev libsodium-dev libmsgpack-dev libutf8proc-dev
    libjansson-dev libinih-dev libcsv-dev libsmartcols-dev libsqlite3-dev libqrencode-dev
    gettext python3)
check=("${build[@]}" clang libclang-rt-14-dev clang-format clang-tidy cppcheck universal-ctags
    shellcheck libcmocka-dev bats scdoc python3-msgpack
    python3-cryptography)

verb=${1:-missing}
set_name=${2:-check}
case $set_name in
build) wanted=("${build[@]}") ;;
check) wanted=("${check[@]}") ;;
*)
    echo "deps.sh: unknown set '$set_name': build or check" >&2
    exit 2
    ;;
esac

missing=()
for package in "${wanted[@]}"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $state == installed ]] || missing+=("$package")
done

case $verb in
list)
    printf '%s\n' "${wanted[@]}"
    ;;
missing)
    if ((${#missing[@]})); then
        echo "apt-get install --no-install-recommends ${missing[*]}"
        exit 1
    fi
    ;;
install)
    ((${#missing[@]})) || exit 0
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q >&2
    apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
    ;;
*)
    echo "deps.sh: unknown verb '$verb': list, missing or install" >&2
    exit 2
    ;;
esac
