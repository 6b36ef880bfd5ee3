//go:build unix

package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/pkg/enswitchtest"
)

// checked is doctor's report.
type checked struct {
	Checks []struct {
		Name, Status, Detail, Fix string
		MS                        float64
	}
	Exit int
}

// diagnose runs doctor and returns its report, after it has looked at what must hold of each.
func diagnose(t *testing.T, env []string, args ...string) (checked, result) {
	t.Helper()
	r := runProgram(t, t.TempDir(), env, append([]string{"doctor", "-o", "json"}, args...)...)
	var c checked
	d := json.NewDecoder(strings.NewReader(r.stdout))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		t.Fatalf("%v: %+v", err, r)
	}
	if c.Exit != r.code {
		t.Errorf("exit code %d, and in the report %d", r.code, c.Exit)
	}
	for _, check := range c.Checks {
		if (check.Status != "ok") != (check.Fix != "") {
			t.Errorf("%+v: a check has a fix if it is not ok", check)
		}
	}
	return c, r
}

// serveEach serves connections, and TLS if config is not nil, and returns the address.
func serveEach(t *testing.T, config *tls.Config, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if config != nil {
		l = tls.NewListener(l, config)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() { l.Close(); running.Wait() })
	return address
}

// answerAll answers each request alike.
func answerAll(status int, header string) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			fmt.Fprintf(c, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: 0\r\n%s\r\n", status, http.StatusText(status), header)
		}
	}
}

// joined makes a websocket of each connection, sends what frames returns, and answers no
// ping.
func joined(t *testing.T, frames func() []byte, closing bool) func(net.Conn) {
	return func(c net.Conn) {
		p := &peer{t: t, Conn: c, br: bufio.NewReader(c)}
		p.upgrade()
		_, _ = c.Write(frames())
		if !closing {
			p.hold()
		}
	}
}

// framesOf returns a function that returns a frame for each event.
func framesOf(events ...string) func() []byte {
	var frames []byte
	for _, ev := range events {
		frames = enswitchtest.AppendFrame(frames, true, 1, []byte(ev))
	}
	return func() []byte { return frames }
}

// TestDoctor runs doctor and tail on the same faults. Doctor names the one check that
// fails and what to change; both have the same message and the same exit code.
func TestDoctor(t *testing.T) {
	t.Parallel()
	cert := newCertificate(t, "127.0.0.1", valid)
	old := newCertificate(t, "127.0.0.1", expired)
	other := newCertificate(t, "192.0.2.7", valid)
	hold := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	const setting = "'Send events to messaged'.*3.14 and 3.15.*4.1 on"
	const key = "'Message daemon authentication key'"
	proxy := func(serve func(net.Conn)) []string {
		return []string{"--proxy", "http://u:hunter2@" + serveEach(t, nil, serve)}
	}
	closedProxy := []string{"--proxy", "http://u:hunter2@" + closedPort(t)}
	for _, row := range []struct {
		name    string
		address string
		args    []string // of doctor and of tail
		tail    []string // of tail alone
		check   string   // the one that fails
		detail  string   // regular expressions
		fix     string
		code    int
	}{
		{"name", "nosuch.invalid", nil, nil, "name", "no such host", "Message daemon IP address", cli.ExitConnect},
		{"refused", closedPort(t), nil, nil, "TCP", "connection refused", "firewall.*TCP port \\d+", cli.ExitConnect},
		{"filtered", fullPort(t), []string{"--connect-timeout", "300ms"}, nil, "TCP", "no connection within 300ms", "firewall.*TCP port \\d+", cli.ExitConnect},
		{"web-page", serveEach(t, nil, answerAll(200, "")), nil, nil, "upgrade", "a web page", "4875", cli.ExitConnect},
		{"redirect", serveEach(t, nil, answerAll(302, "Location: http://192.0.2.1/\r\n")), nil, nil, "upgrade", "302", "final address", cli.ExitConnect},
		{"503", serveEach(t, nil, answerAll(503, "")), nil, nil, "upgrade", "503", "does it run", cli.ExitConnect},
		{"501", serveEach(t, nil, answerAll(501, "")), nil, nil, "upgrade", "501", "4875", cli.ExitConnect},
		{"426", serveEach(t, nil, answerAll(426, "")), nil, nil, "upgrade", "426", "headers Upgrade", cli.ExitConnect},
		{"no-answer", serveEach(t, nil, hold), []string{"--connect-timeout", "100ms"}, nil, "upgrade", "no answer within", "wss://", cli.ExitConnect},
		{"hung-up", serveEach(t, nil, func(net.Conn) {}), nil, nil, "upgrade", "hung up|reset", ".", cli.ExitConnect},
		{"tls-no-answer", "wss://" + serveEach(t, nil, hold), []string{"--connect-timeout", "100ms"}, nil, "TLS", "no answer within", "ws://", cli.ExitConnect},
		{"tls-where-plain", "wss://" + serveEach(t, nil, func(c net.Conn) { fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\n\r\n"); hold(c) }), nil, nil, "TLS", "plain HTTP", "use ws://", cli.ExitConnect},
		{"plain-where-tls", serveEach(t, nil, func(c net.Conn) {
			_, _ = http.ReadRequest(bufio.NewReader(c))
			_, _ = c.Write([]byte{21, 3, 1, 0, 2, 2, 10}) // the alert: unexpected message
		}), nil, nil, "TLS", "speaks TLS", "use wss://", cli.ExitConnect},
		{"authority", "wss://" + serveEach(t, cert.config(), hold), nil, nil, "TLS", "unknown authority", "--ca FILE", cli.ExitConnect},
		{"expired", "wss://" + serveEach(t, old.config(), hold), []string{"--ca", old.file}, nil, "TLS", "expired", "renew", cli.ExitConnect},
		{"other-host", "wss://" + serveEach(t, other.config(), hold), []string{"--ca", other.file}, nil, "TLS", "another host: 192.0.2.7", "the name that", cli.ExitConnect},
		{"path", serveEach(t, nil, answerAll(404, "")) + "/other/", nil, nil, "path", "404", "/events/websocket/", cli.ExitConnect},
		{"401", serveEach(t, nil, answerAll(401, "")), nil, nil, "key", "401", key, cli.ExitKey},
		{"403", serveEach(t, nil, answerAll(403, "")), nil, nil, "key", "403", key, cli.ExitKey},
		{"1008", serveEach(t, nil, joined(t, func() []byte { return enswitchtest.AppendFrame(nil, true, 8, closeCode(1008)) }, false)), nil, nil, "key", "1008", key, cli.ExitKey},
		{"closed-at-once", serveEach(t, nil, joined(t, framesOf(), true)), nil, []string{"--no-reconnect"}, "key", "closed|reset", key, cli.ExitLost},
		{"silent", serveEach(t, nil, joined(t, framesOf(), false)), []string{"--ping-interval", "0"}, []string{"-n", "1", "--for", "3s"}, "first event", "connected, but no event", setting, cli.ExitTime},
		{"no-events", serveEach(t, nil, joined(t, framesOf("hello"), false)), []string{"--ping-interval", "0"}, []string{"-n", "1", "--for", "3s"}, "first event", "1 message came.*no event", "4875", cli.ExitTime},
		{"proxy-407", "cluster.invalid", proxy(answerAll(407, "")), nil, "proxy", "407", "USER:PASSWORD.*--proxy none", cli.ExitConnect},
		{"proxy-502", "cluster.invalid", proxy(answerAll(502, "")), nil, "proxy", "502", "--proxy none", cli.ExitConnect},
		{"proxy-gone", "cluster.invalid", closedProxy, nil, "proxy", "connection refused", "--proxy none", cli.ExitConnect},
		{"proxy-on-the-way", serveEach(t, nil, answerAll(407, "")), nil, nil, "proxy", "a proxy on the way", "--proxy none", cli.ExitConnect},
		{"behind-a-proxy", "cluster.invalid", proxy(throughTo(answerAll(404, ""))), nil, "path", "404", "through the proxy http://127.0.0.1.*from --proxy.*--proxy none", cli.ExitConnect},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if row.address == "" {
				t.Skip("not on this system")
			}
			env := []string{"ENSWITCH_AUTHKEY=" + secret}
			args := append(row.args, row.address)
			c, r := diagnose(t, env, append(args, "--wait", "100ms")...)
			last := c.Checks[len(c.Checks)-1]
			for _, check := range c.Checks[:len(c.Checks)-1] {
				if check.Status != "ok" {
					t.Errorf("%+v", check)
				}
			}
			if last.Status != "fail" || last.Name != row.check || !regexp.MustCompile(row.detail).MatchString(last.Detail) ||
				!regexp.MustCompile(row.fix).MatchString(last.Detail+": "+last.Fix) || r.code != row.code {
				t.Errorf("code %d, %+v", r.code, c.Checks)
			}
			if strings.Contains(last.Fix, "--retry") { // doctor has no such flag
				t.Errorf("the fix is %q", last.Fix)
			}
			if all := r.stdout + r.err; strings.Contains(all, secret) || strings.Contains(all, "hunter2") || strings.Contains(all, url.QueryEscape(secret)) {
				t.Errorf("a secret in %s", all)
			}
			tail := runProgram(t, t.TempDir(), env, append(append([]string{"tail", "-Q"}, args...), row.tail...)...)
			if tail.code != r.code {
				t.Errorf("tail: %+v", tail)
			}
			if first, _, _ := strings.Cut(tail.err, "\n"); row.tail == nil && first+"\n" != r.err {
				t.Errorf("tail says %q, doctor %q", first, r.err)
			}
		})
	}
}

// throughTo is a proxy that connects to a server which answers each connection by serve.
func throughTo(serve func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\n\r\n")
			serve(c)
		}
	}
}

// TestDoctorWarns: what is not as it should be, but ends no run of tail, is a warning.
func TestDoctorWarns(t *testing.T) {
	t.Parallel()
	// by serves an event of each machine, with a clock that is off by so much.
	by := func(offsets ...time.Duration) string {
		return serveEach(t, nil, joined(t, func() []byte {
			var events []string
			for i, offset := range offsets {
				at := time.Now().Add(offset)
				events = append(events, fmt.Sprintf(`{"class":"call","event":"start","machine":%d,"timestamp":"%d.%06d"}`, i+1, at.Unix(), at.Nanosecond()/1000))
			}
			return framesOf(events...)()
		}, false))
	}
	for _, row := range []struct {
		name, address string
		warned        string // name, detail and fix of the warning
	}{
		{"pong", by(0), "pong: no ping was answered.*not documented"},
		{"ahead", by(0, time.Hour), "clock offset: the clock of machine 2 is (1h0m|59m5).s ahead: set the clocks by NTP"},
		{"behind", by(0, -time.Hour), "clock offset: the clock of machine 2 is 1h0m.s behind, or"},
		{"own", by(time.Hour, time.Hour), "clock offset:.*the clock of this machine may be the one"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for _, strict := range []bool{false, true} {
				args, want := []string{row.address, "--wait", "2s", "--ping-interval", "10ms"}, 0
				if strict {
					args, want = append(args, "--strict"), 1
				}
				c, r := diagnose(t, nil, args...)
				found := false
				for _, check := range c.Checks {
					found = found || check.Status == "warn" && regexp.MustCompile(row.warned).MatchString(check.Name+": "+check.Detail+": "+check.Fix)
					if check.Status == "fail" {
						t.Errorf("%+v", check)
					}
				}
				if !found || r.code != want {
					t.Errorf("strict %v: code %d, %+v", strict, r.code, c.Checks)
				}
			}
		})
	}
}

// TestDoctorText: as text each check is a line, in the order of the way of an event.
func TestDoctorText(t *testing.T) {
	t.Parallel()
	server := enswitchtest.NewServer(nil)
	t.Cleanup(server.Close)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		if server.WaitClients(t.Context(), 1) == nil {
			server.Send(fmt.Appendf(nil, `{"class":"call","event":"start\u001b[2J","machine":7,"timestamp":"%d.000000"}`, time.Now().Unix()))
		}
	}()
	r := runProgram(t, t.TempDir(), nil, "doctor", server.Addr(), "--wait", "1m")
	<-sent
	want := regexp.MustCompile(`^ok    name  +127.0.0.1 is an address, not a name
ok    TCP  +[\d.]+ m?s  connected to 127.0.0.1:\d+
ok    TLS  +not used: the address is ws://
ok    upgrade  +[\d.]+ m?s  the server speaks websocket
ok    path  +[^\n]*/events/websocket/
ok    key  +[\d.]+ m?s  none was given, and none was asked for
ok    pong  +[\d.]+ m?s  a ping was answered
ok    first event  +[\d.]+ m?s  call.start\\x1b\[2J of machine 7
(ok  |warn)  clock offset  +[^\n]*
$`)
	if r.code != 0 || !want.MatchString(r.stdout) {
		t.Errorf("%d\n%s%s", r.code, r.stdout, r.err)
	}
	r = runProgram(t, t.TempDir(), nil, "doctor", closedPort(t))
	if lines := strings.Split(r.stdout, "\n"); len(lines) != 4 || !regexp.MustCompile(`^FAIL  TCP  .*connection refused: does messaged run`).MatchString(lines[1]) ||
		lines[2] != "      not tried: TLS, upgrade, path, key, pong, first event, clock offset" {
		t.Errorf("%q", lines)
	}
}

// TestDoctorInterrupted: an interrupt while it waits for an event is no failure, as of tail;
// one while it connects is.
func TestDoctorInterrupted(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	p := start(t, "doctor", w.addr)
	peer := w.join()
	p.lines(5) // to the path
	p.signal(syscall.SIGINT)
	if code, out := p.exit(), strings.Join(p.out.snapshot(), "\n"); code != 0 || !strings.Contains(out, "warn  first event") || !strings.Contains(out, "interrupted: no event so far") {
		t.Errorf("code %d\n%s", code, out)
	}
	peer.Close()
	p = start(t, "doctor", w.addr)
	w.accept().request()
	p.signal(syscall.SIGINT)
	if code, out := p.exit(), strings.Join(p.out.snapshot(), "\n"); code != cli.ExitConnect || !strings.Contains(out, "FAIL  upgrade") || !strings.Contains(out, "nothing has answered so far") {
		t.Errorf("code %d\n%s", code, out)
	}
}

// TestDoctorEnvironment: the proxy of the environment is named.
func TestDoctorEnvironment(t *testing.T) {
	t.Parallel()
	proxy := serveEach(t, nil, throughTo(answerAll(404, "")))
	p := startWith(t, setup{env: []string{"HTTP_PROXY=http://u:hunter2@" + proxy, "NO_PROXY="}}, "doctor", "cluster.invalid")
	if code := p.exit(); code != cli.ExitConnect {
		t.Errorf("exit code %d", code)
	}
	out := strings.Join(p.out.snapshot(), "\n")
	if !regexp.MustCompile(`ok    proxy .*http://127.0.0.1:\d+, from HTTP_PROXY in the environment`).MatchString(out) || !strings.Contains(out, "--proxy none") || strings.Contains(out, "hunter2") {
		t.Error(out)
	}
}
