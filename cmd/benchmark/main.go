// Command benchmark measures enswitch-events beside other programs that do the
// same and prints the figures as a markdown table. It is no part of a release.
//
//	go run ./cmd/benchmark
//	go run ./cmd/benchmark -run 'tail -c' -n 1000000 -rounds 3
//	go run ./cmd/benchmark -run '^cat' -bytes 50000000 -large 10000000000
//	go run ./cmd/benchmark -readme README.md,cmd/enswitch-events/docs/speed.md
//
// The two programs of a row run in turn, A B A B, on the same input, and what
// each of them wrote is compared with what it should have written. Of the
// rounds the median counts. Absolute figures say more about the machine than
// about the programs; the ratios are what is meant to be read.
//
// It needs this repository and Go, or a built program by -binary; a row whose
// other program is not installed is left out, and named below the table. The
// rows of cat write files of -bytes and -large into TMPDIR, and remove them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "benchmark:", err)
		}
		os.Exit(1) //nolint:forbidigo // main of a tool that nothing else runs
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if peer := peerOf(args); peer != nil {
		return peer(ctx, stdout)
	}
	b := &bench{talk: stderr}
	re, readme, err := b.parse(args)
	if err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "enswitch-events-benchmark-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(b.dir) }()
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	switch {
	case b.profile != "":
		err = b.buildProfiled(ctx)
	case b.binary == "":
		err = b.build(ctx)
	}
	if err != nil {
		return err
	}
	b.corpus = newCorpus()
	var done []row
	for _, m := range measures {
		if !re.MatchString(m.name) {
			continue
		}
		fmt.Fprintln(stderr, "benchmark:", m.name)
		rows, err := m.measure(ctx, b)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		done = append(done, rows...)
	}
	if len(done) == 0 && len(b.skipped) == 0 {
		return fmt.Errorf("no row matches %q", re)
	}
	if b.profile != "" {
		return b.writeProfile(ctx, b.profile)
	}
	if err := printTable(stdout, done, b.skipped); err != nil || readme == "" {
		return err
	}
	for file := range strings.SplitSeq(readme, ",") {
		if err := writeReadme(file, done, b.skipped, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// peerOf returns what this program does as the peer of a row, in a process of its own, if args
// name such a peer. It returns nil for a run that measures.
func peerOf(args []string) func(ctx context.Context, stdout io.Writer) error {
	switch {
	case len(args) == 2 && args[0] == bareLoop:
		return func(_ context.Context, stdout io.Writer) error { return readBare(args[1], stdout) }
	case len(args) == 1 && args[0] == bareHandler:
		return serveBare
	case len(args) == 3 && args[0] == bareClient:
		return func(context.Context, io.Writer) error { return postBare(args[1], args[2]) }
	case len(args) == 3 && args[0] == barePublisher:
		return func(context.Context, io.Writer) error { return publishBare(args[1], args[2]) }
	case len(args) == 3 && args[0] == orderedConsumer:
		return func(ctx context.Context, stdout io.Writer) error { return consumeBare(ctx, args[1], args[2], stdout) }
	case len(args) == 2 && args[0] == busyDisk:
		return func(ctx context.Context, _ io.Writer) error { return keepDiskBusy(ctx, args[1]) }
	}
	return nil
}

// parse reads the flags: which rows are measured, and the files for the table, "" for none.
func (b *bench) parse(args []string) (rows *regexp.Regexp, readme string, err error) {
	flags := flag.NewFlagSet("benchmark", flag.ContinueOnError)
	flags.SetOutput(b.talk)
	pick := flags.String("run", "", "measure the rows that match this `regexp`")
	flags.IntVar(&b.events, "n", 3_000_000, "`events` of a flood")
	flags.Int64Var(&b.fileSize, "bytes", 200e6, "`bytes` of the file that cat and its peers read")
	flags.Int64Var(&b.largeSize, "large", 2<<30, "`bytes` of the file over which the memory of cat is measured")
	flags.IntVar(&b.rounds, "rounds", 5, "how often each program runs")
	flags.StringVar(&readme, "readme", "", "write the table into these `files`, too, in the place marked there: with commas")
	flags.StringVar(&b.binary, "binary", "", "`path` of the program to measure (default: build it)")
	flags.StringVar(&b.profile, "profile", "", "write the CPU profile of all runs of the program into this `file` instead of a table")
	if err := flags.Parse(args); err != nil {
		return nil, "", err
	}
	rows, err = regexp.Compile(*pick)
	switch {
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case b.events < 1 || b.rounds < 1 || b.fileSize < 1 || b.largeSize < 1:
		err = errors.New("-n, -rounds, -bytes and -large: at least 1")
	case readme != "" && *pick != "":
		err = errors.New("-readme: the whole table is written, so leave out -run")
	case b.profile != "" && (readme != "" || b.binary != ""):
		err = errors.New("-profile: no speed is measured, and the program is built for it, so leave out -readme and -binary")
	}
	return rows, readme, err
}

const program = "github.com/enswitch-events/enswitch-events/cmd/enswitch-events"

// build builds the program to measure, as it is released but for these flags.
func (b *bench) build(ctx context.Context, flags ...string) error {
	b.binary = filepath.Join(b.dir, "enswitch-events")
	args := append([]string{"build", "-trimpath", "-ldflags", "-s -w", "-o", b.binary}, flags...)
	build := exec.CommandContext(ctx, "go", append(args, program)...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = b.talk
	if err := build.Run(); err != nil {
		return fmt.Errorf("go build: %w", err)
	}
	return nil
}

// bench is what all measures share.
type bench struct {
	binary, self string // the program, and this one
	dir          string // for what is written on the way
	profile      string // the file for the profile, "" for none
	profiles     string // the directory with one of each run
	events       int
	rounds       int
	fileSize     int64
	largeSize    int64
	corpus       *corpus
	talk         io.Writer
	skipped      []string
}

// skip notes why a row is missing.
func (b *bench) skip(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	b.skipped = append(b.skipped, s)
	fmt.Fprintln(b.talk, "benchmark: skipped:", s)
}

// measures are the rows, or groups of rows that come of one measurement.
var measures = [...]struct {
	name    string
	measure func(context.Context, *bench) ([]row, error)
}{
	{"tail -c call -e answer", tailClass},
	{"tail --jq native", tailJQ},
	{"tail -o line --color always", tailLine},
	{"tail and wscat", tailAll},
	{"cat -c call -e answer", catClass},
	{"cat --jq native", catNative},
	{"cat --jq fallback", catFallback},
	{"cat of zstd", catCompressed("zstd", ".zst", "0.6")},
	{"cat of gzip", catCompressed("gzip", ".gz", "1.2")},
	{"calls --read", callsRead},
	{"trace --read FIELD=VALUE", traceField},
	{"trace --read NUMBER", traceNumber},
	{"stats --read", statsRead},
	{"schema learn --read", schemaLearn},
	{"cat memory", catMemory},
	{"listen", listenRate},
	{"listen, a new connection for each POST", listenAlone},
	{"forward to HTTP", forwardHTTP},
	{"forward to a stream", forwardStream},
	{"tail of a stream", tailStream},
	{"forward latency", forwardDelay},
	{"forward, targets down", forwardDown},
	{"tail latency", latency},
	{"tail memory", memory},
	{"calls on a terminal", screenLoad},
	{"stats on a terminal", statsLoad},
	{"start-up", startUp},
	{"binary size", binarySize},
}
