//go:build unix

package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// senderFaults are senders that use the port in another way than it is set up,
// or more of it than there is.
func senderFaults() []fault {
	const once = "it is said once, with the setting to change; POSTs of others go on"
	return []fault{
		{"post-https-at-http", "senders speak HTTPS to a port that takes HTTP", once, httpsAtHTTP},
		{"post-http-at-https", "senders speak HTTP to a port that takes HTTPS", once, httpAtHTTPS},
		{"post-certificate-refused", "senders refuse the certificate", once, certificateRefused},
		{"post-tls-handshakes", "TLS handshakes fail for different reasons", "each reason is said once; POSTs of others go on", failedHandshakes},
		{"post-open-files", "more kept connections than there may be open files", "every new one is answered, and it is said once", openFiles},
		{"post-half-requests", "more half requests than there may be open files", "a whole one is answered at once, and it is said once", halfRequests},
	}
}

// saidOnce waits for the end, which is event 1, and wants the message on stderr
// once.
func saidOnce(t *testing.T, p *program, message string) {
	t.Helper()
	p.check(want{events: seq(1, 1), received: 1, said: []string{message}})
	if n := count(p.said.snapshot(), func(line string) bool { return strings.Contains(line, message) }); n != 1 {
		t.Errorf("%q is said %d times", message, n)
	}
}

func httpsAtHTTP(t *testing.T) {
	p := start(t, "listen", "--port", "0", "-n", "1")
	to := p.url()
	for range 3 {
		if err := postAlone(t.Context(), strings.Replace(to, "http:", "https:", 1), "", "", []byte("class=call&n=9")); err == nil {
			t.Error("TLS is spoken")
		}
	}
	postForm(t, newClient(t), to, 1)
	saidOnce(t, p, "speaks HTTPS, and this port takes HTTP: write http:// in 'Send events to URL', or give --tls-cert or --tls-self-signed")
}

func httpAtHTTPS(t *testing.T) {
	p := start(t, "listen", "--port", "0", "-n", "1", "--tls-self-signed")
	to := p.url()
	for range 3 {
		if err := postAlone(t.Context(), strings.Replace(to, "https:", "http:", 1), "", "", []byte("class=call&n=9")); err == nil {
			t.Error("HTTP is spoken")
		}
	}
	p.says("speaks HTTP,", 1)
	if err := postAlone(t.Context(), to, "", "", []byte("class=call&n=1")); err != nil {
		t.Error(err)
	}
	saidOnce(t, p, "speaks HTTP, and this port takes HTTPS: write https:// in 'Send events to URL'")
}

// certificateRefused has Go's client refuse it, and curl if it is there, whose
// OpenSSL does it in another way.
func certificateRefused(t *testing.T) {
	p := start(t, "listen", "--port", "0", "-n", "1", "--tls-self-signed")
	to := p.url()
	for range 2 {
		if _, err := tryPost(t.Context(), newClient(t), to, 9); err == nil {
			t.Error("the certificate was taken")
		}
	}
	p.says("refused the certificate", 1)
	if curl, err := exec.LookPath("curl"); err == nil && exec.CommandContext(t.Context(), curl, "-s", "-d", "class=call&n=9", to).Run() == nil {
		t.Error("curl took the certificate")
	}
	if err := postAlone(t.Context(), to, "", "", []byte("class=call&n=1")); err != nil {
		t.Error(err)
	}
	saidOnce(t, p, "--tls-cert and --tls-key")
	p.matches(nil, []string{"handshake"})
}

// failedHandshakes has senders with a TLS that is too old, without a common cipher,
// and without TLS.
func failedHandshakes(t *testing.T) {
	p := start(t, "listen", "--port", "0", "-n", "1", "--tls-self-signed")
	to := p.url()
	for range 2 {
		for _, config := range []*tls.Config{
			{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
			{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}},
		} {
			config.InsecureSkipVerify = true
			if tls.Client(dial(t, to), config).HandshakeContext(t.Context()) == nil {
				t.Error("the handshake succeeded")
			}
		}
		conn := dial(t, to)
		_, _ = io.WriteString(conn, "220 mail.example ESMTP\r\n")
		_, _ = io.Copy(io.Discard, conn)
	}
	if err := postAlone(t.Context(), to, "", "", []byte("class=call&n=1")); err != nil {
		t.Error(err)
	}
	p.check(want{events: seq(1, 1), received: 1, said: []string{
		"TLS is too old .it offers TLS 1.1 at most.*2 in all", "no cipher in common.*2 in all", "it does not speak TLS.*2 in all",
	}})
}

// fewFiles allows the program 100 open files.
var fewFiles = setup{shell: `ulimit -n 100; exec "$@"`}

const manyConns = 300

func openFiles(t *testing.T) {
	p := startWith(t, fewFiles, "listen", "--port", "0", "-n", fmt.Sprint(manyConns))
	to := p.url()
	for n := range manyConns {
		takes(t, dial(t, to), fmt.Sprintf("class=call&n=%d", n))
	}
	p.check(want{events: seq(0, manyConns-1), received: manyConns, said: []string{"ulimit -n", "connections closed to make room for new ones"}})
	if n := count(p.said.snapshot(), func(line string) bool { return strings.Contains(line, "ulimit -n") }); n != 1 {
		t.Errorf("it is said %d times", n)
	}
}

func halfRequests(t *testing.T) {
	p := startWith(t, fewFiles, "listen", "--port", "0", "-n", "1")
	to := p.url()
	for range manyConns {
		_, _ = io.WriteString(dial(t, to), "POST / HTTP/1.1\r\nHost: x\r\nX-") // it may be closed already
	}
	takes(t, dial(t, to), "class=call&n=1")
	saidOnce(t, p, "ulimit -n")
}

// takes POSTs a form over conn and keeps it.
func takes(t *testing.T, conn net.Conn, form string) {
	t.Helper()
	if _, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(form), form); err != nil {
		t.Fatal(err)
	}
	if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(form, resp, err)
	}
}
