
# own HOME UID GID PATH...: gives the user what belongs to root of PATH... below HOME. It
# works in the directory itself, which a link or a new name does not change, and in no
# directory that others can write to.
own() {
    home=$1
    to=$2:$3
    user=$2
    shift 3
    enter "$home"
    [ "$(stat -c %u .)" = "$user" ] || die "$home does not belong to uid $user"
    device=$(stat -c %d .)
    for path in "$@"; do
        if [ -L "$home/$path" ]; then
            die "$home/$path is a symbolic link"
        elif [ -d "$home/$path" ]; then
            (enter "$home/$path" && own_this) || exit
        elif [ -e "$home/$path" ]; then
            at=$home/$path
            (enter "${at%/*}" && own_file "${at##*/}") || exit
        fi
    done
    cd /
}

# enter DIRECTORY: works there from now on, unless a link led elsewhere.
enter() {
    cd -P -- "$1" || exit
    [ "$(pwd -P)" = "$1" ] || die "$1 leads to $(pwd -P)"
}

own_this() {
    [ "$(stat -c %d .)" = "$device" ] || die "$(pwd -P) is on another file system"
    case $(stat -c %u .) in
    "$user") return ;;
    "$root")
        open_to_all . || [ -z "$(ls -A)" ] ||
            die "$(pwd -P) is closed to uid $user and not empty; use rootless-setup prepare"
        chown "$to" .
        say "gave $(pwd -P) to $to"
        ;;
    *) die "$(pwd -P) belongs to a third user" ;;
    esac
}

# open_to_all PATH: everybody can read it; a directory, enter it, too.
open_to_all() {
    case $(stat -c %a -- "$1") in
    *[57]) ;;
    *[46]) [ ! -d "$1" ] ;;
    *) false ;;
    esac
}

own_file() {
    [ "$(stat -c %u -- "./$1")" != "$user" ] || return 0
    private . || die "$(pwd -P)/$1: others can exchange it; use rootless-setup prepare"
    [ "$(stat -c %d .)" = "$device" ] || die "$(pwd -P) is on another file system"
    [ ! -L "./$1" ] || die "$(pwd -P)/$1 is a symbolic link"
    [ -f "./$1" ] || die "$(pwd -P)/$1 is not a file"
    [ ! -u "./$1" ] || die "$(pwd -P)/$1 has a setuid bit"
    [ ! -g "./$1" ] || die "$(pwd -P)/$1 has a setgid bit"
    [ "$(stat -c %u:%h -- "./$1")" = "$root:1" ] || die "$(pwd -P)/$1 is not a file of root with one name"
    open_to_all "./$1" ||
        die "$(pwd -P)/$1 is closed to uid $user; use rootless-setup prepare"
    chown -h "$to" "./$1"
    say "gave $(pwd -P)/$1 to $to"
}
