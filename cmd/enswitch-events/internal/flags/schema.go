package flags

import (
	"cmp"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
	"github.com/enswitch-events/enswitch-events/pkg/oserr"
	"github.com/enswitch-events/enswitch-events/pkg/schema"
)

// Schema is the flag for the file of what was learned about events.
type Schema struct{ file string }

// Bind adds the flag to f.
func (o *Schema) Bind(f *pflag.FlagSet) {
	f.StringVar(&o.file, "schema", "", "what was learned is in `FILE` (default: one for each profile, in the user's state directory)")
}

// Path returns the path of the file.
func (o *Schema) Path(a *cli.App) (string, error) {
	if o.file != "" {
		return o.file, nil
	}
	// A name may have anything in it.
	path, err := settings.StatePath(filepath.Join("schema", url.PathEscape(a.ProfileName())+".json"))
	if err != nil {
		return "", cli.NewError(cli.ExitFailure, err, "--schema FILE names the file")
	}
	return path, nil
}

// PathToWrite is like Path. It creates the directory of the default file, not one of --schema,
// which may be misspelt.
func (o *Schema) PathToWrite(a *cli.App) (string, error) {
	path, err := o.Path(a)
	if err != nil || o.file != "" {
		return path, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", SchemaError(oserr.File(err))
	}
	return path, nil
}

// Read reads the file, which must exist.
func (o *Schema) Read(a *cli.App) (*schema.Schema, error) {
	path, err := o.Path(a)
	if err != nil {
		return nil, err
	}
	s, err := schema.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, cli.Usage("'enswitch-events schema learn' writes it, from live events or with --read from a capture", "nothing was learned yet: %w", err)
	}
	if err != nil {
		return nil, SchemaError(err)
	}
	return s, nil
}

// SchemaError returns the usage error for the file of a schema that cannot be used.
func SchemaError(err error) error {
	hint := cli.FileHint(err)
	damaged, isDamaged := errors.AsType[*schema.DamagedError](err)
	switch {
	case errors.Is(err, syscall.EISDIR):
		hint = "name a file in it, like schema.json"
	case errors.Is(err, schema.ErrNewer):
		hint = "use the newer program, or another file: --schema FILE"
	case isDamaged && damaged.Foreign:
		hint = "a schema is what 'enswitch-events schema learn --schema FILE' writes; events are read with --read FILE"
	case isDamaged:
		hint = "restore the file, or move it away and learn again"
	}
	return cli.Usage(cmp.Or(hint, "--schema FILE names another file"), "schema: %w", err)
}
