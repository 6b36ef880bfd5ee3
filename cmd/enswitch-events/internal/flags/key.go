package flags

import (
	"context"
	"os"

	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
)

// Key are the flags of the authentication key.
type Key struct {
	File, Key string
}

// Bind adds the flags to f.
func (o *Key) Bind(f *pflag.FlagSet) {
	f.StringVar(&o.File, "authkey-file", "", "read the key from `FILE`, - for standard input")
	f.StringVar(&o.Key, "authkey", "", "use this `KEY`; other users of the machine can see it, so prefer a file or ENSWITCH_AUTHKEY")
}

// Resolve returns the key for an address: found, which comes from origin as Find
// returns them, or else inURL, the key in the address, or else --authkey. It warns of
// those that are not used and keeps all of them out of the log.
func (o *Key) Resolve(found, origin, inURL string, a *cli.App) string {
	for _, k := range []string{found, inURL, o.Key} {
		a.Log.HideKey(k)
	}
	switch {
	case found != "":
		if o.Key != "" {
			a.Log.Warn("--authkey is not used: the key comes from " + origin)
		}
		if inURL != "" && inURL != found {
			a.Log.Warn("the key in the address is not used: the key comes from " + origin)
		}
		return found
	case inURL != "":
		if o.Key != "" && inURL != o.Key {
			a.Log.Warn("--authkey is not used: the key comes from the address")
		}
		return inURL
	}
	return o.Key
}

// Find returns the key and its origin from the places that precede the address: the
// key file, the environment and the profile. Both are empty if none of them has it.
func (o *Key) Find(ctx context.Context, a *cli.App) (key, origin string, err error) {
	k := settings.KeySources{File: o.File, LookupEnv: os.LookupEnv, Profile: a.Profile, Stdin: a.In}
	if key, origin, err = k.Key(ctx); err != nil {
		return "", "", cli.Usage(cli.FileHint(err), "%w", err)
	}
	if key == "" && o.Key != "" {
		a.Log.Warn("other users of this machine can see --authkey: use --authkey-file or ENSWITCH_AUTHKEY")
	}
	return key, origin, nil
}
