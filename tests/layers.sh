#!/usr/bin/env bash
# Proves the rooms (who may include and link whom): by grep, by the symbols that are used, by link.
#
#   daemon -> storage, proto, libuv, inih     storage -> proto, lmdb
#   proto -> libc, sodium, msgpack-c (encoder), utf8proc     tools -> proto, storage (offline only)
set -uo pipefail
build=$1
shift
failed=0 passed=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

verdict() { # what, lines that must be empty
    if [[ -n $2 ]]; then
        printf 'FAIL  %s\n%s\n' "$1" "$2"
        failed=$((failed + 1))
    else
        printf 'ok    %s\n' "$1"
        passed=$((passed + 1))
    fi
}
includes() { # room, pattern of what it must not include
    grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($2)" "$1"/*.c "$1"/*.h "$1"/*.def \
        2>/dev/null
}
os='sys/socket|netinet/|arpa/|netdb|poll|sys/epoll|sys/un|unistd|fcntl|sys/stat|sys/file|dirent'
verdict "proto includes no socket, file, clock, thread, loop or store header" "$(includes proto \
    "uv|lmdb|$os|pthread|threads|time|sys/time|signal|ini|csv|jansson|daemon/|storage/|tools/")"
verdict "storage includes no loop, socket, thread header and no other room" "$(includes storage \
    'uv|sys/socket|netinet/|arpa/|netdb|pthread|threads|time\.h|sys/time|ini|csv|jansson|daemon/|tools/')"
verdict "tools includes no loop and no daemon" "$(includes tools 'uv|daemon/')"
verdict "daemon includes no tools" "$(includes daemon 'tools/|lmdb')"
verdict "no room includes tests" "$(for room in proto storage daemon tools; do
    includes "$room" 'tests/'
done)"
allowed='^tools/(cmd_init|init_join|cmd_audit|cmd_doctor|doctor|cmd_verify|cmd_backup|cmd_key|cmd_charter|offline|bench_)'
verdict "tools opens the store for offline commands only" \
    "$(includes tools 'storage/' | grep -vE "$allowed")"

# what the objects of proto call, whatever they include
impure='socket|connect|bind|listen|accept|send|recv|sendto|recvfrom|open|open64|openat|close|read|write'
impure+='|fopen|fopen64|fread|fwrite|fclose|printf|fprintf|puts|time|clock|clock_gettime|gettimeofday'
impure+='|pthread_.*|getrandom|getentropy|rand|random|randombytes.*|getenv|fork|exec.*|signal|mmap'
impure+='|msgpack_unpack.*|msgpack_object.*|mdb_.*|uv_.*'
used=$(nm -A -u "$build/libproto.a" 2>/dev/null | sed -E 's/.*:([^:]+\.o): *U +([^@]+).*/\1 \2/' |
    grep -E " (__)?($impure)(_chk)?$" | grep -v '^err\.o __fprintf_chk$') # tris_assert's last words
verdict "proto calls no socket, file, clock, thread, randomness or unpacker" "$used"
used=$(nm -A -u "$build/libstorage.a" 2>/dev/null |
    sed -E 's/.*:([^:]+\.o): *U +([^@]+).*/\1 \2/' |
    grep -E ' (socket|connect|time|clock_gettime|gettimeofday|pthread_create|uv_.*|random.*)$')
verdict "storage calls no socket, clock, thread, randomness or loop" "$used"

used=$(nm -A -u "$build/libdaemon.a" 2>/dev/null | grep -E ' U mdb_')
used+=$(nm -A -u "$build/libtools.a" 2>/dev/null | grep -E ' U (uv|mdb)_')
verdict "daemon and tools reach the store through store.h, tools has no loop" "$used"
globals=$(size -A "$build/libproto.a" 2>/dev/null | awk '
    / *:/ || /\(ex / { file = $1 }
    ($1 == ".data" || $1 == ".bss" || $1 == ".tdata" || $1 == ".tbss") && $2 > 0 { print file, $1 }')
verdict "proto has no global that changes" "$globals"

# all of a room links with its own libraries and nothing else
echo 'int main(void) { return 0; }' > "$tmp/main.c"
# shellcheck disable=SC2086 # lists of words
log=$($CC "$@" -o "$tmp/proto" "$tmp/main.c" -Wl,--whole-archive "$build/libproto.a" \
    -Wl,--no-whole-archive $PROTO_LIBS 2>&1) || true
[[ -x $tmp/proto ]] && log=''
verdict "proto links with its own libraries alone" "$log"
# shellcheck disable=SC2086
log=$($CC "$@" -o "$tmp/storage" "$tmp/main.c" -Wl,--whole-archive "$build/libstorage.a" \
    -Wl,--no-whole-archive "$build/libproto.a" $STORAGE_LIBS $PROTO_LIBS 2>&1) || true
[[ -x $tmp/storage ]] && log=''
verdict "storage links with proto and lmdb alone" "$log"

echo "$passed passed, $failed failed, 0 skipped"
((failed == 0))
