package stream

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// DefaultPort is the port of a server whose address has none.
const DefaultPort = "4222"

// Address is where a stream is: nats://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]…]/NAME, or
// tls:// instead of nats://. No way of printing it shows user and password.
type Address struct {
	// TLS says that the scheme is tls.
	TLS bool
	// Servers are the servers, each as HOST:PORT, at least one.
	Servers []string
	// User and Password are those of the address. A user alone is a token.
	User, Password string
	hasPassword    bool
	// Name is the prefix of the subjects, or the name of a stream.
	Name string
}

// ParseAddress returns the address that text is. Its errors do not hold text, which may
// have a password.
func ParseAddress(text string) (*Address, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	a := &Address{TLS: strings.EqualFold(scheme, "tls")}
	if !ok || !a.TLS && !strings.EqualFold(scheme, "nats") {
		return nil, errors.New("an address begins with nats:// or tls://")
	}
	hosts, name, ok := strings.Cut(rest, "/")
	if !ok || name == "" {
		return nil, errors.New("there is no name after the server")
	}
	if strings.Contains(name, "@") {
		return nil, errors.New("the user or the password cannot be read: special characters are written as %XX")
	}
	if i := strings.LastIndexByte(hosts, '@'); i >= 0 {
		if err := a.setUser(hosts[:i]); err != nil {
			return nil, err
		}
		hosts = hosts[i+1:]
	}
	for host := range strings.SplitSeq(hosts, ",") {
		server, err := hostPort(host)
		if err != nil {
			return nil, err
		}
		a.Servers = append(a.Servers, server)
	}
	if a.Name = name; !validName(name) {
		return nil, fmt.Errorf("%q is no name: it has words of letters, digits, _ and -, with a dot between them, at most %d bytes", name, maxName)
	}
	return a, nil
}

func (a *Address) setUser(text string) (err error) {
	user, password, ok := strings.Cut(text, ":")
	if a.User, err = url.PathUnescape(user); err == nil {
		a.Password, err = url.PathUnescape(password)
	}
	if a.hasPassword = ok; err != nil || a.User == "" {
		return errors.New("the user or the password cannot be read: special characters are written as %XX")
	}
	return nil
}

// hostPort returns HOST:PORT of a server that may have no port.
func hostPort(text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		if host, port, err = net.SplitHostPort(text + ":" + DefaultPort); err != nil {
			return "", fmt.Errorf("%q is no server", text)
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("%q is no port: a port is from 1 to 65535", port)
	}
	if host == "" || strings.ContainsAny(host, " \t\r\n/?#%[]@\"<>\\^`{|}") {
		return "", fmt.Errorf("%q is no server", text)
	}
	return net.JoinHostPort(host, port), nil
}

// maxName bounds the length of a name so that a subject is far from what servers refuse,
// which is 4,096 bytes.
const maxName = 255

// validName reports whether name can be the prefix of subjects.
func validName(name string) bool {
	for token := range strings.SplitSeq(name, ".") {
		if token == "" || strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
			return false
		}
	}
	return len(name) <= maxName
}

// String returns the address without user and password.
func (a Address) String() string { return a.servers() + "/" + a.Name }

// GoString returns what String does, so that %#v shows no password either.
func (a Address) GoString() string { return a.String() }

// MarshalText returns what String does, so that a log of structured values shows no password.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// servers returns the servers as they are shown.
func (a Address) servers() string {
	scheme := "nats://"
	if a.TLS {
		scheme = "tls://"
	}
	return scheme + strings.Join(a.Servers, ",")
}
