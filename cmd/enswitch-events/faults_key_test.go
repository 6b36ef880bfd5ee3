//go:build unix

package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/live"
)

// keyFaults are answers that refuse, by messaged or by something in front of it.
func keyFaults() []fault {
	const setting = "Message daemon authentication key"
	return []fault{
		{"1008-at-once", "a close frame with code 1008 before any event, with --retry", "exit code 4 at once, with the setting of the key", closedAtOnce(1008, "", setting)},
		{"unauthorised-at-once", "a close frame that says Unauthorized before any event", "exit code 4 at once, with those words", closedAtOnce(1000, "Unauthorized", "closed by the server, code 1000: Unauthorized")},
		{"1008-after-an-event", "a close frame with code 1008 after an event", "a loss like any other: it connects again", closedLater},
		{"closed-again-and-again", "each connection is closed at once, before any event", "it goes on, and says once that the key may be wrong", closedAgainAndAgain},
		{"closed-no-reconnect", "the connection is closed before any event, with --no-reconnect", "exit code 5; the key may be wrong", closedNoReconnect},
		{
			"401-of-a-proxy", "401 with WWW-Authenticate: Basic from nginx", "exit code 4; the proxy is named beside the key",
			answered(cli.ExitKey, 401, "Server: nginx/1.24\r\nWWW-Authenticate: Basic realm=\"x\"\r\n", "", "access was refused by", setting, "nginx/1.24, WWW-Authenticate: Basic", "--header"),
		},
		{"403-of-a-proxy", "403 with Via", "exit code 4; the proxy is named beside the key", answered(cli.ExitKey, 403, "Via: 1.1 squid\r\n", "", setting, "Via: 1.1 squid")},
		{"407", "407 from something that is no proxy of ours", "exit code 3; --proxy and its password are named", answered(cli.ExitConnect, 407, "Proxy-Authenticate: Basic\r\n", "", "a proxy on the way", "USER:PASSWORD")},
		{"426", "426 from a proxy that does not pass on Upgrade", "exit code 3; the headers that it must pass on are named", answered(cli.ExitConnect, 426, "Upgrade: websocket\r\n", "", "HTTP 426", "Upgrade and Connection")},
		{"426-tls", "426 that asks for TLS", "exit code 3; wss:// is named", answered(cli.ExitConnect, 426, "Upgrade: TLS/1.2, HTTP/1.1\r\n", "", "use wss://")},
		{"103", "103 before the answer to the handshake", "exit code 3; the interim answer is named", answered(cli.ExitConnect, 103, "", "", "an interim answer came before the websocket's")},
		{"502", "502 from a proxy", "exit code 3; messaged behind it may not run", answered(cli.ExitConnect, 502, "", "", "HTTP 502", "may not reach messaged")},
		{"gzip-answer", "an error with a compressed body", "exit code 3, with the text of the body", gzipAnswer},
		{"brotli-answer", "an error with a body that cannot be read", "exit code 3; no bytes of it are shown", brotliAnswer},
		{"tls-unrecognized-name", "the TLS server does not know the name", "exit code 3, and said so", unknownServerName},
	}
}

// closedAtOnce is a row in which the server closes before any event, and says why.
func closedAtOnce(code int, reason string, said ...string) func(*testing.T) {
	return func(t *testing.T) {
		w := newWire(t)
		p := startWith(t, setup{env: []string{"ENSWITCH_AUTHKEY=" + secret}}, "tail", w.addr, "--retry")
		w.join().closeFrame(append(closeCode(code), reason...))
		p.check(want{code: cli.ExitKey, said: append(said, "the key was rejected by ws://"), unsaid: []string{"reconnecting", "s3cret"}})
	}
}

func closedLater(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "-n", "2")
	peer := w.join()
	peer.send(1, 1)
	peer.closeFrame(closeCode(1008))
	w.join().send(2, 2)
	p.check(want{events: seq(1, 2), received: 2, said: []string{"code 1008: reconnecting"}, unsaid: []string{"key may be wrong"}})
}

func closedAgainAndAgain(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "-n", "1")
	for range live.SuspectKeyAfter {
		w.join().Close()
	}
	w.join().send(1, 1)
	p.check(want{events: seq(1, 1), received: 1, said: []string{"several times in a row, before any event: the key may be wrong"}})
	if n := count(p.said.snapshot(), func(line string) bool { return bytes.Contains([]byte(line), []byte("the key may be wrong")) }); n != 1 {
		t.Errorf("said %d times", n)
	}
}

func closedNoReconnect(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "--no-reconnect")
	w.join().Close()
	if code := p.exit(); code != cli.ExitLost {
		t.Errorf("exit code %d", code)
	}
	p.matches([]string{"lost the connection to", "no event had come, so the key may be wrong"}, nil)
}

// answered is a row in which the first attempt gets that answer.
func answered(code, status int, header, body string, said ...string) func(*testing.T) {
	return func(t *testing.T) {
		w := newWire(t)
		p := startWith(t, setup{env: []string{"ENSWITCH_AUTHKEY=" + secret}}, "tail", w.addr)
		w.accept().answer(status, header, body)
		p.check(want{code: code, said: said, unsaid: []string{"s3cret"}})
	}
}

func gzipAnswer(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, "down for maintenance")
	_ = z.Close()
	answered(cli.ExitConnect, 500, "Content-Encoding: gzip\r\n", b.String(), "HTTP 500 internal server error: down for maintenance")(t)
}

func brotliAnswer(t *testing.T) {
	answered(cli.ExitConnect, 500, "Content-Encoding: br\r\n", "garbled", `HTTP 500 internal server error"`)(t)
}

func unknownServerName(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", "wss://"+w.addr)
	peer := w.accept()
	peer.first()
	peer.write([]byte{21, 3, 1, 0, 2, 2, 112}) // the alert: unrecognized name
	_ = peer.tcp.CloseWrite()
	p.check(nothing(cli.ExitConnect, "unrecognized name", "the name that its certificate is for"))
}
