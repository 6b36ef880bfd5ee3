package main

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
)

// forWorker returns the run of the program that a line of a script asks for.
func forWorker(ts *testscript.TestScript, args []string) job {
	j := job{Dir: ts.MkAbs("."), Args: args}
	for _, name := range variables() {
		if value := ts.Getenv(name); value != "" {
			j.Env = append(j.Env, name+"="+value)
		}
	}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} {
		if ts.Getenv(name) != "" {
			ts.Fatalf("with %s the program needs a process of its own: exec enswitch-events", name)
		}
	}
	if ts.Getenv("TZ") != "UTC" {
		ts.Fatalf("with TZ the program needs a process of its own: exec enswitch-events")
	}
	return j
}

// variables are those of the environment that the program reads. A script has more.
var variables = sync.OnceValue(func() []string {
	all := []string{
		"HOME", "XDG_CONFIG_HOME", "TMPDIR", "PATH", "TERM", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "TZ",
		settings.Env("authkey"), settings.Env("authkey-file"), settings.Env("address"), settings.Env("config"), settings.Env("profile"),
	}
	commands(newRoot(context.Background(), &cli.App{}, ""), func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { all = append(all, settings.Env(f.Name)) })
		cmd.PersistentFlags().VisitAll(func(f *pflag.Flag) { all = append(all, settings.Env(f.Name)) })
	})
	return all
})

// runCmd runs the program in a worker:
//
//	[!] run ARG…
//
// It is for what is not about a process; 'exec enswitch-events ARG…' starts one.
func runCmd(ts *testscript.TestScript, neg bool, args []string) {
	o, err := runInWorker(forWorker(ts, args))
	ts.Check(err)
	_, _ = ts.Stdout().Write(o.Stdout)
	_, _ = ts.Stderr().Write(o.Err)
	if neg != (o.Code != 0) {
		ts.Fatalf("exit code %d", o.Code)
	}
}

// codeCmd runs the program in a worker, whatever its exit code is, which is a line on
// stdout behind what the program prints, as "code 2".
//
//	code ARG…
func codeCmd(ts *testscript.TestScript, neg bool, args []string) {
	o, err := runInWorker(forWorker(ts, args))
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%scode %d\n", o.Stdout, o.Code)
	_, _ = ts.Stderr().Write(o.Err)
}

// tryCmd runs the program in a worker, whatever its exit code is. 'tried' has what it
// prints on stdout and on stderr, and the code.
//
//	try ARG…
func tryCmd(ts *testscript.TestScript, neg bool, args []string) {
	o, err := runInWorker(forWorker(ts, args))
	ts.Check(err)
	fmt.Fprintf(tried(ts), "%s%s= %d\n", o.Stdout, o.Err, o.Code)
}

// briefCmd runs the program in a worker for each line of a file, up to " -> ", and
// prints the line with what became of it: the exit code, the number of lines on stdout,
// and that of the lines on stderr that match.
//
//	brief PATTERN FILE
func briefCmd(ts *testscript.TestScript, neg bool, args []string) {
	re, err := regexp.Compile(args[0])
	ts.Check(err)
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		typed, _, _ := strings.Cut(line, " -> ")
		o, err := runInWorker(forWorker(ts, strings.Fields(typed)))
		ts.Check(err)
		said := 0
		for line := range bytes.Lines(o.Err) {
			if re.Match(line) {
				said++
			}
		}
		fmt.Fprintf(ts.Stdout(), "%s -> %d %d %d\n", typed, o.Code, bytes.Count(o.Stdout, []byte("\n")), said)
	}
}

// triedCmd prints what the lines with try before it are about.
func triedCmd(ts *testscript.TestScript, neg bool, args []string) {
	_, _ = tried(ts).WriteTo(ts.Stdout())
}

// triedKey is the key of a script's value.
type triedKey struct{}

func tried(ts *testscript.TestScript) *bytes.Buffer { return ts.Value(triedKey{}).(*bytes.Buffer) }
