package messaged

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// DefaultPort and DefaultPath are the port and the path of messaged's websocket in
// the vendor's guide.
const (
	DefaultPort = 4875
	DefaultPath = "/events/websocket/"
)

// Address is the address of a messaged, and the key of the URL that it was parsed
// from. No way of printing it shows the key.
type Address struct {
	// URL has the scheme ws or wss, a host and a port, a path, and the query
	// without the key.
	URL url.URL
	// Authkey is the key of the URL, unescaped, "" if it had none.
	Authkey string
}

// ParseAddress reads HOST, HOST:PORT, or a ws, wss, http or https URL: the
// documented http://ADDRESS:4875/events/websocket/?authkey=KEY of the vendor is
// one of them. An IPv6 address needs brackets only before a port. The defaults are
// scheme ws, port 4875 and path /events/websocket/. No error shows the key.
func ParseAddress(s string) (Address, error) {
	a, err := parseAddress(s)
	if err != nil {
		return Address{}, fmt.Errorf("address %s: %w", redacted(s), err)
	}
	return a, nil
}

var errNoAddress = errors.New("want HOST, HOST:PORT or a URL such as ws://HOST:4875/events/websocket/")

var errPort = errors.New("the port must be from 1 to 65535")

// parseAddress returns errors without any of s: what is wrong with an address may
// be in its key.
func parseAddress(s string) (Address, error) {
	if s == "" {
		return Address{}, errNoAddress
	}
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return Address{}, errors.New("has a space or a control character in it")
	}
	if strings.Contains(s, "#") {
		return Address{}, errors.New("has a # in it; in a key, write %23")
	}
	scheme, rest, found := strings.Cut(s, "://")
	if !found || strings.ContainsAny(scheme, "/?@:") {
		scheme, rest = "ws", s
		if ip, err := netip.ParseAddr(s); err == nil && ip.Is6() {
			rest = "[" + strings.ReplaceAll(s, "%", "%25") + "]"
		}
	}
	switch scheme = strings.ToLower(scheme); scheme {
	case "ws", "wss":
	case "http":
		scheme = "ws"
	case "https":
		scheme = "wss"
	case "nats", "tls":
		return Address{}, errors.New("it is the address of a stream on NATS, and not of a messaged")
	default:
		return Address{}, errors.New("unknown scheme; want ws, wss, http or https")
	}
	u, err := url.Parse(scheme + "://" + escapeZone(rest))
	if err != nil { // its text would show the key
		host, _, _ := strings.Cut(rest, "/")
		switch inner, brackets := strings.CutPrefix(host, "["); {
		case brackets && !strings.Contains(inner, "]"):
			return Address{}, errors.New("the bracket of an IPv6 address is not closed: [::1]:4875")
		case brackets && strings.Contains(inner, "]:"):
			return Address{}, errPort
		case brackets:
			return Address{}, errNoAddress
		case strings.Count(host, ":") > 1:
			return Address{}, errors.New("an IPv6 address with a port needs brackets: [::1]:4875")
		}
		if _, port, ok := strings.Cut(strings.TrimLeft(rest, "/"), ":"); ok && port != "" && !strings.ContainsAny(port, "/?%") {
			return Address{}, errPort
		}
		return Address{}, errNoAddress
	}
	if u.User != nil {
		return Address{}, errors.New("a user name or password is not taken here; send an Authorization header")
	}
	// Also before unescaping: %4authkey is Juthkey afterwards.
	if before, _, _ := strings.Cut(rest, "?"); containsFold(before, "authkey=") || containsFold(u.Path, "authkey=") {
		return Address{}, errors.New("the key belongs after a question mark: /events/websocket/?authkey=KEY")
	}
	if err := fillHost(u); err != nil {
		return Address{}, err
	}
	switch u.Path {
	case "", "/", strings.TrimSuffix(DefaultPath, "/"):
		u.Path, u.RawPath = DefaultPath, ""
	}
	u.ForceQuery = false
	a := Address{}
	if u.RawQuery, a.Authkey, err = takeKey(u.RawQuery); err != nil {
		return Address{}, err
	}
	a.URL = *u
	return a, nil
}

// escapeZone escapes the zone of an address in brackets for a URL: [::1%lo] becomes
// [::1%25lo]. One that is escaped already stays as it is.
func escapeZone(rest string) string {
	end := strings.IndexByte(rest, ']')
	if end < 0 || rest[0] != '[' {
		return rest
	}
	at := strings.IndexByte(rest[:end], '%')
	if at < 0 || strings.HasPrefix(rest[at:end], "%25") && end > at+3 {
		return rest
	}
	return rest[:at] + "%25" + rest[at+1:]
}

// fillHost checks host and port of u and fills in the port.
func fillHost(u *url.URL) error {
	host, port := u.Hostname(), u.Port()
	if strings.HasSuffix(u.Host, ":") {
		return errors.New("has a colon, but no port after it")
	}
	n := DefaultPort
	if port != "" {
		var err error
		if n, err = strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return errPort
		}
	}
	if strings.HasPrefix(u.Host, "[") {
		ip, err := netip.ParseAddr(host)
		if err != nil || !ip.Is6() {
			return errors.New("the text in brackets is not an IPv6 address")
		}
		// RFC 6874, section 2. netip allows any text.
		if strings.ContainsFunc(ip.Zone(), func(r rune) bool {
			return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._~", r))
		}) {
			return errors.New("the zone of an IPv6 address may hold letters, digits and -._~ only")
		}
	} else {
		host = strings.ToLower(host)
		if err := checkName(host); err != nil {
			return err
		}
	}
	u.Host = net.JoinHostPort(host, strconv.Itoa(n))
	return nil
}

func checkName(host string) error {
	if host == "" {
		return errors.New("has no host")
	}
	name := strings.TrimSuffix(host, ".")
	if len(name) > 253 {
		return errors.New("the host name is longer than 253 characters")
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 {
			return errors.New("the host name has an empty or overlong part")
		}
		if strings.ContainsFunc(label, func(r rune) bool {
			return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '_')
		}) {
			return errors.New("the host name holds a character that no host name has")
		}
	}
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" {
		if _, err := netip.ParseAddr(host); err != nil {
			return errors.New("the host is neither a name nor an IPv4 address")
		}
	}
	return nil
}

// takeKey removes every authkey from a query and returns the value of the first.
// The other parameters keep their text.
func takeKey(query string) (rest, key string, err error) {
	found := false
	var keep []string
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err != nil || !strings.EqualFold(plain, "authkey") {
			keep = append(keep, pair)
			continue
		}
		if found {
			continue
		}
		found = true
		if key, err = url.QueryUnescape(value); err != nil {
			return "", "", errors.New("the key has a % in it that begins no escape; write %25")
		}
	}
	return strings.Join(keep, "&"), key, nil
}

// String returns scheme, host and port, and the path unless it is DefaultPath. It
// leaves out the query, in which there may be other secrets.
func (a Address) String() string {
	s := a.URL.Scheme + "://" + strings.TrimPrefix((&url.URL{Host: a.URL.Host}).String(), "//")
	if a.URL.Path != DefaultPath {
		s += a.URL.EscapedPath()
	}
	return s
}

// GoString returns what String does, so that %#v shows no key either.
func (a Address) GoString() string { return a.String() }

// MarshalText returns what String does, so that a log of structured values
// shows no key.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// redacted returns s as an error may show it: quoted, bounded, and without anything
// that may be a key or a password.
func redacted(s string) string {
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		s = s[:i]
	}
	if i := indexFold(s, "authkey"); i >= 0 {
		s = s[:i] + "authkey=***"
	}
	if i := strings.LastIndex(s, "@"); i >= 0 {
		s = "***" + s[i:]
	}
	return strconv.Quote(bounded(s, 100))
}

func containsFold(s, lower string) bool { return indexFold(s, lower) >= 0 }

// indexFold is strings.Index without regard to the case of ASCII letters.
func indexFold(s, lower string) int {
	for i := range len(s) - len(lower) + 1 {
		if strings.EqualFold(s[i:i+len(lower)], lower) {
			return i
		}
	}
	return -1
}
