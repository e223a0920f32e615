# bash completion of trackteroid; written by man/generate.py
_trackteroid_batches() {
    local home="$TRACKTEROID_HOME"
    if [ -z "$home" ]; then
        case "$OSTYPE" in
            darwin*) home="$HOME/Library/Application Support/trackteroid" ;;
            *) home="${XDG_DATA_HOME:-$HOME/.local/share}/trackteroid" ;;
        esac
    fi
    local file name
    for file in "$home"/spool/*/*.dbm; do
        [ -e "$file" ] || continue
        name="${file##*/}"
        name="${name%.dbm}"
        printf "%s\n%s\n" "${name%%.*}" "${name#*.}"
    done
}

_trackteroid() {
    local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}"
    local command="" word words=""
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case "$command $word" in
            " record") command="record" ;;
            " inspect") command="inspect" ;;
            " commit") command="commit" ;;
            " discard") command="discard" ;;
            " revert") command="revert" ;;
            " query") command="query" ;;
            " replica") command="replica" ;;
            "replica pull") command="replica pull" ;;
            "replica status") command="replica status" ;;
            " sandbox") command="sandbox" ;;
            "sandbox serve") command="sandbox serve" ;;
            "sandbox create") command="sandbox create" ;;
            "sandbox reset") command="sandbox reset" ;;
            "sandbox list") command="sandbox list" ;;
            "sandbox remove") command="sandbox remove" ;;
            " doctor") command="doctor" ;;
            " demo") command="demo" ;;
        esac
    done
    case "$command:$previous" in
        "record:-c") COMPREPLY=(); return ;;
        "record:-m") COMPREPLY=(); return ;;
        "record:--jsonl") COMPREPLY=($(compgen -f -- "$current")); return ;;
        "record:--keep") COMPREPLY=(); return ;;
        "record:--name") COMPREPLY=(); return ;;
        "record:-o"|"record:--output") COMPREPLY=($(compgen -f -- "$current")); return ;;
        "inspect:--state") COMPREPLY=($(compgen -W "pending committing committed failed discarded interrupted" -- "$current")); return ;;
        "commit:--on-conflict") COMPREPLY=($(compgen -W "stop skip overwrite" -- "$current")); return ;;
        "commit:--retries") COMPREPLY=(); return ;;
        "commit:--timeout") COMPREPLY=(); return ;;
        "commit:--chunk-size") COMPREPLY=(); return ;;
        "commit:--digest") COMPREPLY=(); return ;;
        "commit:--log-file") COMPREPLY=($(compgen -f -- "$current")); return ;;
        "revert:--name") COMPREPLY=(); return ;;
        "query:-f"|"query:--format") COMPREPLY=($(compgen -W "table json jsonl csv ids" -- "$current")); return ;;
        "query:--limit") COMPREPLY=(); return ;;
        "query:--max-age") COMPREPLY=(); return ;;
        "replica pull:--project") COMPREPLY=(); return ;;
        "replica pull:--retries") COMPREPLY=(); return ;;
        "sandbox serve:--port") COMPREPLY=(); return ;;
        "sandbox create:--schemas") COMPREPLY=($(compgen -f -- "$current")); return ;;
    esac
    case "$command" in
        "") words="record inspect commit discard revert query replica sandbox doctor demo --sandbox --version -h --help" ;;
        "record")
            words="-c -m --jsonl --exec --keep --name -o --output --offline --without-pending --allow-refused --copy-media -h --help"
            ;;
        "inspect")
            words="--state --json --jsonl --check -h --help"
            [ "${current#-}" = "$current" ] && words="$(_trackteroid_batches)"
            ;;
        "commit")
            words="--dry-run --on-conflict --retries --timeout --chunk-size --retry-failed --server-changed --digest --log-file --json -q --quiet -h --help"
            [ "${current#-}" = "$current" ] && words="$(_trackteroid_batches)"
            ;;
        "discard")
            words="--restore --purge --json -h --help"
            [ "${current#-}" = "$current" ] && words="$(_trackteroid_batches)"
            ;;
        "revert")
            words="--name --partial --json -h --help"
            [ "${current#-}" = "$current" ] && words="$(_trackteroid_batches)"
            ;;
        "query")
            words="-f --format --limit --offline --without-pending --reuse --max-age -h --help"
            ;;
        "replica")
            words="pull status"
            ;;
        "replica pull")
            words="--project --all-projects --retries --json -h --help"
            ;;
        "replica status")
            words="--json -h --help"
            ;;
        "sandbox")
            words="serve create reset list remove"
            ;;
        "sandbox serve")
            words="--port --from-replica -h --help"
            ;;
        "sandbox create")
            words="--schemas --empty --from-replica -h --help"
            ;;
        "sandbox reset")
            words="-h --help"
            ;;
        "sandbox list")
            words="--json -h --help"
            ;;
        "sandbox remove")
            words="-h --help"
            ;;
        "doctor")
            words="--json -h --help"
            ;;
        "demo")
            words="-h --help"
            ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -o bashdefault -F _trackteroid trackteroid
