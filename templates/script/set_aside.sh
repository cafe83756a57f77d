
# set_aside PATH TO: moves a file out of the way.
set_aside() {
    [ -e "$1" ] || return 0
    only_root "$1"
    [ -f "$1" ] || die "$1 is not a file"
    [ ! -e "$2" ] || die "$2 exists already"
    mv -- "$1" "$2"
    say "moved $1 to $2"
}
