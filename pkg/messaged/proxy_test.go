package messaged

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// socksSays is a SOCKS proxy that sends the bytes and reads until the client goes.
func socksSays(t *testing.T, answer string) string {
	return listen(t, func(_ int, nc net.Conn) {
		if _, err := nc.Read(make([]byte, 1)); err == nil {
			_, _ = io.WriteString(nc, answer)
			if answer != "" {
				_, _ = io.Copy(io.Discard, nc)
			}
		}
	})
}

// Proxies that answer in different ways, and one that connects.
func TestProxy(t *testing.T) {
	target := send(t, text("through"), closing(1000, ""))
	answer := func(s string) string {
		return listen(t, func(_ int, nc net.Conn) {
			if _, err := http.ReadRequest(bufio.NewReader(nc)); err == nil {
				_, _ = io.WriteString(nc, s)
			}
		})
	}
	socks := listen(t, func(_ int, nc net.Conn) {
		head := make([]byte, 3+10) // no authentication; CONNECT to an IPv4 address
		if _, err := io.ReadFull(nc, head[:3]); err != nil {
			return
		}
		_, _ = nc.Write([]byte{5, 0})
		if _, err := io.ReadFull(nc, head[3:]); err != nil {
			return
		}
		far, err := net.Dial("tcp", target)
		if err != nil {
			return
		}
		defer far.Close()
		_, _ = nc.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		go func() { _, _ = io.Copy(far, nc); far.Close() }()
		_, _ = io.Copy(nc, far)
	})
	var asked string
	working := listen(t, func(_ int, nc net.Conn) {
		br := bufio.NewReader(nc)
		req, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		asked = req.Method + " " + req.Host + " " + req.Header.Get("Proxy-Authorization")
		far, err := net.Dial("tcp", req.Host)
		if err != nil {
			return
		}
		defer far.Close()
		_, _ = io.WriteString(nc, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(far, br); far.Close() }()
		_, _ = io.Copy(nc, far)
	})
	for _, tt := range []struct {
		name, proxy string
		kind        Kind
		say         string
		events      int
	}{
		{"works", "http://u:p@" + working, Lost, "code 1000", 1},
		{"socks works", "socks5h://" + socks, Lost, "code 1000", 1},
		{"407", "http://u:SECRET@" + answer("HTTP/1.1 407 SECRET needed\r\n\r\n"), ProxyAuth, "it answered HTTP 407 *** needed", 0},
		{"no reason", "http://" + answer("HTTP/1.1 403\r\n\r\n"), Proxy, "it answered HTTP 403", 0},
		{"hangs up", "http://" + answer(""), Proxy, "it hung up without an answer", 0},
		{"not there", "http://127.0.0.1:1", Proxy, "proxy 127.0.0.1:1: connection refused", 0},
		{"no HTTP", "http://" + answer("220 mail.example ESMTP\r\n"), Proxy, "it does not speak HTTP", 0},
		{"plain as TLS", "https://" + listen(t, func(_ int, nc net.Conn) { _, _ = io.WriteString(nc, "HTTP/1.1 400 Bad Request\r\n\r\n") }), Proxy, "it does not speak TLS on this port: use http://", 0},
		{"unknown authority", "https://" + secure(t), Proxy, "the certificate is signed by an unknown authority", 0},
		{"socks hangs up", "socks5://" + socksSays(t, ""), Proxy, "it hung up without an answer", 0},
		{"socks speaks HTTP", "socks5://" + socksSays(t, "HTTP/1.1 400 Bad Request\r\n\r\n"), Proxy, "it does not speak SOCKS5", 0},
		{"socks wants a password", "socks5://" + socksSays(t, "\x05\xff"), ProxyAuth, "it asks for a user and a password", 0},
		{"socks wants something else", "socks5://u:SECRET@" + socksSays(t, "\x05\xff"), ProxyAuth, "another authentication than a user and a password", 0},
		{"socks wants another password", "socks5://u:SECRET@" + socksSays(t, "\x05\x02\x01\x01"), ProxyAuth, "did not accept the user and the password", 0},
		{"socks cannot connect", "socks5://" + socksSays(t, "\x05\x00\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00"), Proxy, "it could not connect: connection refused", 0},
		{"socks not there", "socks5://127.0.0.1:1", Proxy, "connection refused", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			proxy, err := ParseProxy(tt.proxy)
			if err != nil {
				t.Fatal(err)
			}
			got, err := gather(t, New(address(t, target), &Options{Authkey: testKey, Retries: -1, Proxy: proxy}))
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Kind != tt.kind || !strings.Contains(e.Detail, tt.say) || len(got) != tt.events {
				t.Errorf("%q, %v, want %s: %s", got, err, tt.kind, tt.say)
			}
			if strings.Contains(fmt.Sprint(err), "SECRET") {
				t.Error("the password shows")
			}
			noKey(t, err)
		})
	}
	if asked != "CONNECT "+target+" Basic dTpw" {
		t.Errorf("the proxy was asked: %s", asked)
	}
	var saw string
	c := New(address(t, "wss://"+target), &Options{Authkey: testKey, Proxy: func(r *http.Request) (*url.URL, error) {
		saw = r.URL.String()
		return nil, errors.New("bad proxy http://u:SECRET@h")
	}})
	_, err := gather(t, c)
	if e, ok := errors.AsType[*Error](err); !ok || e.Kind != Proxy || strings.Contains(e.Error(), "SECRET") || saw != "https://"+target+DefaultPath {
		t.Errorf("%v, asked for %s", err, saw)
	}
}
