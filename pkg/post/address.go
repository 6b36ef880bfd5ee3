package post

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// unmapped returns a copy of the prefixes. Those of IPv4 addresses mapped into IPv6
// become IPv4 prefixes.
func unmapped(prefixes []netip.Prefix) ([]netip.Prefix, error) {
	plain := make([]netip.Prefix, 0, len(prefixes))
	for _, p := range prefixes {
		switch {
		case !p.IsValid():
			return nil, errors.New("post: Allow or TrustProxy has an invalid prefix")
		case p.Addr().Is4In6() && p.Bits() < 96:
			return nil, fmt.Errorf("post: %v covers more than the IPv4 addresses mapped into IPv6", p)
		case p.Addr().Is4In6():
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		plain = append(plain, p)
	}
	return plain, nil
}

// within reports whether one of the unmapped prefixes covers the address. None covers
// the zero Addr.
func within(addr netip.Addr, prefixes []netip.Prefix) bool {
	addr = addr.Unmap().WithZone("")
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// client returns the address of the client, without port, and whether it may send.
func (h *Handler) client(r *http.Request) (remote string, allowed bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	addr := peer.Addr()
	switch {
	case err != nil: // a socket without addresses, such as Unix's
		remote = r.RemoteAddr
	case addr.Is4In6():
		remote = addr.Unmap().String()
	default: // without an allocation
		remote = strings.Trim(r.RemoteAddr[:strings.LastIndexByte(r.RemoteAddr, ':')], "[]")
	}
	if h.o.ForwardedHeader != "" && within(addr, h.o.TrustProxy) {
		if lines := r.Header[h.o.ForwardedHeader]; len(lines) > 0 {
			// If the header is not an address, addr is the zero Addr, which no
			// Allow covers, and the source remains the proxy.
			if addr = h.forwarded(lines); addr.IsValid() {
				remote = addr.String()
			}
		}
	}
	return remote, len(h.o.Allow) == 0 || within(addr, h.o.Allow)
}

// forwarded returns the last address that is not a trusted proxy's, or the first one
// if all are. It returns the zero Addr if it meets something else on the way.
func (h *Handler) forwarded(lines []string) (addr netip.Addr) {
	for i := len(lines) - 1; i >= 0; i-- {
		rest, more := lines[i], true
		for more {
			item := rest
			comma := strings.LastIndexByte(rest, ',')
			if more = comma >= 0; more {
				rest, item = rest[:comma], rest[comma+1:]
			}
			if addr = parseAddr(strings.TrimSpace(item)); !within(addr, h.o.TrustProxy) {
				return addr
			}
		}
	}
	return addr
}

// parseAddr reads an address with or without brackets and port.
func parseAddr(text string) netip.Addr {
	if with, err := netip.ParseAddrPort(text); err == nil {
		return with.Addr().Unmap()
	}
	if len(text) > 1 && text[0] == '[' && text[len(text)-1] == ']' {
		text = text[1 : len(text)-1]
	}
	addr, _ := netip.ParseAddr(text)
	return addr.Unmap()
}
