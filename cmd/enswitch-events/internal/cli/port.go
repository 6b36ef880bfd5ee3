package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

// ListenTCP opens a TCP port. For its hints it is given the flags of the command:
// freePort picks a free port, and bindFlag sets the address.
func ListenTCP(ctx context.Context, config *net.ListenConfig, bind string, port uint16, freePort, bindFlag string) (net.Listener, error) {
	if _, err := netip.ParseAddr(bind); err != nil && strings.HasPrefix(freePort, "--port ") {
		if host, number, err := net.SplitHostPort(bind); err == nil {
			if host == "" {
				host = "0.0.0.0"
			}
			return nil, Usage(bindFlag+" "+host+" --port "+number, "%s %s: the port is a flag of its own", bindFlag, bind)
		}
	}
	addr := net.JoinHostPort(strings.Trim(bind, "[]"), strconv.Itoa(int(port)))
	listener, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		hint := freePort + " picks a free port"
		switch _, noName := errors.AsType[*net.DNSError](err); {
		case errors.Is(err, os.ErrPermission):
			hint = "ports below 1024 are for root: take a higher one"
		case noName, oserr.IsAddrNotAvailable(err):
			hint = bindFlag + " wants an address of this machine, or 0.0.0.0 for all"
		}
		return nil, NewError(ExitConnect, fmt.Errorf("could not open the port %s: %s", addr, oserr.Reason(err)), hint)
	}
	return listener, nil
}

// IsLoopback reports whether bind is an address that only this machine reaches.
func IsLoopback(bind string) bool {
	if bind == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(bind, "[]"))
	return err == nil && addr.Unmap().IsLoopback()
}

// ReachableAddresses returns each HOST:PORT under which other machines reach the port
// at, which was opened on bind.
func ReachableAddresses(bind string, at net.Addr) []string {
	tcp, ok := at.(*net.TCPAddr)
	if !ok {
		return []string{at.String()}
	}
	port := strconv.Itoa(tcp.Port)
	if !tcp.IP.IsUnspecified() {
		host := strings.Trim(bind, "[]")
		return []string{net.JoinHostPort(host, port)}
	}
	var all []string
	addrs, _ := net.InterfaceAddrs()
	for _, addr := range addrs {
		ip, _, err := net.ParseCIDR(addr.String())
		if err == nil && ip.IsGlobalUnicast() && (ip.To4() != nil || bind != "0.0.0.0") {
			all = append(all, net.JoinHostPort(ip.String(), port))
		}
	}
	if len(all) == 0 {
		all = []string{net.JoinHostPort("127.0.0.1", port)}
	}
	return all
}
