#compdef rootless-setup
# zsh completion of rootless-setup: the program itself tells what fits.
_rootless_setup() {
    local line
    local -a before values
    before=("${(@)words[2,CURRENT-1]}")
    for line in "${(@f)$(${~words[1]} __complete zsh "${before[@]}" "$PREFIX" 2>/dev/null)}"; do
        case $line in
        '') ;;
        :files) _files ;;
        *) values+=("${${line//:/\\:}/$'\t'/:}") ;;
        esac
    done
    if (( $#values )); then
        _describe -V 'rootless-setup' values
    fi
}
if [ "$funcstack[1]" = _rootless_setup ] || [ "$funcstack[1]" = _rootless-setup ]; then
    _rootless_setup "$@"
else
    compdef _rootless_setup rootless-setup
fi
