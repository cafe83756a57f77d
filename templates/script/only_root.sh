
# private PATH: only root can write to it. Access control lists show as a plus sign.
private() {
    read -r rights _ uid gid _ <<END
$(ls -ldn -- "$1")
END
    [ "$uid" = "$root" ] || return 1
    case $rights in
    c*) ;;
    ????????w*) return 1 ;;
    ?????w????+*) return 1 ;;
    ?????w*) [ "$gid" = 0 ] || return 1 ;;
    esac
}

# only_root PATH: stops unless only root can replace PATH. A directory on the way to the
# directory of PATH may be one in which everyone removes only what is theirs, as /tmp.
only_root() {
    [ "$(readlink -f -- "$1")" = "$1" ] || die "$1 does not exist, or leads through a symbolic link"
    [ -d "$1" ] || [ "$(stat -c %h -- "$1")" = 1 ] || die "$1 has more than one hard link"
    at=$1
    sticky=no
    while :; do
        if ! private "$at"; then
            [ "$uid" = "$root" ] || die "$at does not belong to root"
            [ $sticky = yes ] || die "$at can be changed by others"
            [ -k "$at" ] || die "$at can be changed by others"
        fi
        [ "$at" != / ] || break
        [ "$at" = "$1" ] || sticky=yes
        [ ! -d "$1" ] || sticky=yes
        at=${at%/*}
        at=${at:-/}
    done
}
