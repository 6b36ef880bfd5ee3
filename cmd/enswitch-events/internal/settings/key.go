package settings

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/shell"
	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

// KeySources are the places that may have the authentication key. The key in an address
// and the flag --authkey come after them: the caller looks there.
type KeySources struct {
	// File is the value of --authkey-file, "-" for standard input.
	File string
	// LookupEnv is os.LookupEnv. It is asked for ENSWITCH_AUTHKEY_FILE and
	// ENSWITCH_AUTHKEY.
	LookupEnv func(string) (string, bool)
	// Profile may have authkey-file or authkey-command.
	Profile *Profile
	// Stdin is read if File is "-".
	Stdin io.Reader
}

const (
	maxKey         = 4096
	commandTimeout = 30 * time.Second
)

// Key returns the first key and the name of the place that has it, or two empty strings.
// Errors name the place and never the key.
func (k *KeySources) Key(ctx context.Context) (key, origin string, err error) {
	if k.File != "" {
		key, err = k.fromFile("--authkey-file", k.File)
		return key, "--authkey-file", err
	}
	if name, ok := k.LookupEnv(EnvPrefix + "AUTHKEY_FILE"); ok && name != "" {
		key, err = k.fromFile(EnvPrefix+"AUTHKEY_FILE", name)
		return key, EnvPrefix + "AUTHKEY_FILE", err
	}
	if v, ok := k.LookupEnv(EnvPrefix + "AUTHKEY"); ok && v != "" {
		key, err = trim([]byte(v), EnvPrefix+"AUTHKEY")
		return key, EnvPrefix + "AUTHKEY", err
	}
	if v, ok := k.Profile.Strings("authkey-file"); ok && len(v) > 0 {
		key, err = k.fromFile("authkey-file of profile "+k.Profile.Name, v[0])
		return key, "profile " + k.Profile.Name, err
	}
	if v, ok := k.Profile.Strings("authkey-command"); ok && len(v) > 0 {
		key, err = fromCommand(ctx, "authkey-command of profile "+k.Profile.Name, v)
		return key, "profile " + k.Profile.Name, err
	}
	return "", "", nil
}

// fromFile reads the key from the file called name, which origin names.
func (k *KeySources) fromFile(origin, name string) (string, error) {
	if name == "-" {
		text, err := io.ReadAll(io.LimitReader(k.Stdin, maxKey+1))
		if err != nil {
			return "", fmt.Errorf("%s: standard input: %w", origin, err)
		}
		return trim(text, origin+": standard input")
	}
	return fromPrivateFile(origin, name)
}

// fromPrivateFile reads a key from a file that other users must not be able to read.
func fromPrivateFile(origin, name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", origin, oserr.File(err))
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("%s: %w", origin, oserr.File(err))
	}
	if st.IsDir() {
		return "", fmt.Errorf("%s: %s: %w", origin, name, syscall.EISDIR)
	}
	if st.Mode().IsRegular() && st.Mode().Perm()&0o007 != 0 && runtime.GOOS != "windows" {
		return "", fmt.Errorf("%s: %s can be read by every user of this machine (mode %#o): type 'chmod 600 %s'", origin, name, st.Mode().Perm(), name)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKey+1))
	if err != nil {
		return "", fmt.Errorf("%s: %w", origin, oserr.File(err))
	}
	return trim(text, origin+": "+name)
}

// fromCommand runs a command, which origin names, and returns its output, the key. A single
// word is a command line for the shell.
func fromCommand(ctx context.Context, origin string, words []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	if len(words) == 1 {
		cmd = shell.Command(ctx, words[0])
	}
	cmd.Stderr = os.Stderr
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return "", fmt.Errorf("%s: no answer within %v", origin, commandTimeout)
	}
	if err != nil {
		return "", fmt.Errorf("%s has failed: %w: run it by hand to see why", origin, err)
	}
	return trim(out, "the output of "+origin)
}

// trim returns the key in text without blanks and the line break at its end, as 'echo KEY > f'
// leaves them on Windows, and without the mark of UTF-8 at its beginning.
func trim(text []byte, where string) (string, error) {
	text, err := Text(text)
	if err != nil {
		return "", fmt.Errorf("%s: %w", where, err)
	}
	key := strings.TrimRight(string(text), " \t\r\n")
	switch {
	case key == "":
		return "", fmt.Errorf("%s: the key is empty", where)
	case len(key) > maxKey:
		return "", fmt.Errorf("%s: the key is longer than %s bytes", where, humanize.Comma(maxKey))
	case bytes.ContainsAny([]byte(key), "\r\n\x00"):
		return "", errors.New(where + ": the key has more than one line")
	}
	return key, nil
}
