
# mode PATH MODE OWNER: sets the mode, and the owner if one is named.
mode() {
    only_root "$1"
    [ -z "$3" ] || chown "$3:$3" -- "$1"
    chmod "$2" -- "$1"
    say "$1 has mode $2"
}
