package messaged

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// wire is a connection to a server that answers the handshake, sends what it has in pieces,
// and hangs up.
type wire struct {
	net.Conn // none
	sends    []byte
	piece    func() int // how many bytes the next Read returns at most
	request  bytes.Buffer
	upgraded bool
	got      []byte // from the client, after the handshake
}

func (w *wire) Read(p []byte) (int, error) {
	n := copy(p, w.sends[:min(len(w.sends), w.piece())])
	if w.sends = w.sends[n:]; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (w *wire) Write(p []byte) (int, error) {
	if w.upgraded {
		w.got = append(w.got, p...)
	} else if w.request.Write(p); bytes.HasSuffix(p, []byte("\r\n\r\n")) {
		var answer bytes.Buffer
		if _, _, err := upgrade(&asked{r: &w.request, w: &answer}); err != nil {
			return 0, err
		}
		w.sends, w.upgraded = append(answer.Bytes(), w.sends...), true
	}
	return len(p), nil
}

func (w *wire) Close() error                     { return nil }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// asked is a connection to a client that has sent its request.
type asked struct {
	net.Conn
	r io.Reader
	w io.Writer
}

func (a *asked) Read(p []byte) (int, error)  { return a.r.Read(p) }
func (a *asked) Write(p []byte) (int, error) { return a.w.Write(p) }

// follow returns what a client makes of frames that come in pieces, a line each: events, what
// it rejects, the error at the end, and the control frames that it sends. It leaves the loop
// at the event number stop. Gorilla reads all frames if it is alone.
func follow(t testing.TB, sends []byte, seed uint64, most, stop int, alone bool) (seen []string) {
	random := rand.New(rand.NewPCG(seed, 0))
	w := &wire{sends: sends, piece: func() int { return 1 + random.IntN(1<<random.IntN(20)) }}
	c := New(address(t, "server"), &Options{PingInterval: -1, MaxMessage: most, OnReject: func(ev event.Event, err error) {
		seen = append(seen, fmt.Sprintf("%v %q", err, ev.Raw[:min(len(ev.Raw), most)])) // how much more came does not matter
	}})
	c.dial = func(context.Context, string, string) (net.Conn, error) { return w, nil }
	l, err := c.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if alone {
		l.frames = nil
	}
	n := 0
	err = l.deliver(t.Context(), func(ev event.Event, _ error) bool {
		seen = append(seen, fmt.Sprintf("%q", ev.Raw))
		n++
		return n != stop
	})
	seen = append(seen, fmt.Sprint(err))
	for b := w.got; len(b) >= 6; {
		size := int(b[1] &^ masked)
		for i := range size {
			b[6+i] ^= b[2+i%4]
		}
		seen = append(seen, fmt.Sprintf("%x %q", b[0], b[6:6+size]))
		b = b[6+size:]
	}
	return seen
}

// same compares a client with one in which gorilla reads all frames.
func same(t testing.TB, sends []byte, seed uint64, most, stop int) (events int) {
	got, want := follow(t, sends, seed, most, stop, false), follow(t, sends, seed, most, stop, true)
	if !slices.Equal(got, want) {
		t.Errorf("%.300q, at most %d, until %d:\n got %.1000q\nwant %.1000q", sends, most, stop, got, want)
	}
	return len(want) - 1
}

// randomFrames is what a server sends, and may not.
func randomFrames(random *rand.Rand) (sends []byte) {
	payload := func(most int) []byte { return bytes.Repeat([]byte("abc\xff"), most/4+1)[:random.IntN(most+1)] }
	inside := false
	for range random.IntN(30) {
		head := byte(final | opText)
		size := 1 << random.IntN(10)
		switch random.IntN(24) {
		case 0:
			head = final | opBinary
		case 1, 2:
			head, inside = opText, true
		case 3, 4:
			if head, inside = opContinue, true; random.IntN(2) == 0 {
				head, inside = final|opContinue, false
			}
		case 5:
			head, size = final|opPing, 125
		case 6:
			head, size = final|opPong, 125
		case 7:
			size = 1 << (10 + random.IntN(9))
		case 8:
			if random.IntN(8) == 0 {
				return append(sends, closing(uint16(random.IntN(6000)), "bye")...)
			}
		case 9:
			if random.IntN(8) == 0 {
				head = byte(random.IntN(256)) // reserved bits, unknown opcodes
			}
		}
		if inside && head&opcode != opContinue && head&opcode < opClose && random.IntN(20) > 0 {
			head = opContinue
		}
		one := frame(head, payload(size))
		switch random.IntN(200) {
		case 0:
			one[1] |= masked
		case 1:
			one[1] = one[1]&masked | length64 // a length that is no length
		case 2:
			one = one[:random.IntN(len(one))]
		}
		sends = append(sends, one...)
	}
	return sends[:len(sends)-min(len(sends), random.IntN(8)/7*random.IntN(300))]
}

// Plain frames are read as gorilla reads them, however the bytes come, between and beside all
// others.
func TestFrames(t *testing.T) {
	events := 0
	for seed := range uint64(800) {
		random := rand.New(rand.NewPCG(seed, 1))
		most := []int{0, 1, 100, 2000, readBuffer}[random.IntN(5)]
		events += same(t, randomFrames(random), seed, most, random.IntN(40))
		if t.Failed() {
			t.Fatal("seed ", seed)
		}
	}
	if events < 3000 {
		t.Error("only", events, "events")
	}
}

func FuzzFrames(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(randomFrames(rand.New(rand.NewPCG(seed, 1))), seed, uint32(100), uint8(0))
	}
	f.Fuzz(func(t *testing.T, sends []byte, seed uint64, most uint32, stop uint8) {
		same(t, sends, seed, int(most), int(stop))
	})
}
