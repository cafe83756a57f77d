
# is_free FILE FIRST LAST: nobody has ids from FIRST to LAST in FILE.
is_free() {
    [ -f "$1" ] || return 0
    awk -F: -v first="$2" -v last="$3" '
        NF >= 3 && $2 <= last && $2 + $3 - 1 >= first { taken = 1 }
        END { exit taken }' "$1"
}

# sub_ids FILE USER FIRST LAST OLD: USER has the ids FIRST to LAST in FILE, in
# the place of those from OLD on, if that is a number.
sub_ids() {
    entry=$2:$3:$(($4 - $3 + 1))
    if [ -f "$1" ] && grep -qxF -e "$entry" "$1"; then
        say "$2 has $3-$4 in $1"
        return
    fi
    # The lock that usermod and useradd take.
    printf '%s\n' $$ >"$1.$$"
    locked=no
    ln "$1.$$" "$1.lock" 2>/dev/null && locked=yes
    rm -f "$1.$$"
    [ $locked = yes ] || die "$1 is locked by another program: see $1.lock"
    if is_free "$1" "$3" "$4" && replace "$1" "$2" "$5" "$entry"; then
        rm -f "$1.lock"
        say "$2 has $3-$4 in $1 now"
    else
        rm -f "$1.lock" "$1.new"
        die "$3-$4 cannot be given to $2 in $1: have rootless-setup make this script again"
    fi
}

# replace FILE USER OLD ENTRY: FILE without the range of USER that begins at
# OLD, and with ENTRY.
replace() {
    if [ -f "$1" ]; then
        # The environment, for awk reads escapes in -v.
        OWNER=$2 awk -F: -v old="$3" '!($1 == ENVIRON["OWNER"] && $2 == old)' "$1" >"$1.new"
    else
        : >"$1.new"
    fi &&
        printf '%s\n' "$4" >>"$1.new" &&
        chmod 0644 "$1.new" &&
        mv -f "$1.new" "$1"
}
