//go:build unix

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// What is known of an event, by its number.
const (
	sent     = 1 << iota // it may have been received
	received             // it has been
	written              // it has come out
)

// book keeps what is known of all events.
type book struct {
	mu     sync.Mutex
	states []byte
}

// note adds what is known of events and returns how many of them that was new
// for.
func (b *book) note(what byte, numbers ...int) (fresh int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range numbers {
		for n >= len(b.states) {
			b.states = append(b.states, 0)
		}
		if b.states[n]&what == 0 {
			fresh++
		}
		b.states[n] |= what
	}
	return fresh
}

// feed is a messaged. It sends the numbers that it is given as events, to one
// client at a time.
type feed struct {
	book *book
	addr string
	in   chan int
	hold sync.Mutex // held while the server hangs

	mu     sync.Mutex
	server *http.Server
	link   *link // nil while nobody is connected
	links  int

	frames, answered int // sent, and known to have been received, hostile ones too
	events           int // of answered
}

// link is a connection.
type link struct {
	ws      *websocket.Conn
	writing sync.Mutex

	mu      sync.Mutex
	written int   // frames
	open    []int // numbers of the events that are not answered, -1 for what is no event
}

func newFeed(ctx context.Context, b *book) (*feed, error) {
	f := &feed{book: b, addr: "127.0.0.1:0", in: make(chan int, 4096)}
	if err := f.start(ctx); err != nil {
		return nil, err
	}
	go f.run(ctx)
	return f, nil
}

// start listens, at the same address as before.
func (f *feed) start(ctx context.Context) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(f.serve), ReadHeaderTimeout: time.Minute}
	f.mu.Lock()
	f.addr, f.server = l.Addr().String(), server
	f.mu.Unlock()
	go func() { _ = server.Serve(l) }()
	return nil
}

// stop closes the port and breaks the connection.
func (f *feed) stop() {
	f.mu.Lock()
	server := f.server
	f.mu.Unlock()
	_ = server.Close()
	f.reset()
}

func (f *feed) current() *link {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.link
}

// reset breaks the connection with a TCP reset.
func (f *feed) reset() {
	if l := f.current(); l != nil {
		if tcp, ok := l.ws.NetConn().(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = l.ws.NetConn().Close()
	}
}

func (f *feed) serve(w http.ResponseWriter, r *http.Request) {
	var upgrader websocket.Upgrader
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // it has been answered
	}
	defer ws.Close()
	l := &link{ws: ws}
	ws.SetPingHandler(func(data string) error {
		return f.write(l, enswitchtest.AppendFrame(nil, true, websocket.PongMessage, []byte(data)))
	})
	ws.SetPongHandler(func(data string) error {
		if n, err := strconv.Atoi(data); err == nil {
			f.answer(l, n)
		}
		return nil
	})
	f.mu.Lock()
	f.link = l
	f.links++
	f.mu.Unlock()
	for err == nil {
		_, _, err = ws.NextReader()
	}
	f.mu.Lock()
	if f.link == l {
		f.link = nil
	}
	f.mu.Unlock()
}

// answer books that the client has read the first n frames.
func (f *feed) answer(l *link, n int) {
	l.mu.Lock()
	first := l.written - len(l.open)
	if n < first || n > l.written {
		l.mu.Unlock()
		return // of another's making
	}
	done := l.open[:n-first]
	l.open = l.open[n-first:]
	l.mu.Unlock()
	events := make([]int, 0, len(done))
	for _, n := range done {
		if n >= 0 {
			events = append(events, n)
		}
	}
	f.book.note(received, events...)
	f.mu.Lock()
	f.answered += len(done)
	f.events += len(events)
	f.mu.Unlock()
}

func (f *feed) write(l *link, wire []byte) error {
	f.hold.Lock()
	f.hold.Unlock() //nolint:staticcheck // only to wait while the server hangs
	l.writing.Lock()
	defer l.writing.Unlock()
	_, err := l.ws.NetConn().Write(wire)
	return err
}

// run sends what it is given until ctx is done.
func (f *feed) run(ctx context.Context) {
	for {
		var numbers []int
		select {
		case n := <-f.in:
			numbers = append(numbers, n)
		case <-ctx.Done():
			return
		}
		for len(f.in) > 0 && len(numbers) < 200 {
			numbers = append(numbers, <-f.in)
		}
		if l := f.current(); l != nil { // what happens meanwhile is not sent later
			f.send(l, numbers, nil)
		}
	}
}

// send sends a message for each number, and a ping that holds the number of frames
// so far. The message is the event of that number or, for -1, the text of the same
// index.
func (f *feed) send(l *link, numbers []int, texts [][]byte) {
	l.writing.Lock()
	var wire []byte
	for i, n := range numbers {
		if n >= 0 {
			f.book.note(sent, n)
			wire = enswitchtest.AppendFrame(wire, true, websocket.TextMessage, eventJSON(n))
		} else {
			wire = enswitchtest.AppendFrame(wire, true, websocket.BinaryMessage, texts[i])
		}
	}
	l.mu.Lock()
	l.written += len(numbers)
	l.open = append(l.open, numbers...)
	wire = enswitchtest.AppendFrame(wire, true, websocket.PingMessage, strconv.AppendInt(nil, int64(l.written), 10))
	l.mu.Unlock()
	l.writing.Unlock()
	f.mu.Lock()
	f.frames += len(numbers)
	f.mu.Unlock()
	_ = f.write(l, wire) // what of it arrived, the answers say
}

// say writes a frame that is no event.
func (f *feed) say(wire []byte) {
	if l := f.current(); l != nil {
		_ = f.write(l, wire)
	}
}

func closeFrame(code int) []byte {
	return enswitchtest.AppendFrame(nil, true, websocket.CloseMessage, binary.BigEndian.AppendUint16(nil, uint16(code)))
}

// half breaks the connection in the middle of a frame.
func (f *feed) half() {
	frame := enswitchtest.AppendFrame(nil, true, websocket.TextMessage, []byte(`{"class":"half","n":-1}`))
	f.say(frame[:len(frame)/2])
	f.reset()
}

// nonsense sends messages that are no events.
func (f *feed) nonsense(random *rand.Rand) {
	l := f.current()
	if l == nil {
		return
	}
	all := []string{"", "nonsense", "[1]", "null", `{"n":`, "\xff\xfe", strings.Repeat("[", 10_000), strings.Repeat("x", 1<<20), `{"n":1}{}`}
	var numbers []int
	var texts [][]byte
	for range 1 + random.IntN(20) {
		numbers = append(numbers, -1)
		texts = append(texts, []byte(all[random.IntN(len(all))]))
	}
	f.send(l, numbers, texts)
}

// eventJSON is the event of that number. The fields beyond class, event and
// timestamp are those of this test.
func eventJSON(n int) []byte {
	return fmt.Appendf(nil, `{"class":"call","event":"start","timestamp":"%d.%06d","n":"%d","name":"Zoë \"Z\" Example"}`, 1_700_000_000+n/1_000_000, n%1_000_000, n)
}
