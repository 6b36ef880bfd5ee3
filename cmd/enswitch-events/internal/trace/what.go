package trace

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"sync"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/caret"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/needle"
	"github.com/enswitch-events/enswitch-events/pkg/event"
	"github.com/enswitch-events/enswitch-events/pkg/filter"
)

// What is what a call is found by: a comparison, or a text, which may be a telephone
// number. It is not safe for concurrent use.
type What struct {
	text    string
	options filter.Options
	filter  *filter.Filter
	number  []byte // the significant digits of a telephone number, nil for none
	digits  []byte // of a value, reused
}

// comparison matches a text that begins as FIELD=VALUE does, with any operator of a
// condition.
var comparison = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s*([A-Za-z_][\w.-]*)\s*(?:!=|!~|<=|>=|=|~|<|>)`) })

// ComparedField returns the field of a text that begins as FIELD=VALUE does, with any operator
// of a condition; false for another text.
func ComparedField(text string) (field string, ok bool) {
	if parts := comparison().FindStringSubmatch(text); parts != nil {
		return parts[1], true
	}
	return "", false
}

// NewWhat compiles what a call is found by, as it was typed.
func NewWhat(text string) (*What, error) {
	w := &What{text: text}
	switch {
	case strings.TrimSpace(text) == "":
		return nil, errors.New("WHAT is empty: name a telephone number, an id or FIELD=VALUE")
	case comparison().MatchString(text):
		w.options.Where = []string{text}
	default:
		w.options.Grep = []string{`\A` + regexp.QuoteMeta(text) + `\z`}
		if number, ok := appendNumber(nil, []byte(text)); ok {
			w.number = number
		}
	}
	var err error
	if w.filter, err = filter.Compile(&w.options); err != nil {
		return nil, caret.Wrap("WHAT", err)
	}
	return w, nil
}

// String returns the text as it was typed.
func (w *What) String() string { return w.text }

// Clone returns a copy for use by another goroutine.
func (w *What) Clone() *What {
	c := *w
	c.filter, c.digits = w.filter.Clone(), nil
	return &c
}

// Needles returns texts of which every line with an event that Matches contains at
// least one, or digits that each such line contains one after the other, with nothing
// but separators between them. There may be neither.
func (w *What) Needles() (texts []string, digits string) {
	if w.number != nil {
		return nil, string(w.number[len(w.number)-minDigits:])
	}
	return needle.Of(&w.options), ""
}

// Matches reports whether the event that x has scanned is what is searched for.
func (w *What) Matches(x *event.Index) bool {
	if w.number == nil {
		return w.filter.Keeps(x)
	}
	nested := false
	for i := range x.Len() {
		v := x.Value(i)
		if w.hasNumber(v) && !isIdentifier(x.Key(i)) || w.isText(v) {
			return true
		}
		nested = nested || v.Kind == event.Object || v.Kind == event.Array
	}
	return nested && w.filter.Keeps(x)
}

// isText reports whether v, or its text, equals the text that was typed. It is faster than the
// regular expression.
func (w *What) isText(v event.Value) bool {
	switch {
	case v.Kind == event.Number:
		return string(v.JSON) == w.text
	case v.Kind != event.String:
		return false
	case v.Escaped:
		return string(v.Text()) == w.text
	}
	return len(v.JSON) == len(w.text)+len(`""`) && string(v.JSON[1:len(v.JSON)-1]) == w.text
}

// isIdentifier reports whether the field with that name is not compared with numbers.
func isIdentifier(key event.Value) bool {
	return key.Is("timestamp") || key.Is("callid") || key.Is("uniqueid") || key.Is("asteriskid")
}

// hasNumber reports whether v, or a value within it, is the number.
func (w *What) hasNumber(v event.Value) bool {
	switch v.Kind {
	case event.String:
		if len(v.JSON) < minDigits+len(`""`) {
			return false
		}
		text := v.JSON[1 : len(v.JSON)-1]
		if v.Escaped {
			text = v.Text()
		}
		return w.isNumber(text)
	case event.Number:
		return w.isNumber(v.JSON)
	case event.Object, event.Array:
		return w.within(v.JSON)
	}
	return false
}

// within looks at the values within valid JSON, at any depth, but for those whose names
// are not compared.
func (w *What) within(json []byte) bool {
	skip := false // the value that comes has a name that is not compared
	for i := 0; i < len(json); {
		c := json[i]
		switch {
		case c == '"':
			end := stringEnd(json, i)
			v := event.Value{JSON: json[i:end], Kind: event.String, Escaped: bytes.IndexByte(json[i:end], '\\') >= 0}
			i = end
			if rest := bytes.TrimLeft(json[end:], " \t\r\n"); len(rest) > 0 && rest[0] == ':' {
				skip = isIdentifier(v)
			} else if !skip && w.hasNumber(v) {
				return true
			}
		case c == '-' || '0' <= c && c <= '9':
			end := i + 1
			for end < len(json) && bytes.IndexByte([]byte("0123456789+-.eE"), json[end]) >= 0 {
				end++
			}
			if !skip && w.isNumber(json[i:end]) {
				return true
			}
			i = end
		default:
			i++
		}
	}
	return false
}

// stringEnd returns the offset after the string that begins at json[i].
func stringEnd(json []byte, i int) int {
	for i++; json[i] != '"'; i++ {
		if json[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// isNumber reports whether text is the same telephone number.
func (w *What) isNumber(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	if c := text[len(text)-1]; '0' <= c && c <= '9' && c != w.number[len(w.number)-1] || c > '9' {
		return false // as most
	}
	var ok bool
	if w.digits, ok = appendNumber(w.digits[:0], text); !ok {
		return false
	}
	return bytes.HasSuffix(w.digits, w.number) || bytes.HasSuffix(w.number, w.digits)
}

// minDigits is the least number of digits of a telephone number, without those in front
// that do not count.
const minDigits = 6

// appendNumber appends the digits of a telephone number, without +, 00 or 0 in front, and
// reports whether text is one: digits with blanks and ()-./ anywhere.
func appendNumber(dst, text []byte) ([]byte, bool) {
	begin, plus := len(dst), false
	for _, c := range text {
		switch {
		case '0' <= c && c <= '9':
			dst = append(dst, c)
		case c == ' ' || c == '(' || c == ')' || c == '-' || c == '.' || c == '/':
		case c == '+' && len(dst) == begin && !plus:
			plus = true
		default:
			return dst, false
		}
	}
	digits := dst[begin:]
	switch {
	case plus:
	case bytes.HasPrefix(digits, []byte("00")):
		digits = digits[2:]
	case bytes.HasPrefix(digits, []byte("0")):
		digits = digits[1:]
	}
	n := copy(dst[begin:], digits)
	return dst[:begin+n], n >= minDigits
}
