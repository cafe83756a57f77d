
# comment FILE KEY: settings of KEY in FILE no longer count.
comment() {
    [ -f "$1" ] || return 0
    only_root "$1"
    rm -f "$1.new"
    sed "s|^[[:space:]]*$2[[:space:]]*=|# &|" "$1" >"$1.new"
    chmod 0644 "$1.new"
    mv -f "$1.new" "$1"
}
