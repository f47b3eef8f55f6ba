/**
 * What a shell loads to complete `selvage`. The library's scripts for bash and zsh were rejected: they evaluate the words
 * on the command line, and bash those of the answer too, so that Tab after `selvage report > file` emptied the file, and
 * Tab after `"$(…)"` ran it. Here words and answers are data. The library's script for fish evaluates nothing.
 *
 * Both ask `selvage complete -- words…`, which answers lines of a value, a tab and a description, and a last line `:0`
 * where the shell should complete files, `:4` where not.
 */

/** Without the package bash-completion, words with colons stay apart, as readline splits them. */
export const bashScript = `# bash completion for selvage
__selvage_complete() {
    local cur=\${COMP_WORDS[COMP_CWORD]} cword=$COMP_CWORD
    local words=("\${COMP_WORDS[@]}")
    if declare -F _get_comp_words_by_ref > /dev/null; then
        _get_comp_words_by_ref -n "=:" cur words cword
    fi
    # Readline replaces what is behind the last of its word breaks, of which a value may have some.
    local line value wanted=$cur done=""
    [[ $cur == -*=* ]] && wanted=\${cur#*=}
    [[ $wanted == *:* && $COMP_WORDBREAKS == *:* ]] && done=\${wanted%"\${wanted##*:}"}
    COMPREPLY=()
    while IFS= read -r line; do
        value=\${line%%$'\\t'*}
        if [[ $line == :4 ]]; then
            compopt +o default
        elif [[ $line != :* && $value == "$wanted"* ]]; then
            COMPREPLY+=("\${value#"$done"}")
        fi
    done < <(selvage complete -- "\${words[@]:1:cword}" 2> /dev/null)
}
complete -o default -F __selvage_complete selvage
`;

export const zshScript = `#compdef selvage
compdef _selvage selvage
_selvage() {
    local line directive
    local -a completions
    for line in "\${(@f)$(selvage complete -- "\${(@Q)words[2,CURRENT]}" 2> /dev/null)}"; do
        if [[ $line == :* ]]; then
            directive=$line
        elif [[ -n $line ]]; then
            completions+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
        fi
    done
    compset -P '-*='
    if (( $#completions )); then
        _describe completions completions
    elif [[ $directive == :0 ]]; then
        _files
    fi
}
# Autoloaded, the file is the function's first call.
if [[ \${funcstack[1]} == _selvage ]]; then _selvage; fi
`;
