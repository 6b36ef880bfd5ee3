package flags

import (
	"os"
	"strings"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
)

// SettingAddresses are those of ENSWITCH_ADDRESS or else of the profile.
func SettingAddresses(a *cli.App) []string {
	if v := os.Getenv(settings.Env("address")); v != "" {
		return strings.Split(v, ",")
	}
	list, _ := a.Profile.Strings("address")
	return list
}

// DefaultAddresses are those of the environment, of the profile, or this
// machine.
func DefaultAddresses(a *cli.App) []string {
	if list := SettingAddresses(a); len(list) > 0 {
		return list
	}
	return []string{"localhost"}
}
