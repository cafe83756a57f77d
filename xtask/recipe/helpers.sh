# Before every break script and every step of a case.

# alice COMMAND...: root runs it in the world of alice's user manager.
alice() {
    runuser -u alice -- env HOME=/home/alice XDG_RUNTIME_DIR=/run/user/1000 \
        DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus "$@"
}

# tree DIR [ASIDE...]: a line for each thing below DIR, sorted by name: its mode, its
# owner, and what is in it (sha256) or what it points to. Docker's own data is left
# out, and so is each ASIDE (a path below DIR; `*` is any text). Fails for a file that
# cannot be read.
tree() (
    cd -- "$1" || exit
    shift
    set -- "$@" .local/share/docker
    for aside; do
        set -- "$@" -path "./$aside" -prune -o
        shift
    done
    {
        find . "$@" -type f -exec sha256sum -z {} +
        printf '\0'
        find . "$@" -printf '%p\t%M %u:%g\t%l\0'
    } | tr '\n\0' '\1\n' | awk -F '\t' '
        $0 == "" { names = 1; next }
        !names { sum[substr($0, 67)] = substr($0, 1, 64); next }
        $2 ~ /^-/ && !($1 in sum) { failed = 1; sum[$1] = "unreadable" }
        { print $1, $2, $3 sum[$1] | "LC_ALL=C sort" }
        END { close("LC_ALL=C sort"); exit failed }'
)

# hello: a container from an image made of one file, which prints hello.
hello() {
    set -- "$(command -v busybox)"
    tar -C "${1%/*}" -c busybox | docker import - hello >/dev/null &&
        docker run --rm hello /busybox echo hello
}
