package flags

import (
	"context"
	"os"

	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
)

// Key is the flags that say where the key is.
type Key struct {
	File, Key string
}

func (o *Key) Bind(f *pflag.FlagSet) {
	f.StringVar(&o.File, "authkey-file", "", "read the key from `FILE`, - for standard input")
	f.StringVar(&o.Key, "authkey", "", "the `KEY`; other users of the machine can see it, so better a file or ENSWITCH_AUTHKEY")
}

// Resolve returns the key that counts for an address whose pasted URL has the
// key inURL.
func (o *Key) Resolve(found, origin, inURL string, a *cli.App) string {
	for _, k := range []string{found, inURL, o.Key} {
		a.Log.Hide(k)
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

// Find looks for the key in the places that come before the URL.
func (o *Key) Find(ctx context.Context, a *cli.App) (key, origin string, err error) {
	k := settings.Keys{File: o.File, LookupEnv: os.LookupEnv, Profile: a.Profile, Stdin: a.In}
	if key, origin, err = k.Key(ctx); err != nil {
		return "", "", cli.Usage("", "%w", err)
	}
	if key == "" && o.Key != "" {
		a.Log.Warn("other users of this machine can see --authkey: use --authkey-file or ENSWITCH_AUTHKEY")
	}
	return key, origin, nil
}
