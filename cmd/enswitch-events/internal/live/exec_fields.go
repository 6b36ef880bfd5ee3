package live

import (
	"bytes"
	"unicode/utf8"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/settings"
	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// The limits of the variables that a command gets, in bytes. Linux allows 128 KiB for
// one variable and about 2 MiB for all.
const (
	maxFieldName  = 256
	maxFieldValue = 32 << 10
	maxFields     = 256 << 10
)

// appendFields appends the fields of an event as environment variables. A string is
// decoded, any other value is JSON text. If two names become the same variable, the last
// one counts. Values are cut at maxFieldValue, and fields beyond maxFields are left out:
// the whole event is on standard input.
func appendFields(env []string, x *event.Index) []string {
	room := maxFields
	var b []byte
	for i := range x.Len() {
		if x.Shadowed(i) || len(x.Key(i).JSON) > maxFieldName {
			continue
		}
		b = append(b[:0], settings.EnvPrefix+"FIELD_"...)
		for _, r := range string(x.Key(i).Text()) {
			switch {
			case 'a' <= r && r <= 'z':
				r += 'A' - 'a'
			case 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			default:
				r = '_'
			}
			b = append(b, byte(r))
		}
		b = append(b, '=')
		value := bytes.ReplaceAll(x.Value(i).Text(), []byte{0}, nil)
		if len(value) > maxFieldValue {
			n := maxFieldValue
			for !utf8.RuneStart(value[n]) {
				n--
			}
			value = value[:n]
		}
		if room -= len(b) + len(value); room < 0 {
			break
		}
		env = append(env, string(append(b, value...)))
	}
	return env
}
