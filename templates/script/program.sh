
# program PROFILE PATH: stops unless PATH is a program of root's, or one that lies in its
# owner's home directory, and PROFILE is not there for another one.
program() {
    [ "$(readlink -f -- "$2")" = "$2" ] || die "$2 does not exist, or leads through a symbolic link"
    [ -f "$2" ] || die "$2 is not a file"
    [ "$(stat -c %h -- "$2")" = 1 ] || die "$2 has more than one hard link"
    owner=$(stat -c %u -- "$2")
    if [ "$owner" = "$root" ]; then
        only_root "$2"
    else
        home=$(getent passwd "$owner" | cut -d: -f6)
        case $2 in
        "${home:?}"/*) ;;
        *) die "$2 is not in the home directory of its owner" ;;
        esac
    fi
    [ -e "$1" ] || return 0
    grep -qsF -- "\"$2\" flags=(unconfined) {" "$1" || die "$1 is for another program"
}
