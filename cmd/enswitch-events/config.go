package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/forward"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/spelling"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
)

func newConfig(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the settings in use and where each comes from",
		Long: `A setting comes from the flag, or else from the environment, or else from a
profile of the configuration file, or else it has its default.

The configuration file is enswitch-events/config.toml in the configuration
directory of the user ('config path' prints its path), or the file that --config
or ENSWITCH_CONFIG names. Each table in it is a profile. Its keys are 'address'
and the names of flags, without the dashes in front. The profile called default
is used, unless --profile or ENSWITCH_PROFILE names another one:

  [default]
  address = ["10.0.0.5", "10.0.0.6"]
  authkey-file = "/etc/enswitch-events/key"
  # or: authkey-command = "pass show enswitch"
  class = "call"`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newConfigShow(a), newConfigPath(a))
	return cmd
}

func newConfigShow(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:       "show [COMMAND]",
		Short:     "Print the settings of tail, or of another COMMAND",
		ValidArgs: []string{"tail", "listen", "wait", "cat", "calls", "trace", "stats", "forward", "doctor", "simulate", "replay"},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 1 && !slices.Contains(cmd.ValidArgs, args[0]) {
				return cli.Usage(spelling.OneOf(strings.Join(args, " "), cmd.ValidArgs), "config show does not show %q", strings.Join(args, " "))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			name := "tail"
			if len(args) > 0 {
				name = args[0]
			}
			a.AddCommands()
			target, _, err := cmd.Root().Find([]string{name})
			if err != nil {
				return cli.Usage("", "%w", err)
			}
			return showSettings(a, cmd.OutOrStdout(), target)
		},
	}
}

func newConfigPath(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "path",
		Short: "Print the path of the configuration file",
		Args:  cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file := a.Global.Config
			if file == "" {
				var err error
				if file, err = settings.Path(); err != nil {
					return cli.Failure(err)
				}
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), file)
			return err
		},
	}
}

// showSettings prints a line for each flag of cmd to out: its name, its value, and where
// the value came from.
func showSettings(a *cli.App, out io.Writer, cmd *cobra.Command) error {
	set := cmd.Flags()
	origin, err := settings.Apply(set, os.LookupEnv, a.Profile, func(f string) bool {
		return f == "help" || strings.HasPrefix(f, "authkey")
	})
	if err != nil {
		return cli.Usage("", "%w", err)
	}
	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	line := func(name, value, from string) { fmt.Fprintf(w, "%s\t%s\t%s\n", name, value, from) }
	if a.Profile.Name != "" && len(a.Profile.Values) > 0 {
		line("profile", a.Profile.Name, a.Profile.File)
	}
	keyInAddress := false
	if slices.Contains(strings.Fields(cmd.Use), "[ADDRESS…]") {
		var list, from string
		list, from, keyInAddress = shownAddresses(a)
		line("address", list, from)
	}
	value, from := shownKey(a)
	if value == "-" && keyInAddress {
		value, from = log.Redacted, "address"
	}
	line("authkey", value, from)
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" || strings.HasPrefix(f.Name, "authkey") {
			return
		}
		line(f.Name, shownValue(f), cmp.Or(origin[f.Name], "default"))
	})
	w.Flush()
	_, err = out.Write(table.Bytes())
	return err
}

// shownAddresses returns the default addresses without their keys, where they came
// from, and whether one of them has a key.
func shownAddresses(a *cli.App) (list, from string, key bool) {
	from = "default"
	if os.Getenv(settings.Env("address")) != "" {
		from = settings.Env("address")
	} else if len(flags.ConfiguredAddresses(a)) > 0 {
		from = "profile " + a.Profile.Name
	}
	var shown []string
	for _, s := range flags.DefaultAddresses(a) {
		addr, err := messaged.ParseAddress(s)
		if err != nil {
			shown = append(shown, log.Redacted+" ("+err.Error()+")")
			continue
		}
		key = key || addr.Authkey != ""
		shown = append(shown, addr.String())
	}
	return strings.Join(shown, ","), from, key
}

// shownValue returns the value of a flag, with secrets redacted.
func shownValue(f *pflag.Flag) string {
	value := f.Value.String()
	if list, ok := f.Value.(pflag.SliceValue); ok {
		value = strings.Join(list.GetSlice(), ",")
	}
	switch {
	case (f.Name == "header" || f.Name == "http-header") && f.Changed:
		value = log.Redacted // it may be Authorization
	case f.Name == "to":
		value = shownTargets(f)
	case f.Name == "proxy" || f.Name == "post":
		value = withoutSecrets(value)
	}
	return cmp.Or(value, "-")
}

// shownTargets returns the targets of forward as its messages name them.
func shownTargets(f *pflag.Flag) string {
	list, ok := f.Value.(pflag.SliceValue)
	if !ok {
		return log.Redacted
	}
	var names []string
	for _, text := range list.GetSlice() {
		names = append(names, forward.TargetName(text))
	}
	return strings.Join(names, ",")
}

// withoutSecrets returns a URL with its password and query redacted.
func withoutSecrets(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return log.Redacted
	}
	if u.RawQuery != "" {
		u.RawQuery = log.Redacted
	}
	return u.Redacted()
}

// shownKey returns where the key would come from, without reading it.
func shownKey(a *cli.App) (value, from string) {
	for _, name := range []string{"authkey-file", "authkey"} {
		if v := os.Getenv(settings.Env(name)); v != "" {
			return log.Redacted, settings.Env(name)
		}
	}
	for _, name := range []string{"authkey-file", "authkey-command"} {
		if _, ok := a.Profile.Strings(name); ok {
			return log.Redacted, "profile " + a.Profile.Name + ", " + name
		}
	}
	return "-", "default"
}
