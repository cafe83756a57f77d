case ":${PATH}:" in
*:{{dir}}:*) ;;
*) export PATH={{dir}}"${PATH:+:${PATH}}" ;;
esac
