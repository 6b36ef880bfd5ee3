package forward

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	names "github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
	"github.com/enswitch-events/enswitch-events/pkg/forward"
)

// target is one --to, compiled.
type target struct {
	name    string // without user, password and query
	dir     string // the name of the directory of its queue
	options forward.Options
	log     *targetLog // nil before the queue is opened
}

// TargetName returns a target of --to as it is shown: without user, password, query, headers
// and arguments.
func TargetName(text string) string {
	one, err := parseTarget(&pflag.FlagSet{}, text)
	if err != nil {
		return log.Redacted // nobody knows what in it is a secret
	}
	return one.name
}

// targetHint says what a target looks like.
const targetHint = "a target is http://HOST/PATH, https://HOST/PATH, nats://HOST/PREFIX, tls://HOST/PREFIX, file:PATTERN or exec:COMMAND"

// parseTarget returns the target that text names. set has the flags of the command line.
func parseTarget(set *pflag.FlagSet, text string) (*target, error) {
	scheme, rest, ok := strings.Cut(text, ":")
	if !ok {
		return nil, cli.Usage(targetHint, "--to: %q is no target", text)
	}
	switch strings.ToLower(scheme) {
	case "http", "https":
		return httpTarget(set, text)
	case "nats", "tls":
		return streamTarget(set, text)
	case "file":
		return fileTarget(set, rest)
	case "exec":
		return execTarget(set, rest)
	}
	return nil, cli.Usage(targetHint, "--to: %q is no kind of target", scheme+":")
}

// httpTarget returns the target of a URL.
func httpTarget(set *pflag.FlagSet, text string) (*target, error) {
	address, own1, _ := strings.Cut(text, "#")
	u, err := url.Parse(address)
	if err != nil {
		return nil, cli.Usage("write it like https://HOST/PATH, with special characters as %XX", "--to: the URL cannot be read") // it may hold a password
	}
	if u.Hostname() == "" {
		return nil, cli.Usage("write it like https://HOST/PATH", "--to: the URL has no host")
	}
	if _, err := strconv.ParseUint(cmp.Or(u.Port(), "80"), 10, 16); err != nil {
		return nil, cli.Usage("a port is from 1 to 65535", "--to: %s is no port", u.Port())
	}
	s, _, err := own(set, "http", own1)
	if err != nil {
		return nil, err
	}
	plain := *u
	plain.User = nil
	shown := plain
	shown.RawQuery, shown.ForceQuery = "", false
	t := &target{name: shown.String(), dir: directory(u.Host+u.Path, plain.String())}
	o := &forward.HTTPOptions{Format: forward.Format(s.format), Batch: s.batch > 1, Timeout: s.httpTimeout, Connections: s.concurrency}
	if o.Format == forward.Form && o.Batch {
		return nil, cli.Usage("leave out --batch, or use another --format", "--format form: a form holds one event, so there are no batches")
	}
	if o.Header, err = s.header(); err != nil {
		return nil, err
	}
	if o.Key, err = s.signKey(); err != nil {
		return nil, err
	}
	if o.TLS, err = s.tls(); err != nil {
		return nil, err
	}
	t.set(s)
	if u.User == nil && u.RawQuery == "" {
		t.options.Spec = s.spec(address)
	}
	t.options.Target, err = forward.NewHTTP(address, o)
	if err != nil {
		return nil, cli.Usage(targetHint, "--to %s: %w", t.name, err)
	}
	return t, nil
}

// fileTarget returns the target of the pattern of a name.
func fileTarget(set *pflag.FlagSet, text string) (*target, error) {
	pattern, own1 := cutSettings(text)
	s, given, err := own(set, "file", own1)
	if err != nil {
		return nil, err
	}
	if rest, ok := strings.CutPrefix(pattern, "//"); ok && strings.HasPrefix(rest, "/") {
		pattern = rest // file:///tmp/x
	}
	if pattern == "" {
		return nil, cli.Usage("write it like file:events-%Y-%m-%d.ndjson.zst", "--to file: the name of the file is empty")
	}
	absolute, err := filepath.Abs(pattern)
	if err != nil {
		return nil, cli.Failure(err)
	}
	t := &target{name: "file:" + pattern, dir: directory("file_"+filepath.Base(pattern), "file:"+absolute)}
	t.set(s)
	t.options.Spec = s.spec("file:" + absolute)
	// Each batch is written at once, and compressed by itself.
	t.options.Concurrency = 1
	if !given("batch") {
		t.options.Batch = forward.MaxBatch
	}
	if !given("batch-wait") {
		t.options.BatchWait = 0
		if ext := path.Ext(pattern); ext == ".gz" || ext == ".zst" {
			t.options.BatchWait = 500 * time.Millisecond
		}
	}
	t.options.Target, err = forward.NewFile(absolute)
	if err != nil {
		return nil, cli.Usage("write it like file:events-%Y-%m-%d.ndjson.zst", "--to %s: %w", t.name, err)
	}
	return t, nil
}

// execTarget returns the target of a command.
func execTarget(set *pflag.FlagSet, text string) (*target, error) {
	command, own1 := cutSettings(text)
	s, given, err := own(set, "exec", own1)
	if err != nil {
		return nil, err
	}
	words, err := flags.SplitWords("--to exec", command, "sh -c 'COMMAND' runs it with one")
	if err != nil {
		return nil, cli.Usage("", "%w", err)
	}
	// The arguments may hold a secret.
	t := &target{name: "exec:" + words[0], dir: directory("exec_"+filepath.Base(words[0]), "exec:"+command)}
	t.set(s)
	if len(words) == 1 {
		t.options.Spec = s.spec("exec:" + words[0])
	}
	if !given("concurrency") {
		t.options.Concurrency = 1
	}
	// The program's own settings are not passed on: the key is among them.
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(strings.ToUpper(v), names.EnvPrefix) })
	t.options.Target, err = forward.NewExec(&forward.ExecOptions{Words: words, Env: env, Timeout: s.execTimeout})
	if err != nil {
		return nil, cli.Usage(targetHint, "--to exec: %w", err)
	}
	return t, nil
}

// set sets what all kinds of targets have.
func (t *target) set(s *targetSettings) {
	t.options.Name, t.options.Batch, t.options.BatchWait, t.options.Concurrency = t.name, s.batch, s.batchWait, s.concurrency
	t.options.MaxBytes, t.options.MaxAge = int64(s.queueSize), s.queueAge
}

// cutSettings splits off the settings after the last #, if that is what is there: a name or
// a command may have a # of its own.
func cutSettings(text string) (rest, own string) {
	i := strings.LastIndexByte(text, '#')
	if i < 0 {
		return text, ""
	}
	f, s := pflag.NewFlagSet("", pflag.ContinueOnError), &targetSettings{}
	s.bind(f)
	s.bindQueue(f)
	for pair := range strings.SplitSeq(text[i+1:], "&") {
		if name, _, _ := strings.Cut(pair, "="); f.Lookup(name) == nil {
			return text, ""
		}
	}
	return text[:i], text[i+1:]
}

// directory returns the name of the directory of a queue: readable is for people, and whole
// keeps two targets apart that look the same.
func directory(readable, whole string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '_'
	}, readable)
	name = strings.Trim(name[:min(len(name), 80)], "_.")
	sum := sha256.Sum256([]byte(whole))
	return name + "-" + hex.EncodeToString(sum[:4])
}
