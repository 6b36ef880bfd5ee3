package flags

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
	"github.com/enswitch-events/enswitch-events/pkg/messaged"
)

// ConfiguredAddresses returns the addresses of ENSWITCH_ADDRESS, or else those of the
// profile.
func ConfiguredAddresses(a *cli.App) []string {
	if v := os.Getenv(settings.Env("address")); v != "" {
		return splitAddresses(v)
	}
	list, _ := a.Profile.Strings("address")
	return list
}

// splitAddresses splits a list of addresses. The servers of a stream have commas between them,
// too: nats://A,B/STREAM.
func splitAddresses(list string) (all []string) {
	open := false
	for text := range strings.SplitSeq(list, ",") {
		if open {
			all[len(all)-1] += "," + text
		} else {
			all = append(all, text)
		}
		last := all[len(all)-1]
		open = IsStream(last) && strings.Count(last, "/") < len("///")
	}
	return all
}

// DefaultAddresses returns the addresses to use where the command line has none: the
// configured ones, or else localhost.
func DefaultAddresses(a *cli.App) []string {
	if list := ConfiguredAddresses(a); len(list) > 0 {
		return list
	}
	return []string{"localhost"}
}

// slipOfScheme matches an address whose scheme lacks its colon or a slash.
var slipOfScheme = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?i)(wss?|https?)(:/|//)[^/]`) })

// ParseAddress is messaged.ParseAddress, but refuses ws//HOST, which would be a host called
// ws.
func ParseAddress(text string) (messaged.Address, error) {
	if m := slipOfScheme().FindStringSubmatch(text); m != nil {
		return messaged.Address{}, fmt.Errorf("the address begins with %s: a URL has a colon and two slashes", m[1]+m[2])
	}
	return messaged.ParseAddress(text)
}

// AddressError returns the usage error for an address that ParseAddress refuses with err.
// It says what to try, and where the address is from if it was not typed. It quotes
// nothing of the address that err does not: there may be a key in it.
func AddressError(a *cli.App, text string, err error) error {
	hint := "write HOST, HOST:PORT, or the URL ws://HOST:4875/events/websocket/"
	st, noFile := os.Stat(text)
	switch m := slipOfScheme().FindStringSubmatch(text); {
	case noFile == nil && st.Mode().IsRegular():
		hint = "it is a file: 'enswitch-events cat FILE' reads it"
	case m != nil:
		hint = "write " + strings.ToLower(m[1]) + "://"
	case strings.Contains(err.Error(), "Authorization"):
		hint = "--header 'Authorization: Basic …' sends it"
	case strings.Contains(text, ",") && !strings.Contains(text, "?"):
		hint = "several addresses are arguments of their own, with blanks between"
	}
	if slices.Contains(ConfiguredAddresses(a), text) {
		from := "profile " + a.Profile.Name
		if os.Getenv(settings.Env("address")) != "" {
			from = settings.Env("address")
		}
		hint += "\nthe address comes from " + from
	}
	return cli.Usage(hint, "%w", err)
}
