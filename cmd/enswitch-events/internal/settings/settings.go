// Package settings gives the flags of a command their values: the command
// line over the environment over a profile of the configuration file over the
// default. It remembers where each came from.
//
// Every flag --some-flag is also the variable ENSWITCH_SOME_FLAG and the key
// some-flag (or some_flag) of a profile. A profile is a table of the file:
//
//	[default]
//	address = ["10.0.0.5", "10.0.0.6"]
//	authkey-file = "/etc/enswitch-events/key"
//
// The table called default is used when no profile is named.
package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/spelling"
)

// EnvPrefix begins the names of the variables.
const EnvPrefix = "ENSWITCH_"

// DefaultProfile is the profile in use when none is named.
const DefaultProfile = "default"

// maxFile bounds the size of the configuration file.
const maxFile = 1 << 20

// Profile is one table of the configuration file. Its keys are written with
// dashes, whatever the file has.
type Profile struct {
	Name   string
	File   string
	Values map[string]any
}

// Path is where the configuration file is looked for.
func Path() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("no configuration directory: %w", err)
	}
	return filepath.Join(dir, "enswitch-events", "config.toml"), nil
}

// Load reads the profile called name, DefaultProfile if name is empty, from
// file, or from Path if file is empty. Without a file, and without a table
// [default] when no name is given, the profile is empty; a file or profile
// that was asked for by name must exist.
func Load(file, name string) (*Profile, error) {
	asked := file != ""
	if !asked {
		p, err := Path()
		if err != nil {
			return &Profile{}, nil //nolint:nilerr // no home directory: no configuration file either
		}
		file = p
	}
	text, err := readBounded(file, maxFile)
	if (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)) && !asked {
		if name != "" {
			return nil, fmt.Errorf("profile %q: there is no configuration file %s", name, file)
		}
		return &Profile{File: file}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	var tables map[string]map[string]any
	if err := toml.Unmarshal(text, &tables); err != nil {
		var bad *toml.DecodeError
		if errors.As(err, &bad) && !strings.Contains(err.Error(), "into a map") && !strings.Contains(err.Error(), "cannot decode") {
			row, col := bad.Position()
			return nil, fmt.Errorf("configuration file %s, line %d, column %d: %s", file, row, col, strings.TrimPrefix(bad.Error(), "toml: "))
		}
		return nil, fmt.Errorf("configuration file %s: every key belongs in a table such as [default]", file)
	}
	p := &Profile{Name: name, File: file, Values: map[string]any{}}
	if name == "" {
		p.Name = DefaultProfile
	}
	table, ok := tables[p.Name]
	if !ok && name != "" {
		profiles := slices.Sorted(maps.Keys(tables))
		return nil, fmt.Errorf("profile %q is not in %s, which has: %s%s", name, file, strings.Join(profiles, ", "), question(name, profiles))
	}
	for k, v := range table {
		p.Values[strings.ReplaceAll(k, "_", "-")] = v
	}
	return p, nil
}

// Profiles returns the names of the tables of file, or of Path if file is empty, sorted;
// none if it cannot be read.
func Profiles(file string) []string {
	if file == "" {
		var err error
		if file, err = Path(); err != nil {
			return nil
		}
	}
	text, err := readBounded(file, maxFile)
	if err != nil {
		return nil
	}
	var tables map[string]map[string]any
	if toml.Unmarshal(text, &tables) != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(tables))
}

func readBounded(file string, most int64) ([]byte, error) {
	if st, err := os.Stat(file); err == nil && st.Mode().IsRegular() && st.Size() > most {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", file, st.Size(), most)
	}
	return os.ReadFile(file)
}

// Check reports the first key of the profile that is not among known.
func (p *Profile) Check(known []string) error {
	for _, k := range slices.Sorted(maps.Keys(p.Values)) {
		if !slices.Contains(known, k) {
			return fmt.Errorf("configuration file %s, profile %s: unknown key %q%s: keys are the names of flags, see 'enswitch-events config show'", p.File, p.Name, k, question(k, known))
		}
	}
	return nil
}

// question asks in brackets whether another word was meant.
func question(typed string, known []string) string {
	if near := spelling.Hint(typed, known); near != "" {
		return " (" + near + ")"
	}
	return ""
}

// Strings returns the value of a key as a list of texts: one for a scalar.
func (p *Profile) Strings(key string) ([]string, bool) {
	v, ok := p.Values[key]
	if !ok {
		return nil, false
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = fmt.Sprint(v)
	}
	return texts, true
}

// Env is the name of the variable that belongs to a flag.
func Env(flag string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Origin says where the value of each flag came from: "flag", the name of a
// variable, or "profile NAME". A flag that is not in it has its default.
type Origin map[string]string

// Apply sets those flags that the command line has not set, from the
// environment or else from the profile, and says where each value came from.
// Flags for which skip is true are left alone.
func Apply(flags *pflag.FlagSet, lookupEnv func(string) (string, bool), p *Profile, skip func(flag string) bool) (Origin, error) {
	origin := Origin{}
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		switch {
		case failed != nil:
		case f.Changed:
			origin[f.Name] = "flag"
		case f.Hidden, skip(f.Name):
		default:
			failed = origin.apply(flags, f, lookupEnv, p)
		}
	})
	return origin, failed
}

func (o Origin) apply(flags *pflag.FlagSet, f *pflag.Flag, lookupEnv func(string) (string, bool), p *Profile) error {
	if v, ok := lookupEnv(Env(f.Name)); ok && v != "" {
		if err := flags.Set(f.Name, v); err != nil {
			return fmt.Errorf("%s: %w", Env(f.Name), unwrapFlag(err))
		}
		o[f.Name] = Env(f.Name)
		return nil
	}
	values, ok := p.Strings(f.Name)
	if !ok {
		return nil
	}
	for _, v := range values {
		if err := flags.Set(f.Name, v); err != nil {
			return fmt.Errorf("configuration file %s, profile %s, %s: %w", p.File, p.Name, f.Name, unwrapFlag(err))
		}
	}
	o[f.Name] = "profile " + p.Name
	return nil
}

// unwrapFlag takes pflag's "invalid argument … for … flag" off, which names a
// flag that nobody typed.
func unwrapFlag(err error) error {
	var bad *pflag.InvalidValueError
	if errors.As(err, &bad) {
		return fmt.Errorf("%q: %s", bad.GetValue(), Reason(bad))
	}
	return err
}

// Reason says in words for a person why a flag refused a value.
func Reason(bad *pflag.InvalidValueError) string {
	why := bad.Unwrap()
	switch bad.GetFlag().Value.Type() {
	case "bool":
		return "it is true or false"
	}
	if errors.Is(why, strconv.ErrRange) {
		return "out of range"
	}
	if errors.Is(why, strconv.ErrSyntax) {
		if strings.HasPrefix(bad.GetFlag().Value.Type(), "uint") {
			return "it is a whole number, not below 0"
		}
		return "it is a whole number"
	}
	return why.Error()
}
