// Package stream knows how Enswitch events are kept in a stream of NATS JetStream: the
// addresses of servers, the connection, the subject and the headers of an event, and the
// name of the stream.
//
// A [Reader] reads a stream:
//
//	addr, err := stream.ParseAddress("nats://10.0.0.7/enswitch")
//	...
//	for m, err := range stream.NewReader(addr, nil).Events(ctx) {
//
// # Messages
//
// The payload of a message is the event on one line, without a newline. Its subject is that of
// [Subject], below a prefix that the user chooses. Its headers are
//
//	Nats-Msg-Id         the id of the event, by which the server leaves out repetitions
//	Enswitch-Class      its class and
//	Enswitch-Event      its event, as AppendHeader writes them
//	Enswitch-Received   when it was received, as in time.RFC3339Nano, in UTC
package stream

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/fnv"
	"strings"
	"unicode/utf8"
)

// The headers of a message, in addition to Nats-Msg-Id.
const (
	HeaderClass    = "Enswitch-Class"
	HeaderEvent    = "Enswitch-Event"
	HeaderReceived = "Enswitch-Received"
)

// Partitions is the number of partitions of a stream. All events of a call are in one.
const Partitions = 16

const (
	maxToken  = 128 // bytes of a token of a subject
	keptToken = 80  // bytes that are kept of a longer one
	maxHeader = 1024
)

// Subject returns the subject of an event, PREFIX.CLASS.EVENT.pNN. In class and event, bytes
// other than A-Z, a-z, 0-9, _ and - are written as = and two hexadecimal digits, and an
// empty one as =. One that is longer than 128 bytes then is its first 80, = and 16
// hexadecimal digits of its hash. NN is the partition of the callid.
func Subject(prefix, class, event, callid string) string {
	b := make([]byte, 0, len(prefix)+len(class)+len(event)+len(".=.=.p00"))
	b = append(append(b, prefix...), '.')
	b = append(appendToken(b, class), '.')
	b = append(appendToken(b, event), '.')
	return string(appendPartition(b, Partition(callid)))
}

// Partition returns the partition of a callid, from 0 to Partitions-1: FNV-1a of 32 bits
// modulo Partitions, and 0 without a callid.
func Partition(callid string) int {
	if callid == "" {
		return 0
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(callid))
	return int(h.Sum32() % Partitions)
}

// partitionOf returns the partition of a message with this subject.
func partitionOf(subject string) (n int, ok bool) {
	token := subject[strings.LastIndexByte(subject, '.')+1:]
	for n := range Partitions {
		if token == string(appendPartition(nil, n)) {
			return n, true
		}
	}
	return 0, false
}

// appendPartition appends the last token of the subjects of a partition: p00 to p15.
func appendPartition(b []byte, n int) []byte { return append(b, 'p', byte('0'+n/10), byte('0'+n%10)) }

// appendToken appends text as a token of a subject.
func appendToken(b []byte, text string) []byte {
	if text == "" {
		return append(b, '=')
	}
	begin := len(b)
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-':
			b = append(b, c)
		default:
			b = append(b, '=', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	if len(b)-begin > maxToken {
		sum := sha256.Sum256([]byte(text))
		b = append(b[:begin+keptToken], '=')
		b = hex.AppendEncode(b, sum[:8])
	}
	return b
}

const hexDigits = "0123456789ABCDEF"

// AppendHeader appends text as the value of a header: control characters, and spaces at its
// ends, as \u and four hexadecimal digits, a backslash as two, broken UTF-8 as U+FFFD. Of a
// long text the beginning is kept, at most 1,024 bytes, and … appended.
func AppendHeader(b []byte, text string) []byte {
	begin := len(b)
	for i, r := range text {
		before := len(b)
		switch {
		case r == '\\':
			b = append(b, `\\`...)
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == ' ' && (i == 0 || i == len(text)-1):
			b = append(b, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
		if len(b)-begin > maxHeader {
			return append(b[:before], "…"...)
		}
	}
	return b
}

// Name returns the name of the stream that is made for a prefix: in upper case, with _ for
// each dot.
func Name(prefix string) string { return strings.ToUpper(strings.ReplaceAll(prefix, ".", "_")) }
