package flags

import (
	"os"
	"strings"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
)

// ConfiguredAddresses returns the addresses of ENSWITCH_ADDRESS, or else those of the
// profile.
func ConfiguredAddresses(a *cli.App) []string {
	if v := os.Getenv(settings.Env("address")); v != "" {
		return strings.Split(v, ",")
	}
	list, _ := a.Profile.Strings("address")
	return list
}

// DefaultAddresses returns the addresses to use where the command line has none: the
// configured ones, or else localhost.
func DefaultAddresses(a *cli.App) []string {
	if list := ConfiguredAddresses(a); len(list) > 0 {
		return list
	}
	return []string{"localhost"}
}
