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

# unpackage NAME: as where Docker's programs came without packages: it is gone, and no
# package says that it needs it.
unpackage() {
    dpkg --purge --force-depends "$1"
    perl -i -pe 's{^((?:Pre-)?Depends: )(.*)}{
        $1 . join ", ", grep { !/^\Q'"$1"'\E(?![-+.\w])/ } split /, /, $2
    }e and s/^[\w-]+: \n//' /var/lib/dpkg/status
}

# killed ROUNDS: installs and kills it (-9) so many times, by turns when the journal
# has come to one more line and at a random moment; in every fourth round an
# installation goes on from there, in every fourth the uninstallation is killed as
# well. After each round `rootless-setup uninstall` has to give the home back as it
# was. A round in which the program was over before it could be killed does not count.
# Where the daemon itself does not come up on a busy machine, install has to have taken
# everything back, and tries again.
killed() (
    journal=~/.local/state/rootless-setup/journal.jsonl
    # Patient: how long an emulated daemon takes on a busy machine is not the question.
    install=(rootless-setup install --yes --no-linger --shell-env --timeout 900)
    uninstall=(rootless-setup uninstall --yes --timeout 600)
    now() { echo $(($(date +%s%N) / 1000000)); }
    nap() { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }
    lines() { { mapfile -t all <"$journal"; } 2>/dev/null || all=(); lines=${#all[@]}; }
    bad() { echo "round $n ($how): $*"; cat /var/tmp/out; exit 1; }
    # In the background as the program itself: its pid is the one to kill.
    strike() { kill -9 $pid; wait $pid; test $? = 137; } 2>/dev/null
    slow=0
    through() {
        for try in 1 2 3; do
            "${install[@]}" >/var/tmp/out 2>&1 && return
            test $? = 5 && grep -q 'everything done so far was taken back' /var/tmp/out || return 1
            tree ~ .config/docker | diff /var/tmp/before - || return 1
            slow=$((slow + 1))
        done
        return 1
    }
    tree ~ .config/docker >/var/tmp/before
    n=0 how=whole from=$(now)
    through || bad "install failed"
    took=$(($(now) - from)); lines; steps=$lines; from=$(now)
    "${uninstall[@]}" >/var/tmp/out 2>&1 || bad "uninstall failed"
    back=$(($(now) - from))
    tree ~ .config/docker | diff /var/tmp/before - || bad "the home is not as before"
    echo "install: $took ms, $steps lines in the journal; uninstall: $back ms"
    at_line=0 at_moment=0 went_on=0 of_uninstall=0
    for ((tries = 0; n < $1 && tries < 2 * $1; tries++)); do
        "${install[@]}" >/var/tmp/out 2>&1 & pid=$!
        if ((n % 2)); then
            # Early ones are likelier: late in it, it only waits for the daemon.
            r=$RANDOM ms=$((took * r / 32768 * r / 32768 * r / 32768))
            how="after $ms ms"; nap $ms
        else
            wanted=$((n / 2 % steps + 1)); how="at line $wanted"
            until lines; ((lines >= wanted)); do kill -0 $pid 2>/dev/null || break; done
        fi
        if strike; then hit=1; else hit=0; fi
        lines; how="$how, $lines in the journal"
        case $((n / 2 % 4)) in
        1)
            how="$how, then install"
            through || bad "install did not complete"
            went_on=$((went_on + hit))
            ;;
        2)
            "${uninstall[@]}" >/var/tmp/out 2>&1 & pid=$!
            ms=$((RANDOM * back / 32768)); how="$how, uninstall after $ms ms"; nap $ms
            if strike; then of_uninstall=$((of_uninstall + 1)); fi
            ;;
        esac
        "${uninstall[@]}" >/var/tmp/out 2>&1 || bad "uninstall failed"
        tree ~ .config/docker >/var/tmp/after
        diff /var/tmp/before /var/tmp/after || bad "the home is not as before"
        ! systemctl --user is-active -q docker.service || bad "it still runs"
        ((hit)) || continue
        if ((n % 2)); then at_moment=$((at_moment + 1)); else at_line=$((at_line + 1)); fi
        n=$((n + 1)); echo "$n: $how"
    done
    echo "killed at a line of the journal: $at_line; at a random moment: $at_moment"
    echo "then installed: $went_on; uninstall killed, too: $of_uninstall"
    echo "the daemon itself did not come up: $slow times"
    echo "$n of $1 as before"
)
