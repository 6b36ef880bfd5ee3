package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/flags"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/shell"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// execFlags are the flags that run a command for each event.
type execFlags struct {
	command  string
	parallel int
	timeout  time.Duration
	shell    bool
	every    time.Duration
	by       []string
}

func (o *execFlags) bind(f *pflag.FlagSet) {
	f.StringVar(&o.command, "exec", "", "run `CMD` for each kept event, with the event on its standard input and its fields in ENSWITCH_FIELD_CALLID and so on; its output goes to stderr")
	f.IntVar(&o.parallel, "exec-parallel", 4, "run up to `N` commands at a time; further events wait in --buffer")
	flags.DurationVar(f, &o.timeout, "exec-timeout", 30*time.Second, "kill a command after this `TIME`, with the processes that it has started")
	flags.DurationVar(f, &o.every, "exec-every", 0, "run at most one command in this `TIME`; ENSWITCH_SUPPRESSED says for how many events none has run since")
	f.Var(flags.NewList(&o.by), "exec-by", "with --exec-every, run one command in that time for each value of these fields: `LIST` with commas")
	f.BoolVar(&o.shell, "exec-shell", false, "run CMD with sh -c, on Windows cmd.exe /c, so that variables and pipes work")
}

// execDrain is how long commands may run once the program is asked to end. It is less
// than the time in which the engine must write what waits, because that waits for the
// commands.
const execDrain = 4 * time.Second

// compile returns the commands to run, or nil without --exec. warn is called with the
// reason when one fails.
func (o *execFlags) compile(a *cli.App, changed func(string) bool, warn func(string)) (*commands, error) {
	switch {
	case !changed("exec"):
		return nil, nil
	case strings.TrimSpace(o.command) == "":
		return nil, cli.Usage("leave it out to run nothing", "--exec: the command is empty")
	case o.parallel < 1 || o.parallel > 256:
		return nil, cli.Usage("the default is 4", "--exec-parallel %d: must be from 1 to 256", o.parallel)
	case o.timeout <= 0:
		return nil, cli.Usage("write it like 90s, 5m or 1d", "--exec-timeout %v: must be more than 0", o.timeout)
	case changed("exec-every") && o.every <= 0:
		return nil, cli.Usage("write it like 90s, 5m or 1d", "--exec-every %v: must be more than 0", o.every)
	}
	c := &commands{
		words: []string{shell.Name}, timeout: o.timeout,
		slots: make(chan struct{}, o.parallel), out: a.Err, warn: warn,
		// The program's own settings are not passed on: the key is among them.
		env: slices.DeleteFunc(os.Environ(), func(v string) bool {
			return strings.HasPrefix(strings.ToUpper(v), settings.EnvPrefix)
		}),
	}
	if o.every > 0 {
		c.limit = newLimit(o.every, o.by)
	}
	if a.StatusLine != nil {
		c.out = a.StatusLine.Wrap(a.Err)
	} else if f := cli.File(a.Err); f != nil {
		c.out = f // the command inherits the file itself
	}
	if o.shell {
		if why := shell.Refused(o.command); why != "" {
			return nil, cli.Usage(why, "--exec %s: not safe with --exec-shell", o.command)
		}
		c.line = o.command
	} else {
		var err error
		if c.words, err = flags.SplitWords("--exec", o.command, "--exec-shell runs it with one"); err != nil {
			return nil, cli.Usage("", "%w", err)
		}
	}
	path, err := exec.LookPath(c.words[0])
	if err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, cli.Usage("a command of the shell itself needs --exec-shell", "--exec: there is no command %q in PATH", c.words[0])
		}
		why := err
		for errors.Unwrap(why) != nil { // without the words of packages exec and os
			why = errors.Unwrap(why)
		}
		return nil, cli.Usage("name a program: a script needs chmod +x, and its first line like #!/bin/sh", "--exec: %s: %w", c.words[0], why)
	}
	if shell.Batch(path) {
		return nil, cli.Usage("it takes what is in an event for commands: name a program, or add --exec-shell and write !NAME! for a variable in it",
			"--exec: %s is a batch file", c.words[0])
	}
	return c, nil
}

// commands runs a command for each event, several at a time.
type commands struct {
	words   []string
	line    string // for the shell, instead of words
	env     []string
	timeout time.Duration
	out     io.Writer // stdout and stderr of the commands
	warn    func(string)
	limit   *limit // nil without --exec-every

	slots   chan struct{} // holds an element for each command that runs
	ctx     context.Context
	kill    context.CancelFunc
	running sync.WaitGroup
	watch   sync.WaitGroup

	run, failed, notRun atomic.Int64
}

// open prepares c for start. Once ctx is done, commands have execDrain to end.
func (c *commands) open(ctx context.Context) {
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

// start runs the command for an event, unless --exec-every leaves it out. It waits until
// there is a free slot.
func (c *commands) start(_ *event.Event, x *event.Index) {
	leftOut := int64(0)
	if c.limit != nil {
		var ok bool
		if leftOut, ok = c.limit.allows(x, time.Now()); !ok {
			return
		}
	}
	c.startAnyway(x, leftOut)
}

// startForRecord runs the command for a record of the program itself.
func (c *commands) startForRecord(_ *event.Event, x *event.Index) { c.startAnyway(x, 0) }

// startAnyway runs the command for an event. leftOut is the number of earlier events that ran
// no command.
func (c *commands) startAnyway(x *event.Index, leftOut int64) {
	select {
	case c.slots <- struct{}{}:
	case <-c.ctx.Done():
	}
	if c.ctx.Err() != nil {
		c.notRun.Add(1)
		return
	}
	stdin := append(event.AppendCompact(nil, x.JSON()), '\n')
	env := appendFields(slices.Clip(c.env), x)
	if c.limit != nil {
		env = append(env, settings.EnvPrefix+"SUPPRESSED="+strconv.FormatInt(leftOut, 10))
	}
	c.running.Go(func() {
		defer func() { <-c.slots }()
		c.runOne(stdin, env)
	})
}

// runOne runs the command for one event and waits for it.
func (c *commands) runOne(stdin []byte, env []string) {
	ctx, cancel := context.WithTimeout(c.ctx, c.timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.words[0], c.words[1:]...)
	if c.line != "" {
		cmd = shell.Command(ctx, c.line)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = bytes.NewReader(stdin), c.out, c.out, env
	shell.Own(cmd)
	// A process that the command has left running may hold stdout open.
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	c.run.Add(1)
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		return
	}
	c.failed.Add(1)
	switch {
	case c.ctx.Err() != nil:
		c.warn(fmt.Sprintf("--exec: killed: it went on for %v after the end", execDrain))
	case ctx.Err() != nil:
		c.warn(fmt.Sprintf("--exec: killed after %v, see --exec-timeout", c.timeout))
	default:
		c.warn("--exec: " + err.Error())
	}
}

// finish waits for the commands that run. start must not be called any more.
func (c *commands) finish() {
	c.running.Wait()
	c.kill()
	c.watch.Wait()
}

// summary returns how many commands ran and failed, as text to append to the ledger.
func (c *commands) summary() string {
	s := "; " + cli.Plural(c.run.Load(), "command") + " run"
	if n := c.failed.Load(); n > 0 {
		s += ", " + humanize.Comma(n) + " failed"
	}
	if c.limit != nil && c.limit.leftOut.Load() > 0 {
		s += ", " + humanize.Comma(c.limit.leftOut.Load()) + " left out by --exec-every"
	}
	if n := c.notRun.Load(); n > 0 {
		s += ", " + humanize.Comma(n) + " not run"
	}
	return s
}
