//go:build unix

package main

import (
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// connectionFaults are those of a connection that stood: it ends, or it looks
// as if it went on.
func connectionFaults() []fault {
	const back = "the loss and its reason are said, the feed comes back, both edges of the gap are said, nothing that came before or after is lost"
	rows := []fault{
		{"peer-killed", "the peer is killed: TCP reset", back, loss("connection reset", nil, (*peer).reset)},
		{
			"peer-closes-tcp", "the peer closes TCP without a close frame", back,
			loss("connection closed without a websocket close", nil, func(p *peer) { p.Close() }),
		},
		{
			"peer-shuts-its-half", "the peer closes its half of the connection and goes on reading", back,
			loss("connection closed without a websocket close", nil, func(p *peer) { _ = p.tcp.CloseWrite() }),
		},
		{
			"half-a-frame-close", "the connection is closed in the middle of a frame", back + ", the half is no event",
			loss("connection closed without a websocket close", nil, func(p *peer) { p.half(); p.Close() }),
		},
		{
			"half-a-header-close", "the connection is closed in the middle of a frame's header", back,
			loss("connection closed without a websocket close", nil, func(p *peer) { p.write([]byte{0x81}); p.Close() }),
		},
		{
			"half-a-frame-stall", "a peer that answered a ping sends half a frame and hangs", "given up after two intervals without a sign of life; " + back,
			loss("no answer to pings", pinging, func(p *peer) { p.pong(); p.half() }),
		},
		{
			"stalled-after-pong", "a peer answers one ping and then hangs", "given up after two intervals without a sign of life; " + back,
			loss("no answer to pings", pinging, (*peer).pong),
		},
		{"never-answers-pings", "a peer never answers pings", "it is kept: whether messaged answers is not known; its events come however late", neverAnswers},
		{"answers-with-events", "a peer answers one ping, and from then on only sends events", "it is kept: an event is a sign of life, too", answersWithEvents},
		{"pongs-unasked", "a peer sends pongs that nothing asked for, and answers no ping", "it is kept: they prove nothing", pongsUnasked},
		{"half-open", "packets get lost from some moment on, both ways, and nobody says so", "given up after two intervals without a sign of life; " + back, halfOpen},
		{"tls-peer-killed", "the peer is killed under TLS: TCP reset", back, tlsKilled},
		{"no-reconnect", "the connection is lost and --no-reconnect was given", "what came is written, exit code 5", noReconnect},
		{"retries-run-out", "the connection is lost, nothing listens any more, and --retries is reached", "what came is written, exit code 5", retriesRunOut},
		{"lost-again-and-again", "one connection after another is lost after some events", "each gap is counted and said; the events of all connections come in order", lostAgain},
		{"fail-on-loss-gap", "the feed was away and --fail-on-loss was given", "exit code 8", failOnLossGap},
		{"gap-in-band", "the feed was away and --report-gaps was given", "a record of class enswitch-events, event gap, stands between the events of the two connections", gapInBand},
	}
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 4999} {
		rows = append(rows, fault{
			fmt.Sprintf("close-%d", code), fmt.Sprintf("the server closes with code %d", code),
			"a close by the server is a loss, whatever its code; " + back,
			loss(fmt.Sprintf("closed by the server, code %d: by order", code), nil,
				func(p *peer) { p.closeFrame(append(closeCode(code), "by order"...)) }),
		})
	}
	for _, row := range []struct {
		name, what string
		payload    []byte
	}{
		{"close-1004", "code 1004, which is reserved", closeCode(1004)},
		{"close-1005", "code 1005, which must not be sent", closeCode(1005)},
		{"close-1006", "code 1006, which must not be sent", closeCode(1006)},
		{"close-1014", "code 1014", closeCode(1014)},
		{"close-1015", "code 1015, which must not be sent", closeCode(1015)},
		{"close-999", "code 999, which does not exist", closeCode(999)},
		{"close-65535", "code 65535, which does not exist", closeCode(65535)},
		{"close-half-a-code", "one byte instead of a code", []byte{3}},
		{"close-no-code", "no code", nil},
		{"close-bad-reason", "a reason that is not UTF-8", append(closeCode(1000), 0xff, 0xfe)},
	} {
		rows = append(rows, fault{
			row.name, "the server closes with " + row.what, back,
			loss("closed by the server|broken websocket protocol", nil, func(p *peer) { p.closeFrame(row.payload) }),
		})
	}
	return rows
}

// pinging are the flags for tests with pings. The interval is short enough not
// to wait long, and long enough for a machine that does much else.
var pinging = []string{"--ping-interval", "500ms"}

// loss is a row in which a connection that stood is lost and the next one
// stands. Three events come on the one and three on the other.
func loss(reason string, flags []string, do func(*peer)) func(*testing.T) {
	return func(t *testing.T) {
		w := newWire(t)
		p := start(t, append([]string{"tail", w.addr, "-n", "6"}, flags...)...)
		first := w.join()
		first.send(1, 3)
		p.lines(3)
		do(first)
		p.says(`(`+reason+`).*: reconnecting in`, 1)
		w.join().send(4, 6)
		l := p.check(want{events: seq(1, 6), received: 6, said: []string{"connected again to .*: the feed was away for .* from .* to "}})
		if l.Gaps != 1 {
			t.Errorf("%d gaps", l.Gaps)
		}
	}
}

// half sends the first half of a frame.
func (p *peer) half() {
	frame := enswitchtest.AppendFrame(nil, true, 1, testEvent(999))
	p.write(frame[:len(frame)/2])
}

func neverAnswers(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "-n", "4", "--ping-interval", "50ms")
	peer := w.join()
	peer.send(1, 1)
	for range 20 { // ten times as long as one that has answered would be given
		peer.ping()
	}
	peer.send(2, 4)
	p.check(want{events: seq(1, 4), received: 4, unsaid: []string{"reconnecting"}})
}

func answersWithEvents(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "-n", "5", "--ping-interval", "2s")
	peer := w.join()
	peer.pong()
	for n := range 4 { // twice as long as silence would be borne
		peer.ping()
		peer.send(n+1, n+1)
	}
	peer.send(5, 5)
	p.check(want{events: seq(1, 5), received: 5, unsaid: []string{"reconnecting"}})
}

func pongsUnasked(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "-n", "1", "--ping-interval", "50ms")
	peer := w.join()
	for _, payload := range []string{"", "0", "999", "nonsense"} {
		peer.write(enswitchtest.AppendFrame(nil, true, 10, []byte(payload)))
	}
	for range 10 {
		peer.ping()
	}
	peer.send(1, 1)
	p.check(want{events: seq(1, 1), received: 1, unsaid: []string{"reconnecting"}})
}

// relay passes bytes on between two ends until it is frozen. Then it goes on
// holding the connections, and nothing passes any more.
type relay struct {
	addr   string
	mu     sync.Mutex
	frozen []*sync.Mutex // one for each direction of each connection
}

func newRelay(t *testing.T, to string) *relay {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{addr: l.Addr().String()}
	pass := func(dst, src net.Conn) {
		gate := &sync.Mutex{}
		r.mu.Lock()
		r.frozen = append(r.frozen, gate)
		r.mu.Unlock()
		buf := make([]byte, 4096)
		for {
			n, err := src.Read(buf)
			gate.Lock()
			_, werr := dst.Write(buf[:n])
			gate.Unlock()
			if err != nil || werr != nil {
				return
			}
		}
	}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				t.Error(err)
				near.Close()
				return
			}
			t.Cleanup(func() { near.Close(); far.Close() })
			go pass(far, near)
			go pass(near, far)
		}
	}()
	t.Cleanup(func() { l.Close() })
	return r
}

// freeze stops the connections that there are. What freezes them is never
// undone: they end with the test.
func (r *relay) freeze() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, gate := range r.frozen {
		gate.Lock()
	}
	r.frozen = nil
}

func halfOpen(t *testing.T) {
	server := enswitchtest.NewServer(nil)
	t.Cleanup(server.Close)
	r := newRelay(t, server.Addr())
	p := start(t, append([]string{"tail", r.addr, "-n", "6", "-v"}, pinging...)...)
	if err := server.WaitClients(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	server.Send(testEvent(1), testEvent(2), testEvent(3))
	p.lines(3)
	p.says("answered a ping", 1)
	r.freeze()
	p.says("no answer to pings.*reconnecting in", 1)
	if err := server.WaitClients(t.Context(), 2); err != nil { // the first does not know
		t.Fatal(err)
	}
	server.Send(testEvent(4), testEvent(5), testEvent(6))
	p.check(want{events: seq(1, 6), received: 6, said: []string{"connected again"}})
	server.Drop()
}

func tlsKilled(t *testing.T) {
	server := newCertificate(t, "127.0.0.1", valid)
	w := wireAt(t, "127.0.0.1:0", server.config())
	p := start(t, "tail", "wss://"+w.addr, "--ca", server.file, "-n", "6")
	first := w.join()
	first.send(1, 3)
	p.lines(3)
	first.reset()
	w.join().send(4, 6)
	p.check(want{events: seq(1, 6), received: 6, said: []string{"connection reset.*reconnecting in", "connected again"}})
}

func noReconnect(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "--no-reconnect")
	peer := w.join()
	peer.send(1, 500)
	peer.Close()
	p.check(want{code: cli.ExitLost, events: seq(1, 500), received: 500, said: []string{"lost the connection to ws://"}})
}

func retriesRunOut(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "--retries", "1")
	peer := w.join()
	peer.send(1, 5)
	p.lines(5)
	w.l.Close()
	peer.reset()
	p.check(want{code: cli.ExitLost, events: seq(1, 5), received: 5, said: []string{"not back after 1 attempt"}})
}

func lostAgain(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "-n", "40")
	// The delay doubles, so not too often.
	for round := range 4 {
		peer := w.join()
		peer.send(10*round+1, 10*round+10)
		if round < 3 {
			p.lines(10 * (round + 1))
			peer.reset()
		}
	}
	if l := p.check(want{events: seq(1, 40), received: 40}); l.Gaps != 3 {
		t.Errorf("%d gaps", l.Gaps)
	}
	p.says("connected again", 3)
}

func failOnLossGap(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "-n", "2", "--fail-on-loss")
	first := w.join()
	first.send(1, 1)
	p.lines(1)
	first.reset()
	w.join().send(2, 2)
	p.check(want{code: cli.ExitLoss, events: seq(1, 2), received: 2, said: []string{"events were lost: 0 dropped, 1 gap"}})
}

func gapInBand(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "-n", "2", "--report-gaps")
	first := w.join()
	first.send(1, 1)
	p.lines(1)
	first.reset()
	w.join().send(2, 2)
	p.check(want{events: seq(1, 2), received: 2})
	lines := p.out.snapshot()
	if len(lines) != 3 {
		t.Fatalf("%d lines", len(lines))
	}
	if g := gapOf(t, lines[1]); g.Reason != "reconnect" || g.Source != "ws://"+w.addr || g.Dropped != 0 || g.From == "" || g.To < g.From {
		t.Errorf("gap %+v", g)
	}
}
