package filter

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/itchyny/gojq"
)

// Failure is the error of a jq expression that failed on an event. Its texts may hold
// parts of the event, unescaped. They are copies, so a Failure stays valid and can be
// given to another goroutine.
type Failure struct {
	// Text is the message, of some 1,000 bytes at most.
	Text string
	// Kind is the message without the values, which differ from event to event:
	// "cannot add: string (…) and number (…)". Use it to count equal failures. For an
	// error that the expression raised itself, as with error, it is Text.
	Kind string
}

// Error returns the message.
func (f *Failure) Error() string { return f.Text }

const maxFailure = 1000 // bytes of a Failure's Text

// newFailure returns the Failure for an error of gojq. It must be called before the
// next event is decoded, because the error's text is made from the event's values.
func newFailure(err error) error {
	if errors.Is(err, ErrLimit) {
		return err
	}
	if _, raised := err.(gojq.ValueError); raised { //nolint:errorlint // gojq wraps nothing
		text := shortened(err.Error())
		return &Failure{Text: text, Kind: text}
	}
	return builtinFailure(err.Error())
}

// builtinFailure returns the Failure for the message of one of gojq's own errors.
func builtinFailure(text string) *Failure {
	text = shortened(text)
	return &Failure{Text: text, Kind: withoutValues(text)}
}

// shortened returns a copy of text, cut to maxFailure bytes.
func shortened(text string) string {
	if len(text) <= maxFailure {
		return strings.Clone(text) // it may be part of a large event, which would stay in memory
	}
	n := maxFailure
	for !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}

// slicing is the beginning of a message of gojq that has quotes outside of values.
const slicing = `expected "start" and "end" for slicing but got: `

// withoutValues returns a message of gojq with … in place of each value. A value is
// written by gojq.Preview and begins a word.
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

// maxPreview is the size in bytes to which gojq.Preview cuts a value.
const maxPreview = 30

// previewed returns the length of the value that text begins with, or 0 if it does not
// begin with one.
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
	// A whole value. It is none if only its digits were cut short, as "12 ...".
	d := json.NewDecoder(strings.NewReader(text))
	var v json.RawMessage
	if d.Decode(&v) == nil {
		if n := int(d.InputOffset()); n <= maxPreview && wordEnds(text[n:]) && !strings.HasPrefix(text[n:], end) {
			return n
		}
	}
	// A value that was cut short, between two characters.
	for n := maxPreview; n > maxPreview-utf8.UTFMax; n-- {
		if n <= len(text) && strings.HasSuffix(text[:n], end) && wordEnds(text[n:]) {
			return n
		}
	}
	return 0
}

func wordEnds(rest string) bool {
	return rest == "" || strings.IndexByte(" ):;", rest[0]) >= 0
}
