# fish completion of rootless-setup: the program itself tells what fits.
function __rootless_setup_complete
    set -l words (commandline -opc)
    set -l program $words[1]
    set -e words[1]
    set -l current (commandline -ct)
    set program (string replace -r '^~' -- $HOME $program)
    for line in ($program __complete fish $words "$current" 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path "$current"
            case '*'
                echo $line
        end
    end
end
complete -c rootless-setup -f -a '(__rootless_setup_complete)'
