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
	"time"

	"github.com/dustin/go-humanize"
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
		key, err = k.fromFile(k.File)
		return key, "--authkey-file", err
	}
	if name, ok := k.LookupEnv(EnvPrefix + "AUTHKEY_FILE"); ok && name != "" {
		key, err = k.fromFile(name)
		return key, EnvPrefix + "AUTHKEY_FILE", err
	}
	if v, ok := k.LookupEnv(EnvPrefix + "AUTHKEY"); ok && v != "" {
		key, err = trim([]byte(v), EnvPrefix+"AUTHKEY")
		return key, EnvPrefix + "AUTHKEY", err
	}
	if v, ok := k.Profile.Strings("authkey-file"); ok && len(v) > 0 {
		key, err = k.fromFile(v[0])
		return key, "profile " + k.Profile.Name, err
	}
	if v, ok := k.Profile.Strings("authkey-command"); ok && len(v) > 0 {
		key, err = fromCommand(ctx, v)
		return key, "profile " + k.Profile.Name, err
	}
	return "", "", nil
}

func (k *KeySources) fromFile(name string) (string, error) {
	if name == "-" {
		text, err := io.ReadAll(io.LimitReader(k.Stdin, maxKey+1))
		if err != nil {
			return "", fmt.Errorf("key from standard input: %w", err)
		}
		return trim(text, "standard input")
	}
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("key file: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("key file: %w", err)
	}
	if st.IsDir() {
		return "", fmt.Errorf("key file %s is a directory", name)
	}
	if st.Mode().IsRegular() && st.Mode().Perm()&0o007 != 0 && runtime.GOOS != "windows" {
		return "", fmt.Errorf("key file %s can be read by every user of this machine (mode %#o): type 'chmod 600 %s'", name, st.Mode().Perm(), name)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKey+1))
	if err != nil {
		return "", fmt.Errorf("key file: %w", err)
	}
	return trim(text, name)
}

// fromCommand runs a command and returns its output, the key. A single word is a command
// line for the shell.
func fromCommand(ctx context.Context, words []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	if len(words) == 1 {
		words = []string{"sh", "-c", words[0]}
	}
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Stderr = os.Stderr
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return "", fmt.Errorf("authkey-command: no answer within %v", commandTimeout)
	}
	if err != nil {
		return "", fmt.Errorf("authkey-command: %w", err)
	}
	return trim(out, "the output of authkey-command")
}

// trim returns the key in text without the line break at its end.
func trim(text []byte, where string) (string, error) {
	key := strings.TrimRight(string(text), "\r\n")
	switch {
	case key == "":
		return "", fmt.Errorf("no key in %s: it is empty", where)
	case len(key) > maxKey:
		return "", fmt.Errorf("no key in %s: longer than %s bytes", where, humanize.Comma(maxKey))
	case bytes.ContainsAny([]byte(key), "\r\n\x00"):
		return "", errors.New("no key in " + where + ": more than one line")
	}
	return key, nil
}
