// Package settings sets the flags of a command. The command line precedes the
// environment, which precedes a profile of the configuration file, which precedes the
// default. The package also says where each value came from.
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

	"github.com/dustin/go-humanize"
	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/spelling"
	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

// EnvPrefix is the prefix of all environment variables of the program.
const EnvPrefix = "ENSWITCH_"

// DefaultProfile is the profile that is used if none is named.
const DefaultProfile = "default"

// maxFile is the maximum size of the configuration file in bytes.
const maxFile = 1 << 20

// Profile is one table of the configuration file. Its keys have dashes, also where the
// file has underscores.
type Profile struct {
	Name   string
	File   string
	Values map[string]any
}

// Path returns where the configuration file is, unless a flag says otherwise.
func Path() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("no configuration directory: %w", err)
	}
	return filepath.Join(dir, "enswitch-events", "config.toml"), nil
}

// Load reads the profile called name from file. If name is empty, it reads the profile
// default; if file is empty, the file at Path. A file or a profile that is named must
// exist; otherwise one that does not exist counts as empty.
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
		return nil, fmt.Errorf("configuration file %w", oserr.File(err))
	}
	var tables map[string]map[string]any
	if err := toml.Unmarshal(text, &tables); err != nil {
		var bad *toml.DecodeError
		if errors.As(err, &bad) && !strings.Contains(err.Error(), "into a map") && !strings.Contains(err.Error(), "cannot decode") {
			row, col := bad.Position()
			paths := ""
			if strings.Contains(bad.Error(), "escape") {
				paths = `: write a path in single quotes, 'C:\Users\me\key'`
			}
			return nil, fmt.Errorf("configuration file %s, line %d, column %d: %s%s", file, row, col, strings.TrimPrefix(bad.Error(), "toml: "), paths)
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

// Profiles returns the sorted names of the profiles in file, or in the file at Path if file
// is empty. It returns none if the file cannot be read.
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

func readBounded(file string, maxSize int64) ([]byte, error) {
	if st, err := os.Stat(file); err == nil && st.Mode().IsRegular() && st.Size() > maxSize {
		return nil, fmt.Errorf("%s has %s bytes, more than %s", file, humanize.Comma(st.Size()), humanize.Comma(maxSize))
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if text, err = Text(text); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return text, nil
}

// Check returns an error if the profile has a key that is not in known.
func (p *Profile) Check(known []string) error {
	for _, k := range slices.Sorted(maps.Keys(p.Values)) {
		if !slices.Contains(known, k) {
			return fmt.Errorf("configuration file %s, profile %s: unknown key %q%s: keys are the names of flags, see 'enswitch-events config show'", p.File, p.Name, k, question(k, known))
		}
		if !plain(p.Values[k]) {
			return fmt.Errorf("configuration file %s, profile %s, %s: must be a text, a number, true or false, or a list of them", p.File, p.Name, k)
		}
	}
	return nil
}

// plain reports whether a value is one that a flag can have, or a list of them.
func plain(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		return false
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool {
			_, list := item.([]any)
			return list || !plain(item)
		})
	}
	return true
}

// question returns a suggestion in brackets for a misspelled key, or "".
func question(typed string, known []string) string {
	if near := spelling.Hint(typed, known); near != "" {
		return " (" + near + ")"
	}
	return ""
}

// Strings returns the value of a key as a list of texts. A scalar becomes a list of one.
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

// Env returns the name of the environment variable of a flag.
func Env(flag string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Origin says where the value of each flag came from: "flag", the name of an environment
// variable, or "profile NAME". A flag that is not in it has its default.
type Origin map[string]string

// Apply sets the flags that the command line has not set from the environment, or else
// from the profile, and returns where each value came from. It leaves out the flags for
// which skip returns true.
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
	if f.Value.Type() == "string" && len(values) == 1 && values[0] == "" {
		return nil // as an empty variable
	}
	for _, v := range values {
		if err := flags.Set(f.Name, v); err != nil {
			return fmt.Errorf("configuration file %s, profile %s, %s: %w", p.File, p.Name, f.Name, unwrapFlag(err))
		}
	}
	o[f.Name] = "profile " + p.Name
	return nil
}

// unwrapFlag removes pflag's "invalid argument … for … flag" from err: nobody typed the
// flag.
func unwrapFlag(err error) error {
	var bad *pflag.InvalidValueError
	if errors.As(err, &bad) {
		return fmt.Errorf("%q: %s", bad.GetValue(), InvalidValueReason(bad))
	}
	return err
}

// InvalidValueReason returns why a flag refused a value, for a person.
func InvalidValueReason(bad *pflag.InvalidValueError) string {
	why, kind := bad.Unwrap(), bad.GetFlag().Value.Type()
	switch {
	case kind == "bool":
		return "must be true or false"
	case kind == "uint16" && (errors.Is(why, strconv.ErrRange) || errors.Is(why, strconv.ErrSyntax)):
		return "must be a whole number from 0 to 65535"
	case errors.Is(why, strconv.ErrRange):
		return "must be a smaller number"
	case errors.Is(why, strconv.ErrSyntax) && strings.HasPrefix(kind, "uint"):
		return "must be a whole number, not below 0"
	case errors.Is(why, strconv.ErrSyntax):
		return "must be a whole number"
	}
	return why.Error()
}
