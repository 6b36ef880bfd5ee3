package flags

import (
	"errors"
	"strconv"

	"github.com/dustin/go-humanize"
)

// Size is the pflag value of a number of bytes, written like 64MiB, 1GB or 4096. The
// maximum is 1 TiB.
type Size int64

// Set parses text.
func (s *Size) Set(text string) error {
	n, err := humanize.ParseBytes(text)
	if err != nil || n > 1<<40 {
		return errors.New("a size is written like 64MiB, 500kB or 4096")
	}
	*s = Size(n)
	return nil
}

// String returns the size in the largest unit that divides it.
func (s *Size) String() string {
	n := int64(*s)
	if n == 0 {
		return "0"
	}
	for _, unit := range []string{"B", "KiB", "MiB"} {
		if n%1024 != 0 {
			return strconv.FormatInt(n, 10) + unit
		}
		n /= 1024
	}
	return strconv.FormatInt(n, 10) + "GiB"
}

// Type returns the name of the type.
func (s *Size) Type() string { return "SIZE" }
