package enswitchtest

import (
	"encoding/binary"

	"github.com/gorilla/websocket"
)

// AppendFrame appends one websocket frame as a server writes it, unmasked, and returns
// the extended slice. opcode is one of RFC 6455 (1 text, 2 binary, 0 continuation, 8
// close, 9 ping, 10 pong), or a wrong one for a hostile test; only its lowest four bits
// are used. fin says that the frame is the last one of its message. A block of frames for
// [Server.SendRaw] can be prepared once and sent many times.
func AppendFrame(dst []byte, fin bool, opcode int, payload []byte) []byte {
	first := byte(opcode & 0xf)
	if fin {
		first |= 0x80
	}
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, first, byte(n))
	case n < 1<<16:
		dst = append(dst, first, 126)
		dst = binary.BigEndian.AppendUint16(dst, uint16(n))
	default:
		dst = append(dst, first, 127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	}
	return append(dst, payload...)
}

// maxHeader is the length of the longest frame header that AppendFrame writes.
const maxHeader = 10

// textFrames returns one text frame for each of raw.
func textFrames(raw [][]byte) []byte {
	size := 0
	for _, r := range raw {
		size += maxHeader + len(r)
	}
	block := make([]byte, 0, size)
	for _, r := range raw {
		block = AppendFrame(block, true, websocket.TextMessage, r)
	}
	return block
}
