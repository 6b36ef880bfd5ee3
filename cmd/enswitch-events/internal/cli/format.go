package cli

import (
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
)

// Plural returns a count with its noun: 1 event, 1,234 events.
func Plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return humanize.Comma(n) + " " + noun + "s"
}

// WarnCount logs a warning that begins with a count and its noun, unless n is 0.
func WarnCount(l *log.Logger, n int64, noun, text string) {
	if n > 0 {
		l.Warn(Plural(n, noun)+" "+text, noun+"s", n)
	}
}

// TimeOfDay returns the time of day of t, in milliseconds.
func TimeOfDay(t time.Time) string { return t.Format("15:04:05.000") }

// WrapText breaks text at spaces into lines of at most width bytes.
func WrapText(text string, width int) string {
	var b strings.Builder
	n := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case n == 0:
		case n+1+len(word) > width:
			b.WriteByte('\n')
			n = 0
		default:
			b.WriteByte(' ')
			n++
		}
		b.WriteString(word)
		n += len(word)
	}
	return b.String()
}

// Sentence returns a message with a capital letter at its beginning and a full stop at its
// end.
func Sentence(msg string) string { return strings.ToUpper(msg[:1]) + msg[1:] + "." }

// RoundDuration rounds d for a message: to 0.1 s below 10 s, to seconds above.
func RoundDuration(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}
