
# regular PATH: puts a copy in the place of a symbolic link.
regular() {
    if [ ! -L "$1" ]; then
        say "$1 is no link"
        return
    fi
    cp -L -- "$1" "$1.new"
    chmod 0644 "$1.new"
    mv -f -- "$1.new" "$1"
    say "$1 is a file now"
}
