package post

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// limited returns a connection of a LimitListener, and its other end.
func limited(t *testing.T) (conn, peer net.Conn) {
	t.Helper()
	l := listenPipes()
	dialed := make(chan net.Conn)
	go func() { dialed <- l.dial() }()
	conn, err := LimitListener(l, 1, nil).Accept()
	if err != nil {
		t.Fatal(err)
	}
	return conn, <-dialed
}

// TestDeadlines: the limits of a connection are those that were set last, even
// if the socket's own are others, and in the middle of a read or write.
func TestDeadlines(t *testing.T) {
	const s = time.Second
	never := 1000 * s // the limit is taken away
	type step struct{ at, limit time.Duration }
	for _, c := range []struct {
		name  string
		limit time.Duration // at first
		steps []step        // when it becomes what, since the start
		ends  time.Duration // never: not by the limit
	}{
		{"as set", 2 * s, nil, 2 * s},
		{"none", never, nil, never},
		{"in the past", -s, nil, 0},
		{"later", 2 * s, []step{{s, 5 * s}}, 5 * s},
		{"later and later", 2 * s, []step{{s, 5 * s}, {4 * s, 9 * s}}, 9 * s},
		{"later, then earlier", 2 * s, []step{{s, 9 * s}, {3 * s, 5 * s}}, 5 * s},
		{"earlier", 9 * s, []step{{s, 5 * s}}, 5 * s},
		{"at once", 9 * s, []step{{s, -s}}, s},
		{"taken away", 2 * s, []step{{s, never}}, never},
		{"taken away and back", 2 * s, []step{{s, never}, {3 * s, 5 * s}}, 5 * s},
		{"given", never, []step{{s, 3 * s}}, 3 * s},
	} {
		for _, kind := range []string{"read", "write", "both"} {
			t.Run(c.name+", "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					conn, peer := limited(t)
					start := time.Now()
					set := func(limit time.Duration) {
						at := start.Add(limit)
						if limit == never {
							at = time.Time{}
						}
						switch kind {
						case "read":
							_ = conn.SetReadDeadline(at)
						case "write":
							_ = conn.SetWriteDeadline(at)
						default:
							_ = conn.SetDeadline(at)
						}
					}
					set(c.limit)
					go func() {
						for _, s := range c.steps {
							time.Sleep(s.at - time.Since(start))
							set(s.limit)
						}
					}()
					mine, others := conn.Read, peer.Write
					if kind == "write" {
						mine, others = conn.Write, peer.Read
					}
					var running sync.WaitGroup
					running.Go(func() {
						time.Sleep(never)
						_, _ = others(make([]byte, 1))
					})
					_, err := mine(make([]byte, 1))
					limited := errors.Is(err, os.ErrDeadlineExceeded)
					if after := time.Since(start); after != c.ends || limited != (c.ends != never) {
						t.Errorf("ended after %v: %v", after, err)
					}
					if limited {
						set(never)
						if _, err := mine(make([]byte, 1)); err != nil {
							t.Errorf("without a limit: %v", err)
						}
					}
					running.Wait()
					_, _ = conn.Close(), peer.Close()
				})
			})
		}
	}
}

// TestWriteGoesOn: what has been written before the socket's own deadline
// passes is not written again.
func TestWriteGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := limited(t)
		_ = conn.SetWriteDeadline(time.Now().Add(2 * time.Second))
		go func() {
			time.Sleep(time.Second)
			_ = conn.SetWriteDeadline(time.Now().Add(time.Minute))
		}()
		got := make([]byte, 6)
		go func() {
			_, _ = io.ReadFull(peer, got[:3])
			time.Sleep(10 * time.Second)
			_, _ = io.ReadFull(peer, got[3:])
		}()
		n, err := conn.Write([]byte("abcdef"))
		synctest.Wait()
		if n != 6 || err != nil || string(got) != "abcdef" {
			t.Errorf("%d, %v, %q", n, err, got)
		}
	})
}

// TestDeadlineIsLeft does what net/http does with every request.
func TestDeadlineIsLeft(t *testing.T) {
	moved := 0
	d := deadline{move: func(time.Time) error { moved++; return nil }}
	for range 1000 {
		for _, limit := range []time.Duration{IdleTimeout, HeaderTimeout, RequestTimeout} {
			_ = d.set(time.Now().Add(limit))
			if limit == IdleTimeout {
				if err := d.begin(); err != nil || d.again(nil) {
					t.Fatal(err)
				}
			}
		}
		for _, at := range []time.Time{{}, time.Unix(1, 0), {}} { // to end the read in the background
			_ = d.set(at)
		}
	}
	if moved != 1 {
		t.Errorf("moved %d times", moved)
	}
}
