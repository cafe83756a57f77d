if not contains -- {{dir}} $PATH
    set -gx PATH {{dir}} $PATH
end
