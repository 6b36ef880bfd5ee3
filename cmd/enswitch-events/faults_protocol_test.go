//go:build unix

package main

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// protocolFaults are frames that RFC 6455 forbids, and some that it allows and
// that are seldom seen.
func protocolFaults() []fault {
	const back = "the connection is given up as broken, with the reason; the feed comes back and both edges are said; what came before is there, what was broken is no event"
	broken := func(wire []byte) func(*testing.T) {
		return loss("broken websocket protocol", nil, func(p *peer) { p.write(wire); p.hold() })
	}
	e := testEvent(999)
	length := func(n uint64) []byte { return binary.BigEndian.AppendUint64([]byte{0x81, 127}, n) }
	masked := append([]byte{0x81, 0x80 | 5, 0, 0, 0, 0}, "{\"a\":"...)
	return []fault{
		{"reserved-bit-1", "a frame with reserved bit 1, as if it were compressed", back, broken(append([]byte{0xc1, 2}, "{}"...))},
		{"reserved-bit-2", "a frame with reserved bit 2", back, broken(append([]byte{0xa1, 2}, "{}"...))},
		{"reserved-bit-3", "a frame with reserved bit 3", back, broken(append([]byte{0x91, 2}, "{}"...))},
		{"bad-opcode", "a frame with an opcode for data that does not exist", back, broken(enswitchtest.AppendFrame(nil, true, 3, e))},
		{"bad-control-opcode", "a frame with an opcode for control that does not exist", back, broken(enswitchtest.AppendFrame(nil, true, 11, nil))},
		{"continuation-without-start", "a continuation of nothing", back, broken(enswitchtest.AppendFrame(nil, true, 0, e))},
		{
			"start-inside-message", "a new message in the middle of a fragmented one", back,
			broken(enswitchtest.AppendFrame(enswitchtest.AppendFrame(nil, false, 1, e[:9]), true, 1, e)),
		},
		{"masked-frame", "a masked frame, which only clients may send", back, broken(masked)},
		{"long-control-frame", "a ping of 126 bytes", back, broken(enswitchtest.AppendFrame(nil, true, 9, make([]byte, 126)))},
		{"fragmented-control-frame", "a ping in fragments", back, broken(enswitchtest.AppendFrame(nil, false, 9, []byte("x")))},
		{
			"length-2-62", "a frame header that announces 2^62 bytes", "no memory is taken for it; when the connection ends the feed comes back",
			loss("", nil, func(p *peer) { p.write(length(1 << 62)); p.Close() }),
		},
		{"length-2-63", "a frame header that announces 2^63 bytes, a negative number to many", back, broken(length(1 << 63))},
		{"http-instead-of-frames", "HTTP text where a frame should begin", back, broken([]byte("HTTP/1.1 500 Internal Server Error\r\n\r\n"))},
		{"fragments", "an event in many fragments, with pings between them", "it is one event, and the pings are answered", fragments},
		{"binary-frames", "events in binary frames", "they are events", binaryFrames},
		{"empty-frames", "thousands of empty frames", "each is rejected and counted, the stream goes on", emptyFrames},
		{"ping-flood", "ten thousand pings between two events", "no event is lost; the connection stays", pingFlood},
		{"message-too-long", "a message longer than --max-message", "it is rejected with its beginning quoted, the stream goes on", tooLong},
		{"message-too-long-in-fragments", "a message longer than --max-message in fragments that are not", "it is rejected once, the stream goes on", tooLongFragments},
	}
}

func fragments(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "-n", "2")
	peer := w.join()
	e := testEvent(1)
	for i := range e {
		opcode := 0
		if i == 0 {
			opcode = 1
		}
		peer.write(enswitchtest.AppendFrame(nil, i == len(e)-1, opcode, e[i:i+1]))
		if i%10 == 0 {
			peer.write(enswitchtest.AppendFrame(nil, true, 9, []byte("are you there")))
		}
	}
	if opcode, payload, err := peer.next(); err != nil || opcode != 10 || string(payload) != "are you there" {
		t.Errorf("answer to a ping: opcode %d, %q, %v", opcode, payload, err)
	}
	peer.send(2, 2)
	p.check(want{events: seq(1, 2), received: 2})
}

func binaryFrames(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "-n", "2")
	peer := w.join()
	peer.write(enswitchtest.AppendFrame(nil, true, 2, testEvent(1)))
	peer.send(2, 2)
	p.check(want{events: seq(1, 2), received: 2})
}

func emptyFrames(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "-n", "2")
	peer := w.join()
	peer.send(1, 1)
	peer.write(bytes.Repeat(enswitchtest.AppendFrame(nil, true, 1, nil), 5000))
	peer.send(2, 2)
	l := p.check(want{events: seq(1, 2), received: 5002, said: []string{"rejected, no event .*\\(empty\\)"}})
	if l.Rejected != 5000 {
		t.Errorf("%d rejected", l.Rejected)
	}
}

func pingFlood(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "-n", "2")
	peer := w.join()
	go peer.hold() // the pongs
	peer.send(1, 1)
	peer.write(bytes.Repeat(enswitchtest.AppendFrame(nil, true, 9, []byte("x")), 10_000))
	peer.send(2, 2)
	p.check(want{events: seq(1, 2), received: 2, unsaid: []string{"reconnecting"}})
}

func tooLong(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "-n", "2", "--max-message", "1KiB")
	peer := w.join()
	peer.send(1, 1)
	peer.write(enswitchtest.AppendFrame(nil, true, 1, bytes.Repeat([]byte("x"), 5<<20)))
	peer.send(2, 2)
	l := p.check(want{events: seq(1, 2), received: 3, said: []string{"longer than --max-message.*xxx"}})
	if l.Rejected != 1 {
		t.Errorf("%d rejected", l.Rejected)
	}
}

func tooLongFragments(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "-n", "2", "--max-message", "1KiB")
	peer := w.join()
	peer.send(1, 1)
	for i := range 10 {
		opcode := 0
		if i == 0 {
			opcode = 1
		}
		peer.write(enswitchtest.AppendFrame(nil, i == 9, opcode, bytes.Repeat([]byte("x"), 1000)))
	}
	peer.send(2, 2)
	if l := p.check(want{events: seq(1, 2), received: 3}); l.Rejected != 1 {
		t.Errorf("%d rejected", l.Rejected)
	}
}
