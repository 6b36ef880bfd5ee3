package filter

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/itchyny/gojq"
)

// Failure is why a jq expression failed on an event. Its texts are its own: it
// can be kept and handed to another goroutine. They may hold parts of the event
// as they came.
type Failure struct {
	// Text is the message, of at most some 1,000 bytes.
	Text string
	// Kind is the message without the values that differ from event to event:
	// "cannot add: string (…) and number (…)". What an expression raised by
	// itself, as with error, is its own kind.
	Kind string
}

// Error returns the message.
func (f *Failure) Error() string { return f.Text }

const maxFailure = 1000 // bytes of a Failure's Text

// newFailure makes a Failure of an error of gojq, whose text must be made before
// the next event is decoded.
func newFailure(err error) error {
	if errors.Is(err, ErrTooLong) {
		return err
	}
	if _, raised := err.(gojq.ValueError); raised { //nolint:errorlint // gojq wraps nothing
		text := shortened(err.Error())
		return &Failure{Text: text, Kind: text}
	}
	return builtinFailure(err.Error())
}

// builtinFailure makes a Failure of the message of one of gojq's own errors.
func builtinFailure(text string) *Failure {
	text = shortened(text)
	return &Failure{Text: text, Kind: withoutValues(text)}
}

// shortened returns text, cut short where it is too long.
func shortened(text string) string {
	if len(text) <= maxFailure {
		return strings.Clone(text) // it may be part of a large event
	}
	n := maxFailure
	for !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}

// slicing begins a message of gojq that has quotes of its own.
const slicing = `expected "start" and "end" for slicing but got: `

// withoutValues returns a message of gojq with … in the place of each value. A
// value is written as gojq.Preview does and begins a word.
func withoutValues(text string) string {
	var b strings.Builder
	from, i := 0, 0
	if strings.HasPrefix(text, slicing) {
		i = len(slicing)
	}
	for i < len(text) {
		n := 0
		if i == 0 || text[i-1] == ' ' || text[i-1] == '(' {
			n = previewed(text[i:])
		}
		if n == 0 {
			i++
			continue
		}
		b.WriteString(text[from:i])
		b.WriteString("…")
		i += n
		from = i
	}
	if from == 0 {
		return text
	}
	b.WriteString(text[from:])
	return b.String()
}

// mostPreview is how long gojq.Preview makes a value.
const mostPreview = 30

// previewed returns the length of the value that text begins with, 0 if it
// begins with none.
func previewed(text string) int {
	if text == "" || strings.IndexByte(`"[{-0123456789`, text[0]) < 0 && !strings.HasPrefix(text, "true)") && !strings.HasPrefix(text, "false)") {
		return 0
	}
	end := " ..."
	switch text[0] {
	case '"':
		end = ` ..."`
	case '[':
		end = " ...]"
	case '{':
		end = " ...}"
	}
	// A whole value, unless it is the digits of a number that was cut short.
	d := json.NewDecoder(strings.NewReader(text))
	var v json.RawMessage
	if d.Decode(&v) == nil {
		if n := int(d.InputOffset()); n <= mostPreview && wordEnds(text[n:]) && !strings.HasPrefix(text[n:], end) {
			return n
		}
	}
	// One that was cut short, which is at a whole character.
	for n := mostPreview; n > mostPreview-utf8.UTFMax; n-- {
		if n <= len(text) && strings.HasSuffix(text[:n], end) && wordEnds(text[n:]) {
			return n
		}
	}
	return 0
}

func wordEnds(rest string) bool {
	return rest == "" || strings.IndexByte(" ):;", rest[0]) >= 0
}
