package stream_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/pkg/stream"
	"github.com/enswitch-events/enswitch-events/pkg/stream/streamtest"
)

func connect(t *testing.T, text string, o *stream.ConnectOptions) error {
	t.Helper()
	a, err := stream.ParseAddress(text)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := stream.Connect(t.Context(), a, o)
	if err == nil {
		conn.Close()
	}
	return err
}

// TestConnect: the second of two servers is taken, and an error says where, what, and no
// password.
func TestConnect(t *testing.T) {
	t.Parallel()
	s := streamtest.Start(t, "authorization { user: u, password: secret }")
	const closed = "127.0.0.1:1" // no server gets so low a port
	if err := connect(t, "nats://u:secret@"+closed+","+s.Address()+"/x", nil); err != nil {
		t.Error(err)
	}
	for _, row := range []struct{ text, want string }{
		{"nats://u:wrong@" + s.Address() + "/x", "nats://" + s.Address() + ": the server refuses the user or the password"},
		{"nats://" + s.Address() + "/x", "the server refuses the user or the password, or asks for one"},
		{"tls://u:secret@" + s.Address() + "/x", "tls://" + s.Address() + ": the server has no TLS"},
		{"nats://u:secret@" + closed + "/x", "nats://" + closed + ": connection refused"},
	} {
		err := connect(t, row.text, nil)
		if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "wrong") {
			t.Errorf("%s: %v, want %q", row.text, err, row.want)
		}
	}
	missing := &stream.ConnectOptions{Credentials: "/nonexistent/c.creds"}
	if err := connect(t, s.URL()+"/x", missing); err == nil || !strings.Contains(err.Error(), "credentials file /nonexistent/c.creds cannot be read") {
		t.Error(err)
	}
	bad := &stream.ConnectOptions{Credentials: filepath.Join(t.TempDir(), "bad.creds")}
	if err := os.WriteFile(bad.Credentials, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := connect(t, s.URL()+"/x", bad); err == nil || !strings.Contains(err.Error(), "bad.creds has no JWT with its seed, and no seed of an NKey") {
		t.Error(err)
	}
	cut := "-----BEGIN NATS USER JWT-----\ne30.eyJleHAiOjF9.e30\n------END NATS USER JWT------\n-----BEGIN USER NKEY SEED-----\n" + seed[:20]
	if err := os.WriteFile(bad.Credentials, []byte(cut), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := connect(t, s.URL()+"/x", bad); err == nil || !strings.Contains(err.Error(), "bad.creds has a JWT without the seed of its key") {
		t.Error(err)
	}
	// The JWT of a user that expired at the first second of 1970.
	expired := "-----BEGIN NATS USER JWT-----\ne30.eyJleHAiOjF9.e30\n------END NATS USER JWT------\n-----BEGIN USER NKEY SEED-----\n" + seed + "\n------END USER NKEY SEED------\n"
	if err := os.WriteFile(bad.Credentials, []byte(expired), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := connect(t, s.URL()+"/x", bad); err == nil || !strings.Contains(err.Error(), "the server refuses the credentials, which expired at 19") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a, _ := stream.ParseAddress(s.URL() + "/x")
	if conn, err := stream.Connect(ctx, a, nil); err == nil {
		conn.Close()
		t.Error("connected after ctx was done")
	}
}

// seed is that of an NKey, and user its public key.
const (
	seed = "SUALY5TVCEZQB7VGKZDJVML76Y256BWZ2CTERDVKS2OS2PBWM7UWKET5C4"
	user = "UCOLAF6VXVERWNSXCG2VO2AGJIFMVIYI5OCD7WVF6EN7VHPYGJDMDDSI"
)

// TestConnectNKey: a credentials file may have the seed of an NKey alone.
func TestConnectNKey(t *testing.T) {
	t.Parallel()
	s := streamtest.StartCore(t, "authorization { users: [ { nkey: "+user+" } ] }")
	o := &stream.ConnectOptions{Credentials: filepath.Join(t.TempDir(), "nkey")}
	if err := os.WriteFile(o.Credentials, []byte(seed+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := connect(t, s.URL()+"/x", o); err != nil {
		t.Error(err)
	}
}

// TestConnectSilent: an attempt to connect to a server that says nothing ends with ctx.
func TestConnectSilent(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		conn, err := l.Accept()
		cancel()
		<-t.Context().Done()
		if err == nil {
			_ = conn.Close()
		}
	}()
	a, err := stream.ParseAddress("nats://" + l.Addr().String() + "/x")
	if err != nil {
		t.Fatal(err)
	}
	if conn, err := stream.Connect(ctx, a, &stream.ConnectOptions{Timeout: 10 * time.Minute}); err == nil { // or the test times out
		conn.Close()
		t.Error("connected to a server that says nothing")
	}
}

// TestRestart: a server that is killed and comes back has the same address.
func TestRestart(t *testing.T) {
	t.Parallel()
	s := streamtest.StartCore(t)
	before := s.Address()
	s.Kill()
	if err := connect(t, s.URL()+"/x", nil); err == nil {
		t.Error("connected to a server that was killed")
	}
	s.Restart()
	if err := connect(t, s.URL()+"/x", nil); err != nil || s.Address() != before {
		t.Error(err, s.Address(), before)
	}
}
