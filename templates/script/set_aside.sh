
# set_aside PATH TO: moves a file out of the way.
set_aside() {
    [ -e "$1" ] || return 0
    [ ! -e "$2" ] || die "$2 is there already"
    mv -- "$1" "$2"
    say "moved $1 to $2"
}
