package cli

import (
	"bytes"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// completionHelp says for each shell what to do with its script.
var completionHelp = map[string]string{ //nolint:gochecknoglobals // a table that nothing changes
	"bash": `Print the completions for bash. The package bash-completion is used where it is
loaded, and it works without.`,
	"zsh": `Print the completions for zsh. They need its completion system: where it is not
on, put this into ~/.zshrc first:

  autoload -U compinit; compinit`,
	"fish":       `Print the completions for fish.`,
	"powershell": `Print the completions for PowerShell.`,
}

var completionExamples = map[string]string{ //nolint:gochecknoglobals // a table that nothing changes
	"bash": `  source <(enswitch-events completion bash)      this shell; in ~/.bashrc, each`,
	"zsh": `  source <(enswitch-events completion zsh)       this shell; in ~/.zshrc, each
  enswitch-events completion zsh > "${fpath[1]}/_enswitch-events"`,
	"fish": `  enswitch-events completion fish | source       this shell
  enswitch-events completion fish \
    > ~/.config/fish/completions/enswitch-events.fish`,
	"powershell": `  enswitch-events completion powershell | Out-String | Invoke-Expression`,
}

// AddCompletion adds the command completion to root.
func AddCompletion(root *cobra.Command) {
	root.CompletionOptions.DisableDefaultCmd = false
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() != "completion" {
			continue
		}
		TakeHabits(cmd)
		cmd.Short = "Print the completion script for a shell"
		cmd.Long = "Print the completion script for a shell. Its own help says how to use it."
		cmd.Args = NoArgs
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		for _, shell := range cmd.Commands() {
			shell.Short = "Print the completions for " + shell.Name()
			shell.Long = completionHelp[shell.Name()]
			shell.Example = completionExamples[shell.Name()]
			shell.Args = NoArgs
			if shell.Name() == "bash" {
				shell.RunE = bashCompletion
			}
		}
	}
}

// bashWords is the line of cobra's script for bash that needs the package
// bash-completion.
const bashWords = "    _get_comp_words_by_ref \"$@\" cur prev words cword\n"

// bashWordsAlone does the same without the package: what bash took apart at = and :
// belongs together where no blank is between.
const bashWordsAlone = `    if declare -F _get_comp_words_by_ref >/dev/null; then
        _get_comp_words_by_ref "$@" cur prev words cword
        return
    fi
    local rest=${COMP_LINE:0:COMP_POINT} word i
    words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((i == 0)) || [[ $rest == [[:blank:]]* ]]; then
            words+=("")
        fi
        rest=${rest#"${rest%%[![:blank:]]*}"}
        ((i < COMP_CWORD)) || word=$rest
        words[${#words[@]}-1]+=$word
        rest=${rest#"$word"}
    done
    cword=$((${#words[@]}-1))
    cur=${words[cword]}
    prev=${words[cword > 0 ? cword-1 : 0]}
`

func bashCompletion(cmd *cobra.Command, _ []string) error {
	var script bytes.Buffer
	plain, _ := cmd.Flags().GetBool("no-descriptions")
	if err := cmd.Root().GenBashCompletionV2(&script, !plain); err != nil {
		return err
	}
	_, err := cmd.OutOrStdout().Write(bytes.Replace(script.Bytes(), []byte(bashWords), []byte(bashWordsAlone), 1))
	return err
}

// Completing reports whether cmd is the hidden command that completion scripts call.
func Completing(cmd *cobra.Command) bool {
	return cmd.Name() == cobra.ShellCompRequestCmd || cmd.CalledAs() == cobra.ShellCompNoDescRequestCmd
}

// stripBackquotes takes the back quotes out of the descriptions of flags: they mark the
// name of the value for help.
func stripBackquotes(root *cobra.Command) {
	plain := func(f *pflag.Flag) { f.Usage = strings.ReplaceAll(f.Usage, "`", "") }
	root.PersistentFlags().VisitAll(plain)
	for _, cmd := range AllCommands(root) {
		cmd.Flags().VisitAll(plain)
	}
}
