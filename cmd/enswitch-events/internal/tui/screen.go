// Package tui has the screen of the command calls: the calls as a list, and one of them with
// its events.
//
// The rules:
//
//   - The run never waits for the terminal. It says that something has changed, and the
//     screen fetches a snapshot, some times a second at most.
//   - Nothing is drawn unless something has changed, or a second has passed.
//   - Whatever an event holds stays in its cell, and can do nothing to the terminal: see
//     cell.go.
//   - What a colour says, a word or a sign says too.
//   - However the program ends, the terminal is as it was; kill -9 is the exception.
//
// The files: screen.go starts and ends, model.go takes messages, keys.go has the keys, actions.go
// what they do and help.go their help, list.go what is in the list, match.go the filter that is
// typed, columns.go the columns, figures.go the second line, view.go draws the list, open.go is an
// open call, player.go plays a capture, save.go writes files.
package tui

import (
	"context"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"golang.org/x/term"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/calls"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/fault"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/live"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/pkg/call"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// Options are the options of a Screen.
type Options struct {
	App *cli.App
	Map *call.Map
	// Having keeps calls by their records; nil keeps all.
	Having  *filter.Filter
	Profile colorprofile.Profile
	// Location is the time zone of times of day; nil is time.Local.
	Location *time.Location
	// Live says that the run ends the screen. After the end of captures it stays.
	Live bool
	// Again says that the captures can be read again: all are files.
	Again bool
}

// Screen shows the calls that a sink follows.
type Screen struct {
	o       Options
	in, out *os.File // open until the process ends
	sink    *calls.Sink
	player  *player // of captures, else nil

	wake    chan struct{}
	watched chan struct{} // closed when health is there
	health  func() live.Health
	message atomic.Pointer[string] // the last one to the terminal, not shown yet
	program *tea.Program
	failure atomic.Pointer[cli.Error] // of a screen that ended in a panic

	mu    sync.Mutex
	state *term.State // of the terminal, while the screen has it
}

// Open returns a screen on the terminal that is stdout, with the keyboard of stdin or, if
// stdin is no terminal, of /dev/tty. It returns nil if stdout is no terminal, or one that can
// show no screen.
func Open(o *Options) *Screen {
	s := &Screen{o: *o, wake: make(chan struct{}, 1), watched: make(chan struct{})}
	if s.out = cli.Terminal(o.App.Out); s.out == nil {
		return nil
	}
	if name, set := os.LookupEnv("TERM"); name == "dumb" || !set && runtime.GOOS != "windows" {
		return nil
	}
	if s.in = cli.Terminal(o.App.In); s.in == nil {
		in, out, err := tea.OpenTTY()
		if err != nil {
			return nil
		}
		if out != in {
			_ = out.Close()
		}
		s.in = in
	}
	if o.Location == nil {
		s.o.Location = time.Local
	}
	if !o.Live {
		s.player = newPlayer(s.changed)
	}
	return s
}

// Hooks returns what the sink is to call.
func (s *Screen) Hooks() *calls.Screen {
	h := &calls.Screen{Changed: s.changed}
	if s.player != nil {
		h.Pass = s.player.pass
	}
	return h
}

// Watch takes the function that says how the feeds are. The run is to call it once.
func (s *Screen) Watch(health func() live.Health) {
	s.health = health
	close(s.watched)
}

// changed says that there is something to be drawn. It does not block.
func (s *Screen) changed() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// show shows a message that would have gone to the terminal.
func (s *Screen) show(text []byte) {
	message := string(text)
	s.message.Store(&message)
	s.changed()
}

// Run shows the calls of sink while do goes on, which is to end with its context. It
// returns the error of do.
func (s *Screen) Run(ctx context.Context, sink *calls.Sink, do func(context.Context) error) error {
	s.sink = sink
	run := func(ctx context.Context) (err error) {
		defer fault.Catch(&err)
		return do(ctx)
	}
	release := s.o.App.HoldTerminal(s.show, s.giveBack)
	defer release()
	// What is kept of calls is large, and garbage is little: memory costs more than the time to
	// collect it.
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	ended := make(chan error, 1)
	var reading sync.WaitGroup
	defer reading.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.player == nil {
		go func() { ended <- run(ctx) }()
	} else {
		context.AfterFunc(ctx, s.player.leave)
		reading.Go(func() { s.read(ctx, ended, run) })
	}
	over, err := s.await(ended)
	if over && (s.o.Live || err != nil) {
		return err
	}
	if over {
		ended <- nil
	}
	if over, err = s.hold(ctx, ended); !over {
		cancel()
		err = <-ended
	}
	if failure := s.failure.Load(); failure != nil {
		return failure
	}
	return err
}

// gcPercent is how much garbage there may be, in percent of what is in use.
const gcPercent = 40

// read runs over the captures, and again whenever the player goes back, until ctx is done. Ended
// gets the error of the first run: the others say nothing.
func (s *Screen) read(ctx context.Context, ended chan<- error, run func(context.Context) error) {
	once := func() error {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		s.player.begin(stop)
		err := run(ctx)
		s.player.ended()
		s.changed()
		return err
	}
	first, ran := once(), false
	if ended <- first; first != nil {
		return
	}
	a := s.o.App
	loud := a.Log
	for {
		select {
		case <-ctx.Done():
			if ran {
				a.Log.Close()
				a.Log = loud
			}
			return
		case <-s.player.again:
			if !ran {
				a.Log, ran = log.New(io.Discard, log.Options{}), true
			}
			s.sink.Restart(a.Log)
			_ = once()
		}
	}
}

// patience is how long the screen waits for the first connection, or for the end of a
// capture, before it takes the terminal: an error that comes at once is a line on stderr.
const patience = 300 * time.Millisecond

// await waits until there is something to show. Over says that the run has ended.
func (s *Screen) await(ended <-chan error) (over bool, err error) {
	late := time.NewTimer(patience)
	defer late.Stop()
	poll := time.NewTicker(patience / 20)
	defer poll.Stop()
	for {
		select {
		case err := <-ended:
			return true, err
		case <-late.C:
			return false, nil
		case <-poll.C:
			select {
			case <-s.watched:
				if s.health().Connected {
					return false, nil
				}
			default:
			}
		}
	}
}

// hold has the terminal until the person quits, ctx is done, or the live run ends. Over says
// that the run has ended, with err.
func (s *Screen) hold(ctx context.Context, ended <-chan error) (over bool, err error) {
	state, err := term.GetState(int(s.in.Fd()))
	if err != nil {
		return false, nil //nolint:nilerr // the terminal is gone
	}
	s.setState(state)
	p := tea.NewProgram(newModel(s), tea.WithInput(s.in), tea.WithOutput(s.out), tea.WithColorProfile(max(s.o.Profile, colorprofile.ASCII)),
		tea.WithFPS(framesPerSecond), tea.WithoutSignalHandler(), tea.WithoutCatchPanics())
	s.program = p
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer s.rescue()
		_, _ = p.Run() // it fails if the terminal is gone
	}()
	pumped := make(chan struct{})
	go func() {
		defer close(pumped)
		s.o.App.Guard(func() { s.pump(p, done) })
	}()
	over, err = s.wait(ctx, p, done, ended)
	if s.quit(p, done) {
		<-pumped
	}
	return over, err
}

// wait waits until the screen is to end. Over says that the run has ended, with err.
func (s *Screen) wait(ctx context.Context, p *tea.Program, done <-chan struct{}, ended <-chan error) (over bool, err error) {
	for {
		select {
		case <-done:
			return over, err
		case <-ctx.Done():
			return over, err
		case err = <-ended:
			if over = true; s.o.Live {
				return over, err
			}
			ended = nil
			p.Send(endMsg{err})
		}
	}
}

func (s *Screen) setState(state *term.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = state
}

// framesPerSecond is how often bubbletea looks whether there is something to draw: a key is
// answered within 50 ms, also on a busy machine.
const framesPerSecond = 60

// quit ends the screen. It reports false if the terminal takes nothing, so that the screen is
// left as it is.
func (s *Screen) quit(p *tea.Program, done <-chan struct{}) bool {
	go p.Quit()
	t := time.NewTimer(2 * time.Second)
	defer t.Stop()
	select {
	case <-done:
		s.setState(nil)
		return true
	case <-t.C:
		s.giveBack()
		return false
	}
}

// pump has the model draw what is new, and the time that passes.
func (s *Screen) pump(p *tea.Program, done <-chan struct{}) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-done:
			return
		case <-s.wake:
			wait := make(chan time.Duration, 1)
			p.Send(refreshMsg{wait})
			var t *time.Timer
			select {
			case <-done:
				return
			case d := <-wait:
				t = time.NewTimer(d)
			}
			select {
			case <-done:
				t.Stop()
				return
			case <-t.C:
			}
		case <-second.C:
			p.Send(secondMsg{})
		}
	}
}

// rescue ends the screen after a panic in it: it gives the terminal back, and the panic
// becomes the error of the run. It must be deferred.
func (s *Screen) rescue() {
	cause := recover()
	if cause == nil {
		return
	}
	s.failure.CompareAndSwap(nil, cli.NewError(cli.ExitFailure, fault.New(cause), "-o line prints records without a screen"))
	_ = s.program.ReleaseTerminal() // waits for the reader of keys, which Kill does not
	s.program.Kill()
	s.giveBack()
}

// What a screen may have switched on, off again: mouse, bracketed paste, keyboard modes; the
// cursor is shown and the main screen is back.
const leave = "\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?2026l\x1b[>4m\x1b[<1u\x1b[?1049l\x1b[?25h\x1b[m\r"

// giveBack restores the terminal if the screen has it. Call it before the program ends at
// once.
func (s *Screen) giveBack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == nil {
		return
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = io.WriteString(s.out, leave)
	}()
	select {
	case <-written:
	case <-time.After(time.Second): // somebody has stopped it
	}
	_ = term.Restore(int(s.in.Fd()), s.state)
	s.state = nil
}
