
# regular PATH: puts a copy in the place of a symbolic link.
regular() {
    if [ ! -L "$1" ]; then
        say "$1 is no link"
        return
    fi
    only_root "${1%/*}"
    target=$(readlink -f -- "$1")
    only_root "$target"
    rm -f "$1.new"
    cp -- "$target" "$1.new"
    chmod 0644 "$1.new"
    mv -f -- "$1.new" "$1"
    say "$1 is a file now"
}
