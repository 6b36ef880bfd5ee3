package settings

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	newSecret = 32 // random bytes
	minSecret = 16 // characters of a file
)

// Secret returns the secret in the file called name, which flag names. If there is no such
// file it is created, with a random secret and for its owner alone: several processes that do
// so at a time get the same one. Without a name the secret is random.
func Secret(flag, name string) ([]byte, error) {
	random := make([]byte, newSecret)
	rand.Read(random)
	if name == "" {
		return random, nil
	}
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		if err := createSecret(name, hex.EncodeToString(random)+"\n"); err != nil {
			if e, ok := errors.AsType[*fs.PathError](err); ok {
				err = e.Err // of a file with another name
			}
			return nil, fmt.Errorf("%s: %s cannot be created: %w", flag, name, err)
		}
	}
	text, err := fromPrivateFile(flag, name)
	if err == nil && len(text) < minSecret {
		err = fmt.Errorf("%s: %s has fewer than %d characters: too few for a secret; remove it to have one made", flag, name, minSecret)
	}
	return []byte(text), err
}

// createSecret creates a file with a secret, whole, unless there is one by then.
func createSecret(name, text string) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".secret-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	err = os.Link(f.Name(), name)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return os.Rename(f.Name(), name) // a file system without links
}
