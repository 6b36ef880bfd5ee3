package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"
	"mvdan.cc/sh/v3/syntax"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// execOptions are the flags that run a command for each event.
type execOptions struct {
	command  string
	parallel int
	timeout  time.Duration
	shell    bool
}

func (o *execOptions) bind(f *pflag.FlagSet) {
	f.StringVar(&o.command, "exec", "", "run `CMD` for each kept event: the event on its standard input, its fields as ENSWITCH_FIELD_CALLID and so on; what it prints goes to stderr")
	f.IntVar(&o.parallel, "exec-parallel", 4, "run up to `N` of them at a time; further events wait in --buffer")
	f.DurationVar(&o.timeout, "exec-timeout", 30*time.Second, "kill one that takes longer than this `TIME`, and what it has started")
	f.BoolVar(&o.shell, "exec-shell", false, "have sh -c run CMD, so that variables and pipes work in it")
}

// The bounds of what a command gets in its environment. A system allows for
// 128 KiB in a variable and some 2 MiB in all.
const (
	maxFieldName  = 256
	maxFieldValue = 32 << 10
	maxFields     = 256 << 10
)

// execDrain is how long commands may go on once the program is asked to end. It
// is less than what the engine has for writing what waits, which stands behind
// them.
const execDrain = 4 * time.Second

// compile returns what runs the commands, nil if there are none. fail is told
// why one failed.
func (o *execOptions) compile(a *app, changed func(string) bool, fail func(string)) (*commands, error) {
	switch {
	case !changed("exec"):
		return nil, nil
	case strings.TrimSpace(o.command) == "":
		return nil, usage("leave it out to run nothing", "--exec: the command is empty")
	case o.parallel < 1 || o.parallel > 256:
		return nil, usage("the default is 4", "--exec-parallel %d: from 1 to 256", o.parallel)
	case o.timeout <= 0:
		return nil, usage("it is written like 90s or 5m", "--exec-timeout %v: more than nothing", o.timeout)
	}
	c := &commands{
		words: []string{"sh", "-c", o.command}, timeout: o.timeout,
		slots: make(chan struct{}, o.parallel), out: a.err, fail: fail,
		// The program's own settings are none of the command's business: among
		// them is the key.
		env: slices.DeleteFunc(os.Environ(), func(v string) bool {
			return strings.HasPrefix(strings.ToUpper(v), settings.EnvPrefix)
		}),
	}
	if a.line != nil {
		c.out = a.line.Above(a.err)
	} else if f := file(a.err); f != nil {
		c.out = f // handed on as it is
	}
	if !o.shell {
		var err error
		if c.words, err = splitWords(o.command); err != nil {
			return nil, usage("", "%w", err)
		}
	}
	if _, err := exec.LookPath(c.words[0]); err != nil {
		return nil, usage("what only the shell knows needs --exec-shell", "--exec: %w", err)
	}
	return c, nil
}

// splitWords splits a command line as a shell does, quotes and backslashes
// included. Whatever a shell does beyond that is a [*filter.SyntaxError].
func splitWords(text string) ([]string, error) {
	bad := func(at syntax.Pos, reason string) error {
		return &filter.SyntaxError{Flag: "--exec", Text: text, Offset: int(at.Offset()), Reason: reason}
	}
	const shell = "this is for a shell: --exec-shell has one run it"
	var words []string
	for w, err := range syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).WordsSeq(strings.NewReader(text)) {
		if err != nil {
			var at syntax.Pos
			if e, ok := errors.AsType[syntax.ParseError](err); ok {
				if at = e.Pos; strings.Contains(e.Text, "quote") {
					return nil, bad(at, "this quote is not closed")
				}
			}
			return nil, bad(at, shell)
		}
		word, beyond := appendWord(nil, w.Parts, false)
		if beyond != nil {
			return nil, bad(beyond.Pos(), shell)
		}
		words = append(words, string(word))
	}
	if len(words) == 0 || words[0] == "" {
		return nil, bad(syntax.Pos{}, "the command is empty")
	}
	return words, nil
}

// appendWord appends the text of a word. It returns the first part that is not
// plain text, or nil.
func appendWord(dst []byte, parts []syntax.WordPart, quoted bool) (word []byte, beyond syntax.Node) {
	for _, p := range parts {
		switch p := p.(type) {
		case *syntax.Lit:
			dst = appendUnescaped(dst, p.Value, quoted)
		case *syntax.SglQuoted:
			dst = append(dst, p.Value...)
		case *syntax.DblQuoted:
			if dst, beyond = appendWord(dst, p.Parts, true); beyond != nil {
				return nil, beyond
			}
		default:
			return nil, p
		}
	}
	return dst, nil
}

// appendUnescaped appends text without its backslashes: between double quotes
// only those that stand before what means something there.
func appendUnescaped(dst []byte, text string, quoted bool) []byte {
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && (!quoted || strings.IndexByte("$`\"\\\n", text[i+1]) >= 0) {
			if i++; text[i] == '\n' {
				continue
			}
		}
		dst = append(dst, text[i])
	}
	return dst
}

// commands runs a command for each event, some at a time.
type commands struct {
	words   []string
	env     []string
	timeout time.Duration
	out     io.Writer // gets what they print
	fail    func(string)

	slots   chan struct{} // one is taken by each that runs
	ctx     context.Context
	kill    context.CancelFunc
	running sync.WaitGroup
	watch   sync.WaitGroup

	run, failed, left atomic.Int64
}

// start makes ready. Once ctx is done commands have execDrain to end.
func (c *commands) start(ctx context.Context) {
	c.ctx, c.kill = context.WithCancel(context.WithoutCancel(ctx))
	c.watch.Go(func() {
		select {
		case <-ctx.Done():
		case <-c.ctx.Done():
			return
		}
		t := time.NewTimer(execDrain)
		defer t.Stop()
		select {
		case <-t.C:
			c.kill()
		case <-c.ctx.Done():
		}
	})
}

// take runs the command for an event. It waits until fewer than so many run.
func (c *commands) take(_ *event.Event, x *event.Index) {
	select {
	case c.slots <- struct{}{}:
	case <-c.ctx.Done():
	}
	if c.ctx.Err() != nil {
		c.left.Add(1)
		return
	}
	stdin := append(event.AppendCompact(nil, x.JSON()), '\n')
	env := appendFields(slices.Clip(c.env), x)
	c.running.Go(func() {
		defer func() { <-c.slots }()
		c.one(stdin, env)
	})
}

// one runs the command once.
func (c *commands) one(stdin []byte, env []string) {
	ctx, cancel := context.WithTimeout(c.ctx, c.timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.words[0], c.words[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = bytes.NewReader(stdin), c.out, c.out, env
	inGroup(cmd)
	// What it has left running may hold stdout open.
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	c.run.Add(1)
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		return
	}
	c.failed.Add(1)
	switch {
	case c.ctx.Err() != nil:
		c.fail(fmt.Sprintf("--exec: killed: it went on for %v after the end", execDrain))
	case ctx.Err() != nil:
		c.fail(fmt.Sprintf("--exec: killed after %v, see --exec-timeout", c.timeout))
	default:
		c.fail("--exec: " + err.Error())
	}
}

// finish waits for those that run. take must not be called any more.
func (c *commands) finish() {
	c.running.Wait()
	c.kill()
	c.watch.Wait()
}

// summary is what became of the commands, to be put behind the ledger.
func (c *commands) summary() string {
	s := "; " + plural(c.run.Load(), "command") + " run"
	if n := c.failed.Load(); n > 0 {
		s += ", " + humanize.Comma(n) + " failed"
	}
	if n := c.left.Load(); n > 0 {
		s += ", " + humanize.Comma(n) + " not run"
	}
	return s
}

// appendFields appends the fields of an event as variables. Values are text:
// strings without quotes and escapes, anything else as JSON. Of names that come
// out the same the last counts. What is longer than the bounds is cut, and
// fields past them are left out: the whole event is on standard input.
func appendFields(env []string, x *event.Index) []string {
	room := maxFields
	var b []byte
	for i := range x.Len() {
		if x.Shadowed(i) || len(x.Key(i).JSON) > maxFieldName {
			continue
		}
		b = append(b[:0], settings.EnvPrefix+"FIELD_"...)
		for _, r := range string(x.Key(i).Text()) {
			switch {
			case 'a' <= r && r <= 'z':
				r += 'A' - 'a'
			case 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			default:
				r = '_'
			}
			b = append(b, byte(r))
		}
		b = append(b, '=')
		value := bytes.ReplaceAll(x.Value(i).Text(), []byte{0}, nil)
		if len(value) > maxFieldValue {
			n := maxFieldValue
			for !utf8.RuneStart(value[n]) {
				n--
			}
			value = value[:n]
		}
		if room -= len(b) + len(value); room < 0 {
			break
		}
		env = append(env, string(append(b, value...)))
	}
	return env
}
