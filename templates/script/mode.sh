
# only_root PATH: nobody but root can put another file in its place.
only_root() {
    at=$1
    while :; do
        [ ! -L "$at" ] || die "$at is a symbolic link"
        case $(ls -ldn -- "$at") in
        ?????w*\ * | ????????w*\ *) [ -k "$at" ] || die "$at can be written by others" ;;
        esac
        [ "$(stat -c %u -- "$at")" = 0 ] || die "$at is not root's"
        [ "$at" != / ] || break
        at=${at%/*}
        at=${at:-/}
    done
}
