package enswitchtest

import (
	"errors"
	"net"
	"time"
)

// DefaultPath is the path at which messaged serves events.
const DefaultPath = "/events/websocket/"

var (
	// ErrSlow is the error in OnClient for a client that was cut because it did not
	// read fast enough.
	ErrSlow = errors.New("client too slow")
	// ErrKey is the error in OnClient for a request with a wrong key or none.
	ErrKey = errors.New("wrong or missing authkey")
)

// ServerOptions are the settings of a [Server]. Nil and zero fields mean the defaults
// that are named here.
type ServerOptions struct {
	// Authkey is the key that the URL parameter authkey must have. Empty: no key is
	// needed.
	Authkey string
	// Path is the path of the events, DefaultPath if empty. Other paths are answered
	// with 404.
	Path string
	// RejectStatus is the HTTP status for a wrong key, 401 if zero.
	RejectStatus int
	// Listener is the listener of NewServer, which closes it. Nil: a free port of
	// 127.0.0.1.
	Listener net.Listener
	// TLS makes NewServer speak TLS, with a certificate made for it: see
	// [Server.Certificate].
	TLS bool
	// ClientBuffer is how many bytes may wait for one client, 16 MiB if zero. A
	// single Send may exceed it if nothing waits.
	ClientBuffer int
	// SlowAfter is how long Send waits for a client with a full buffer before it cuts
	// the client, and how long Close waits for a client to read the rest and to
	// answer. One second if zero.
	SlowAfter time.Duration
	// StallAfter is how long a client may take to read what one write gives to the
	// system, at most 256 KiB, before it is cut, whether its buffer is full or not.
	// So a client that reads nothing is cut without delaying Send. Zero: no limit.
	StallAfter time.Duration
	// HalfOpenAfter is the time after which a connection goes dead, as if the cable
	// had been pulled: it stays open, but nothing is written to it any more, not even
	// pongs, and events are lost to the client. Zero: never.
	HalfOpenAfter time.Duration
	// RejectKey makes the server refuse every key, the right one too.
	RejectKey bool
	// OnClient is called when a client has connected, and when it has gone. err is
	// nil if the client or the server closed or dropped the connection on purpose,
	// ErrSlow if the client was cut, otherwise what broke. A request with a wrong key
	// is one call with connected false and ErrKey. remote is the client's address. A
	// client that leaves by itself is counted by Clients until OnClient has returned.
	// OnClient is called from many goroutines. It must not call Close, or WaitClients
	// with 0, which wait for it.
	OnClient func(remote string, connected bool, err error)
}
