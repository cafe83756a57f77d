
# packages FAMILY NAME...: installs them, and has those that are installed put
# missing files back.
packages() {
    family=$1
    shift
    for name in "$@"; do
        case $family in
        debian)
            export DEBIAN_FRONTEND=noninteractive
            case $(dpkg-query -W -f='${Status}' "$name" 2>/dev/null || true) in
            *' installed') apt-get install -y --reinstall "$name" ;;
            *) apt-get install -y "$name" || { apt-get update && apt-get install -y "$name"; } ;;
            esac
            ;;
        fedora | rhel) if rpm -q "$name" >/dev/null; then dnf reinstall -y "$name"; else dnf install -y "$name"; fi ;;
        rhel7) if rpm -q "$name" >/dev/null; then yum reinstall -y "$name"; else yum install -y "$name"; fi ;;
        suse) zypper --non-interactive install --force "$name" ;;
        arch) pacman -S --noconfirm "$name" ;;
        alpine) apk add "$name" && apk fix "$name" ;;
        *) die "install $name by hand" ;;
        esac
    done
}
