package post

import (
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

func prefixes(text string) (all []netip.Prefix) {
	for p := range strings.FieldsSeq(text) {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}

func TestAddresses(t *testing.T) {
	const proxies = "10.0.0.0/8 fd00::/8"
	for _, c := range []struct {
		name      string
		allow     string
		peer      string
		trust     string
		forwarded []string
		source    string
		refused   bool
	}{
		{name: "all", peer: "192.0.2.1:99", source: "192.0.2.1"},
		{name: "IPv6", peer: "[2001:db8::1]:99", source: "2001:db8::1"},
		{name: "zone", allow: "fe80::/10", peer: "[fe80::1%eth0]:99", source: "fe80::1%eth0"},
		{name: "within", allow: "198.51.100.0/24 192.0.2.0/24", peer: "192.0.2.1:99", source: "192.0.2.1"},
		{name: "outside", allow: "198.51.100.0/24", peer: "192.0.2.1:99", source: "192.0.2.1", refused: true},
		{name: "mapped peer", allow: "192.0.2.0/24", peer: "[::ffff:192.0.2.1]:99", source: "192.0.2.1"},
		{name: "mapped prefix", allow: "::ffff:192.0.2.0/120", peer: "192.0.2.1:99", source: "192.0.2.1"},
		{name: "mapped prefix, outside", allow: "::ffff:192.0.2.0/120", peer: "192.0.3.1:99", source: "192.0.3.1", refused: true},
		{name: "both mapped", allow: "::ffff:192.0.2.0/120", peer: "[::ffff:192.0.2.1]:99", source: "192.0.2.1"},
		{name: "all of IPv4, IPv6 peer", allow: "0.0.0.0/0", peer: "[2001:db8::1]:99", source: "2001:db8::1", refused: true},
		{name: "no address", allow: "0.0.0.0/0 ::/0", peer: "@", source: "@", refused: true},

		{name: "forwarded", allow: "192.0.2.0/24", trust: proxies, peer: "10.0.0.1:99", forwarded: []string{"192.0.2.1"}, source: "192.0.2.1"},
		{name: "forwarded by a stranger", allow: "192.0.2.0/24", trust: proxies, peer: "203.0.113.9:99", forwarded: []string{"192.0.2.1"}, source: "203.0.113.9", refused: true},
		{name: "client invents a hop", allow: "192.0.2.0/24", trust: proxies, peer: "10.0.0.1:99", forwarded: []string{"192.0.2.1, 203.0.113.9"}, source: "203.0.113.9", refused: true},
		{name: "client invents a line", allow: "192.0.2.0/24", trust: proxies, peer: "10.0.0.1:99", forwarded: []string{"192.0.2.1", "203.0.113.9"}, source: "203.0.113.9", refused: true},
		{name: "client invents a proxy", allow: "192.0.2.0/24", trust: proxies, peer: "10.0.0.1:99", forwarded: []string{"192.0.2.1, 10.9.9.9, 203.0.113.9, 10.0.0.2"}, source: "203.0.113.9", refused: true},
		{name: "two proxies", trust: proxies, peer: "[fd00::1]:99", forwarded: []string{"198.51.100.7, 192.0.2.1,10.0.0.2 "}, source: "192.0.2.1"},
		{name: "with port", trust: proxies, peer: "10.0.0.1:99", forwarded: []string{"192.0.2.1:1234"}, source: "192.0.2.1"},
		{name: "IPv6 with port", trust: proxies, peer: "10.0.0.1:99", forwarded: []string{"[2001:db8::1]:1234"}, source: "2001:db8::1"},
		{name: "IPv6 in brackets", trust: proxies, peer: "10.0.0.1:99", forwarded: []string{"[2001:db8::1]"}, source: "2001:db8::1"},
		{name: "mapped", allow: "192.0.2.0/24", trust: proxies, peer: "[::ffff:10.0.0.1]:99", forwarded: []string{"::ffff:192.0.2.1"}, source: "192.0.2.1"},
		{name: "proxies alone", trust: proxies, peer: "10.0.0.1:99", forwarded: []string{"10.0.0.3, 10.0.0.2"}, source: "10.0.0.3"},
		{name: "proxy itself", allow: "10.0.0.0/8", trust: proxies, peer: "10.0.0.1:99", source: "10.0.0.1"},
		{name: "no address forwarded", trust: proxies, peer: "10.0.0.1:99", forwarded: []string{"192.0.2.1, unknown"}, source: "10.0.0.1"},
		{name: "no address forwarded, allow list", allow: "0.0.0.0/0", trust: proxies, peer: "10.0.0.1:99", forwarded: []string{"192.0.2.1, unknown"}, source: "10.0.0.1", refused: true},
		{name: "empty header", allow: "0.0.0.0/0", trust: proxies, peer: "10.0.0.1:99", forwarded: []string{""}, source: "10.0.0.1", refused: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Options{Allow: prefixes(c.allow), TrustProxy: prefixes(c.trust)}
			if c.trust != "" {
				o.ForwardedHeader = "x-forwarded-for"
			}
			var source string
			refused := false
			o.OnEvent = func(ev event.Event) { source = ev.Source }
			o.OnReject = func(no Rejection) { source, refused = no.Remote, no.Status == 403 }
			h, err := NewHandler(&o)
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader("class=a"))
			r.RemoteAddr = c.peer
			r.Header["X-Forwarded-For"] = c.forwarded
			h.ServeHTTP(httptest.NewRecorder(), r)
			if source != c.source || refused != c.refused {
				t.Errorf("source %s, refused %v; want %s, %v", source, refused, c.source, c.refused)
			}
		})
	}
}
