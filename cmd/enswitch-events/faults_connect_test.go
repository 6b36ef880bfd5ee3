//go:build unix

package main

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
	"github.com/enswitch-events/enswitch-events/pkg/stream/streamtest"
)

// connectFaults are those of making a connection, the first one or one after a
// loss.
func connectFaults() []fault {
	return []fault{
		{
			"tls-unknown-authority", "the certificate is signed by an unknown authority", "exit code 3; --ca and --insecure are named",
			refusedTLS("127.0.0.1", valid, false, "unknown authority", "--ca FILE"),
		},
		{
			"tls-wrong-host", "the certificate is for another host", "exit code 3, with the host that it is for",
			refusedTLS("192.0.2.7", valid, true, "certificate is for another host", "192.0.2.7"),
		},
		{
			"tls-expired", "the certificate has expired", "exit code 3, and said so",
			refusedTLS("127.0.0.1", expired, true, "the certificate has expired"),
		},
		{
			"tls-not-yet-valid", "the certificate is not valid yet", "exit code 3, and said so",
			refusedTLS("127.0.0.1", future, true, "not yet valid"),
		},
		{"tls-common-name", "the certificate has only a common name", "exit code 3; it says what the certificate lacks", commonNameOnly},
		{"tls-1-1", "the server speaks TLS 1.1 at most", "exit code 3: below TLS 1.2 nothing is accepted", tlsOld},
		{"http-on-tls-port", "wss is asked for and the server speaks plain HTTP", "exit code 3, and ws:// is named", plainOnTLS},
		{"tls-on-plain-port", "ws is asked for and the server speaks TLS", "exit code 3, and wss:// is named", tlsOnPlain},
		{"refused", "nothing listens", "exit code 3 at once, with the firewall rule and the setting to look at", refused},
		{"refused-then-back", "nothing listens yet, with --retry", "it keeps trying; once messaged is there the events come", refusedThenBack},
		{"refused-after-loss", "messaged stops, its port is closed, it comes back", "each attempt is said; the feed comes back with both edges", refusedAfterLoss},
		{"first-connection-silent", "the first connection is accepted and nothing answers", "exit code 3 after --connect-timeout", silent},
		{"hung-up-on", "the first connection is accepted and closed", "exit code 3, and said so", hungUpOn},
		{"503-then-back", "503 to the first attempts, with --retry", "it keeps trying; once messaged is there the events come", unavailable},
		{"503-after-loss", "503 after a connection that stood", "it goes on trying; the feed comes back with both edges", afterLoss(503, "", "HTTP 503")},
		{"404-after-loss", "404 after a connection that stood", "it goes on trying: a proxy may answer so while messaged restarts", afterLoss(404, "", "HTTP 404")},
		{"redirect-after-loss", "a redirect after a connection that stood", "it is not followed; it goes on trying", afterLoss(302, "Location: http://127.0.0.1:1/\r\n", "which is not followed")},
		{"401", "401 to the first attempt, with --retry", "exit code 4 at once: a wrong key does not get better", unauthorized},
		{"401-after-loss", "401 after a connection that stood", "what came is written, exit code 4", unauthorizedAfterLoss},
		{"redirect", "a redirect to another host", "exit code 3; the other host gets neither the key nor any request", redirect},
		{"web-page", "a web page answers instead of messaged", "exit code 3; port and path of messaged are named", webPage},
		{"endless-answer", "the answer to the handshake never ends", "exit code 3; it is cut after 1 MiB", endlessAnswer},
		{"dns-unknown", "the name cannot be resolved", "exit code 3, with the name", unknownName},
		{"dns-changes", "messaged moves to another address and the name with it", "the name is looked up at each attempt: the feed comes back from the new address", nameChanges},
		{"proxy-refuses", "the proxy refuses to connect", "exit code 3, with the proxy's status and --proxy none", proxyRefuses},
		{"proxy-407", "the proxy asks for a password", "exit code 3; where the password goes is said", proxyAnswers("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", []string{"HTTP 407", "USER:PASSWORD", "--proxy none"}, nil)},
		{"proxy-502", "the proxy does not reach messaged", "exit code 3, and said so; no word about a password", proxyAnswers("HTTP/1.1 502 Bad Gateway\r\n\r\n", []string{"HTTP 502", "may not reach messaged"}, []string{"PASSWORD"})},
		{"proxy-hung-up", "the proxy closes the connection without an answer", "exit code 3, and said so; no word about a password", proxyAnswers("", []string{"it hung up without an answer", "--proxy none"}, []string{"PASSWORD", "EOF"})},
		{"proxy-no-http", "another kind of server listens at the proxy's address", "exit code 3, and said so; no word about a password", proxyAnswers("220 mail.example ESMTP\r\n", []string{"it does not speak HTTP", "--proxy none"}, []string{"PASSWORD", "malformed"})},
		{"proxy-gone", "nothing listens at the proxy's address", "exit code 3, with the proxy's address, its password not shown", proxyGone},
	}
}

// span is a time in which a certificate is valid, from now.
type span struct{ from, to time.Duration }

// The spans of the certificates of the tests.
var (
	valid   = span{-time.Hour, time.Hour}
	expired = span{-2 * time.Hour, -time.Hour}
	future  = span{time.Hour, 2 * time.Hour}
)

// certificate is one for a server, signed by itself.
type certificate struct {
	pair tls.Certificate
	file string // the PEM file for --ca
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c.pair}, MinVersion: tls.VersionTLS12}
}

func newCertificate(t *testing.T, host string, s span) *certificate {
	t.Helper()
	return certificateOf(t, &enswitchtest.CertificateOptions{
		CommonName: host, Hosts: []string{host}, NotBefore: time.Now().Add(s.from), NotAfter: time.Now().Add(s.to),
	})
}

func certificateOf(t *testing.T, o *enswitchtest.CertificateOptions) *certificate {
	t.Helper()
	pair, err := enswitchtest.NewCertificate(o)
	if err != nil {
		t.Fatal(err)
	}
	c := &certificate{pair: pair, file: t.TempDir() + "/ca.pem"}
	if err := os.WriteFile(c.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Leaf.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// nothing is an end in which no event has come.
func nothing(code int, said ...string) want { return want{code: code, said: said} }

func refusedTLS(host string, s span, trusted bool, said ...string) func(*testing.T) {
	return func(t *testing.T) {
		c := newCertificate(t, host, s)
		w := wireAt(t, "127.0.0.1:0", c.config())
		args := []string{"tail", "wss://" + w.addr}
		if trusted {
			args = append(args, "--ca", c.file)
		}
		p := start(t, args...)
		_ = w.accept().Conn.(*tls.Conn).HandshakeContext(t.Context())
		p.check(nothing(cli.ExitConnect, said...))
	}
}

// commonNameOnly has a certificate as they were made long ago: its host is only in
// the common name.
func commonNameOnly(t *testing.T) {
	c := certificateOf(t, &enswitchtest.CertificateOptions{CommonName: "localhost", Hosts: []string{}})
	w := wireAt(t, "127.0.0.1:0", c.config())
	_, port, _ := net.SplitHostPort(w.addr)
	p := start(t, "tail", "wss://localhost:"+port, "--ca", c.file)
	_ = w.accept().Conn.(*tls.Conn).HandshakeContext(t.Context())
	p.check(want{code: cli.ExitConnect, said: []string{"common name only", "subject alternative name", "--insecure"}, unsaid: []string{"--ca FILE", "use SANs"}})
}

func tlsOld(t *testing.T) {
	c := newCertificate(t, "127.0.0.1", valid)
	config := c.config()
	config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	w := wireAt(t, "127.0.0.1:0", config)
	p := start(t, "tail", "wss://"+w.addr, "--ca", c.file)
	_ = w.accept().Conn.(*tls.Conn).HandshakeContext(t.Context())
	p.check(nothing(cli.ExitConnect, "could not connect to wss://.*TLS is too old: TLS 1.2", "needs a newer TLS"))
}

func plainOnTLS(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", "wss://"+w.addr)
	peer := w.accept()
	peer.write([]byte("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"))
	p.check(nothing(cli.ExitConnect, "use ws://"))
}

func tlsOnPlain(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", "ws://"+w.addr)
	peer := w.accept()
	peer.request()
	peer.write([]byte{21, 3, 1, 0, 2, 2, 10}) // the alert: unexpected message
	peer.Close()
	p.check(nothing(cli.ExitConnect, "use wss://"))
}

// closedPort is an address where nothing listens, unless the test does.
func closedPort(t *testing.T) string {
	t.Helper()
	addr, release, err := streamtest.HoldPort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return addr
}

func refused(t *testing.T) {
	p := start(t, "tail", closedPort(t))
	p.check(want{code: cli.ExitConnect, said: []string{"connection refused", "Message daemon IP address", "firewall"}, unsaid: []string{"reconnecting"}})
}

func refusedThenBack(t *testing.T) {
	addr := closedPort(t)
	p := start(t, "tail", addr, "--retry", "-n", "3")
	p.says("connection refused: reconnecting in", 1)
	wireAt(t, addr, nil).join().send(1, 3)
	if l := p.check(want{events: seq(1, 3), received: 3}); l.Gaps != 0 {
		t.Errorf("%d gaps: the feed was never there before", l.Gaps)
	}
}

func refusedAfterLoss(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "-n", "6")
	peer := w.join()
	peer.send(1, 3)
	p.lines(3)
	w.l.Close()
	peer.reset()
	p.says("connection refused: reconnecting in", 1)
	wireAt(t, w.addr, nil).join().send(4, 6)
	if l := p.check(want{events: seq(1, 6), received: 6, said: []string{"connection reset: reconnecting", "connected again"}}); l.Gaps != 1 {
		t.Errorf("%d gaps", l.Gaps)
	}
}

func silent(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "--connect-timeout", "2s")
	w.accept()
	p.check(nothing(cli.ExitConnect, "no answer within 2s", "--connect-timeout"))
}

func hungUpOn(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr)
	peer := w.accept()
	peer.request()
	peer.Close()
	p.check(nothing(cli.ExitConnect, "hung up without an answer"))
}

func unavailable(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "--retry", "-n", "3")
	for range 2 {
		w.accept().answer(503, "", "try later")
	}
	w.join().send(1, 3)
	p.check(want{events: seq(1, 3), received: 3, said: []string{"HTTP 503.*try later: reconnecting in"}})
}

// afterLoss is a row in which a connection that stood is lost and the next
// attempt gets another answer than a websocket.
func afterLoss(status int, header, said string) func(*testing.T) {
	return func(t *testing.T) {
		w := newWire(t)
		p := start(t, "tail", w.addr, "-n", "6")
		peer := w.join()
		peer.send(1, 3)
		p.lines(3)
		peer.reset()
		w.accept().answer(status, header, "")
		w.join().send(4, 6)
		l := p.check(want{events: seq(1, 6), received: 6, said: []string{said + ".*reconnecting in", "connected again"}})
		if l.Gaps != 1 {
			t.Errorf("%d gaps", l.Gaps)
		}
	}
}

func unauthorized(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "--retry")
	w.accept().answer(401, "", "")
	p.check(nothing(cli.ExitKey, "the key was rejected", "Message daemon authentication key"))
}

func unauthorizedAfterLoss(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr)
	peer := w.join()
	peer.send(1, 3)
	p.lines(3)
	peer.reset()
	w.accept().answer(401, "", "")
	p.check(want{code: cli.ExitKey, events: seq(1, 3), received: 3, said: []string{"the key was rejected"}})
}

func redirect(t *testing.T) {
	w, other := newWire(t), newWire(t)
	p := startWith(t, setup{env: []string{"ENSWITCH_AUTHKEY=" + secret}}, "tail", w.addr)
	w.accept().answer(302, "Location: http://"+other.addr+"/events/websocket/?authkey="+url.QueryEscape(secret)+"\r\n", "")
	p.check(want{code: cli.ExitConnect, said: []string{"which is not followed"}, unsaid: []string{"s3cret"}})
	if len(other.peer) > 0 {
		t.Error("the other host was asked")
	}
}

func webPage(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr)
	w.accept().answer(200, "Content-Type: text/html\r\n", "<html>It works!</html>")
	p.check(want{code: cli.ExitConnect, said: []string{"a web page answered", "4875", "/events/websocket/"}, unsaid: []string{"It works"}})
}

func endlessAnswer(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr)
	peer := w.accept()
	peer.request()
	peer.write([]byte("HTTP/1.1 200 OK\r\n"))
	for err := error(nil); err == nil; {
		_, err = io.WriteString(peer, "X-Filler: "+strings.Repeat("x", 1000)+"\r\n")
	}
	p.check(nothing(cli.ExitConnect, "too long"))
}

func unknownName(t *testing.T) {
	p := start(t, "tail", "no-such-host.invalid", "--connect-timeout", "3s")
	p.check(nothing(cli.ExitConnect, "no-such-host.invalid"))
}

// nameChanges gives the program a hosts file of its own, which takes a mount
// namespace.
func nameChanges(t *testing.T) {
	hosts := t.TempDir() + "/hosts"
	point := func(addr string) {
		t.Helper()
		// In place, as the file is mounted.
		if err := os.WriteFile(hosts, []byte(addr+" cluster.test\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	point("127.0.0.1")
	const mount = `mount --bind "$HOSTS" /etc/hosts`
	if out, err := exec.CommandContext(t.Context(), "unshare", "-m", "sh", "-c", "HOSTS='"+hosts+"'; "+mount).CombinedOutput(); err != nil {
		t.Skipf("no mount namespace here: %v: %s", err, out)
	}
	w := newWire(t)
	_, port, _ := net.SplitHostPort(w.addr)
	second, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		t.Skipf("no second address here: %v", err)
	}
	second.Close()
	p := startWith(t, setup{env: []string{"HOSTS=" + hosts}, shell: `exec unshare -m sh -c '` + mount + ` && exec "$@"' sh "$@"`},
		"tail", "cluster.test:"+port, "-n", "6")
	peer := w.join()
	peer.send(1, 3)
	p.lines(3)
	moved := wireAt(t, "127.0.0.2:"+port, nil)
	point("127.0.0.2")
	w.l.Close()
	peer.reset()
	moved.join().send(4, 6)
	p.check(want{events: seq(1, 6), received: 6, said: []string{"connected again"}})
}

func proxyRefuses(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", "10.0.0.5", "--proxy", "http://"+w.addr)
	w.accept().answer(403, "", "")
	p.check(nothing(cli.ExitConnect, "proxy "+w.addr, "HTTP 403", "--proxy none"))
}

// proxyAnswers is a row in which the proxy answers CONNECT so and closes.
func proxyAnswers(answer string, said, unsaid []string) func(*testing.T) {
	return func(t *testing.T) {
		w := newWire(t)
		p := start(t, "tail", "10.0.0.5", "--proxy", "http://"+w.addr)
		peer := w.accept()
		peer.request()
		peer.write([]byte(answer))
		peer.Close()
		p.check(want{code: cli.ExitConnect, said: append(said, "proxy "+w.addr), unsaid: unsaid})
	}
}

func proxyGone(t *testing.T) {
	addr := closedPort(t)
	p := start(t, "tail", "10.0.0.5", "--proxy", "http://user:"+url.QueryEscape(secret)+"@"+addr)
	p.check(want{code: cli.ExitConnect, said: []string{"proxy " + addr, "connection refused"}, unsaid: []string{"s3cret"}})
}
