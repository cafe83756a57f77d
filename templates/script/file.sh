
# file PATH LINE...: the file holds these lines.
file() {
    path=$1
    shift
    if [ -f "$path" ] && [ "$(cat "$path")" = "$(printf '%s\n' "$@")" ]; then
        say "$path is as it should be"
        return
    fi
    mkdir -p "${path%/*}"
    only_root "${path%/*}"
    rm -f "$path.new"
    printf '%s\n' "$@" >"$path.new"
    chmod 0644 "$path.new"
    mv -f "$path.new" "$path"
    say "wrote $path"
}
