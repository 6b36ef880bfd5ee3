//go:build unix

package main

import (
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// neverFaults are those of a run that ends before any connection stood, or while
// none does.
func neverFaults() []fault {
	const (
		silent = "the server accepts and never answers"
		three  = "exit code 3: never connected, and how far it came"
		open   = "never connected to ws://.*: the port is open, but nothing has answered so far"
	)
	return []fault{
		{"never-for", silent + ", --for ends it", three, neverEnds("", "tail", "--for", "1s")},
		{"never-idle", silent + ", --idle-timeout ends it, with --fail-on-loss", three, neverEnds("", "tail", "--idle-timeout", "1s", "--fail-on-loss")},
		{"never-count", silent + ", -n is not reached within --for", "exit code 3, which wins over 6", neverEnds("", "tail", "--for", "1s", "-n", "3")},
		{"never-wait", silent + ", wait --timeout ends it", "exit code 3, and it does not say that no event came", neverEnds("", "wait", "--timeout", "1s")},
		{"never-retry", "nothing listens, --retry, --for ends it", "exit code 3, with the reason of the last attempt", neverRetry},
		{"never-signal", silent + ", SIGTERM ends it", three, neverSignal(open, "", "tail")},
		{"never-signal-wait", silent + ", SIGINT ends wait", "exit code 3, and it says interrupted", neverSignal("interrupted: "+open, "", "wait")},
		{"never-tls", "the server accepts and never answers the TLS handshake, SIGTERM ends it", three, neverSignal("the TLS handshake is not answered", "wss://", "tail")},
		{"never-proxy", "the proxy accepts and never answers, SIGTERM ends it", three + ", and the proxy is named", neverProxy("http")},
		{"never-socks", "a SOCKS proxy accepts and never answers, SIGTERM ends it", three + ", and the proxy is named", neverProxy("socks5")},
		{"never-dns", "the name server never answers, SIGTERM ends it", "exit code 3, with the name", neverDNS},
		{"never-two", "two servers accept and never answer, SIGTERM ends it", "exit code 3; each is named", neverTwo},
		{"never-one-of-two", "one of two servers never answers, SIGTERM ends it", "exit code 0; the other one is named", neverOneOfTwo},
		{"never-beside-listen", silent + ", POSTs are taken beside it, SIGTERM ends it", "exit code 0, as the port was open; the server is named", neverBesideListen},
		{"down-at-the-end", "the feed is away when SIGTERM ends it", "exit code 0; it says that it is not connected at the end, and since when", downAtTheEnd},
	}
}

// neverEnds is a row in which the server accepts and never answers.
func neverEnds(scheme, command string, args ...string) func(*testing.T) {
	return func(t *testing.T) {
		p := start(t, append([]string{command, scheme + newWire(t).addr}, args...)...)
		p.check(want{code: cli.ExitConnect, said: []string{"never connected to ws"}, unsaid: []string{"no event came"}})
	}
}

func neverRetry(t *testing.T) {
	p := start(t, "tail", closedPort(t), "--retry", "--for", "3s")
	p.check(nothing(cli.ExitConnect, "time ran out after 3s: never connected to ws://.*: connection refused", "Message daemon IP address"))
}

// neverSignal is a row in which a signal ends the program while it waits for an
// answer.
func neverSignal(said, scheme, command string) func(*testing.T) {
	return func(t *testing.T) {
		w := newWire(t)
		p := start(t, command, scheme+w.addr)
		w.accept().first()
		p.signal(syscall.SIGINT)
		p.check(nothing(cli.ExitConnect, said))
	}
}

// first waits for the first byte that the client sends.
func (p *peer) first() {
	p.t.Helper()
	if _, err := p.br.Peek(1); err != nil {
		p.t.Fatalf("the client says nothing: %v", err)
	}
}

func neverProxy(scheme string) func(*testing.T) {
	return func(t *testing.T) {
		w := newWire(t)
		p := start(t, "tail", "10.0.0.5", "--proxy", scheme+"://"+w.addr)
		w.accept().first()
		p.signal(syscall.SIGTERM)
		p.check(nothing(cli.ExitConnect, "never connected to ws://10.0.0.5:4875: proxy "+w.addr+": .*nothing has answered", "--proxy none"))
	}
}

// neverDNS gives the program a name server of its own, which takes a mount
// namespace and the port of DNS.
func neverDNS(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.9:53")
	if err != nil {
		t.Skipf("no port for a name server here: %v", err)
	}
	defer server.Close()
	conf := t.TempDir() + "/resolv.conf"
	if err := os.WriteFile(conf, []byte("nameserver 127.0.0.9\noptions timeout:100\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	const mount = `mount --bind "$CONF" /etc/resolv.conf`
	if out, err := exec.CommandContext(t.Context(), "unshare", "-m", "sh", "-c", "CONF='"+conf+"'; "+mount).CombinedOutput(); err != nil {
		t.Skipf("no mount namespace here: %v: %s", err, out)
	}
	p := startWith(t, setup{env: []string{"CONF=" + conf, "GODEBUG=netdns=go"}, shell: `exec unshare -m sh -c '` + mount + ` && exec "$@"' sh "$@"`},
		"tail", "cluster.test", "--connect-timeout", "10m")
	if _, _, err := server.ReadFrom(make([]byte, 512)); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGTERM)
	p.check(nothing(cli.ExitConnect, `never connected to ws://cluster.test:4875: the name .*cluster.test.* is still being looked up`))
}

func neverTwo(t *testing.T) {
	one, two := newWire(t), newWire(t)
	p := start(t, "tail", one.addr, two.addr)
	one.accept().first()
	two.accept().first()
	p.signal(syscall.SIGTERM)
	p.check(nothing(cli.ExitConnect, "never connected to ws://"+one.addr, "never connected to ws://"+two.addr))
}

func neverOneOfTwo(t *testing.T) {
	one, two := newWire(t), newWire(t)
	p := start(t, "tail", one.addr, two.addr)
	one.accept().first()
	two.join().send(1, 2)
	p.lines(2)
	p.signal(syscall.SIGTERM)
	p.check(want{events: seq(1, 2), received: 2, said: []string{"never connected to ws://" + one.addr}, unsaid: []string{"connected to ws://" + two.addr + ":"}})
}

func neverBesideListen(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr, "--listen", "0")
	w.accept().first()
	p.url()
	p.signal(syscall.SIGTERM)
	p.check(want{said: []string{"never connected to ws://" + w.addr}})
}

func downAtTheEnd(t *testing.T) {
	w := newWire(t)
	p := start(t, "tail", w.addr)
	peer := w.join()
	peer.send(1, 3)
	p.lines(3)
	w.l.Close()
	peer.reset()
	p.says("connection refused: reconnecting in", 1)
	p.signal(syscall.SIGTERM)
	l := p.check(want{events: seq(1, 3), received: 3, said: []string{`not connected at the end: away since [0-9:.]+: ws://.*: connection refused`}})
	if l.Gaps != 1 {
		t.Errorf("%d gaps", l.Gaps)
	}
}
