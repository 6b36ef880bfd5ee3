package render

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// A number of an event is of type whole if its text is that of an int64, and of
// type number otherwise. Both print as written, and compare and format as
// numbers, by the functions below, which take the place of those of
// text/template.

type whole int64

// number is the text of a JSON number.
type number string

// MarshalJSON returns the text.
func (n number) MarshalJSON() ([]byte, error) { return []byte(n), nil }

// numberOf makes a whole or a number of the text of a JSON number.
func numberOf(text string) any {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(i, 10) == text {
		return whole(i)
	}
	return number(text)
}

// decimal returns the number that v is. Text is one if it reads as a JSON number, as
// the fields of POSTed forms do; 007 does not: it may be the number of a telephone.
func decimal(v any) (d event.Decimal, ok bool) {
	var digits string
	switch v := v.(type) {
	case whole:
		digits = strconv.FormatInt(int64(v), 10)
	case number:
		digits = string(v)
	case float64: // a constant of the template
		digits = strconv.FormatFloat(v, 'g', -1, 64)
	case string, text, shown:
		if digits = plainText(v); !event.IsNumber([]byte(digits)) {
			return d, false
		}
	default:
		if !isNumber(v) {
			return d, false
		}
		digits = fmt.Sprint(v)
	}
	return event.ParseDecimal([]byte(digits))
}

// isNumber reports whether v is a number, and not text that reads as one.
func isNumber(v any) bool {
	switch v.(type) {
	case number:
		return true
	}
	n := reflect.ValueOf(v)
	return n.CanInt() || n.CanUint() || n.CanFloat()
}

func isText(v any) bool {
	switch v.(type) {
	case string, text, shown:
		return true
	}
	return false
}

// valueError says that a value is not what a function needs.
type valueError struct {
	value any
	fault string
}

func (e *valueError) Error() string {
	const most = 40 // bytes of the value
	value := plainText(e.value)
	switch {
	case e.value == nil:
		value = "a field that is missing"
	case len(value) > most:
		value = strconv.Quote(strings.ToValidUTF8(value[:most], "") + "…")
	case isText(e.value):
		value = strconv.Quote(value)
	}
	return value + " " + e.fault
}

// order compares two numbers, or two texts.
func order(a, b any) (int, error) {
	if isText(a) && isText(b) {
		return strings.Compare(plainText(a), plainText(b)), nil
	}
	x, ok := decimal(a)
	if !ok {
		return 0, &valueError{a, "is no number"}
	}
	y, ok := decimal(b)
	if !ok {
		return 0, &valueError{b, "is no number"}
	}
	return x.Compare(y), nil
}

// equal reports whether a is b, or one of the others. Values of different kinds
// are not.
func equal(a, b any, others ...any) (bool, error) {
	for _, b := range append([]any{b}, others...) {
		if same, err := equals(a, b); same || err != nil {
			return same, err
		}
	}
	return false, nil
}

func equals(a, b any) (bool, error) {
	for _, v := range []any{a, b} {
		switch v.(type) {
		case []any, map[string]any:
			return false, errors.New("an array or an object cannot be compared")
		}
	}
	switch {
	case isText(a) && isText(b):
		return plainText(a) == plainText(b), nil
	case isNumber(a) || isNumber(b):
		x, ok := decimal(a)
		y, okToo := decimal(b)
		return ok && okToo && x.Compare(y) == 0, nil
	}
	return a == b, nil
}

// integer returns the value of an argument that is a number of columns.
func integer(v any) (int, error) {
	if d, ok := decimal(v); ok {
		if i, ok := d.Int64(); ok && math.MinInt32 <= i && i <= math.MaxInt32 {
			return int(i), nil
		}
	}
	return 0, &valueError{v, "is no number of columns"}
}

// printf is fmt.Sprintf for values of events: a number goes with every verb for
// numbers, and what is missing prints as nothing.
func printf(format string, args ...any) (string, error) {
	var err error
	values := make([]any, len(args))
	for i, v := range args {
		values[i] = v
		switch v.(type) {
		case nil, whole, number, text, shown, []any, map[string]any:
			values[i] = formatted{v, &err}
		}
	}
	s := fmt.Sprintf(format, values...)
	return s, err
}

// formatted is an argument of printf. It notes the first fault in err.
type formatted struct {
	v   any
	err *error
}

// Format formats the value.
func (f formatted) Format(s fmt.State, verb rune) {
	spec := fmt.FormatString(s, verb)
	v := f.v
	if t := plainText(v); isText(v) && strings.ContainsRune(numberVerbs, verb) {
		if _, ok := decimal(v); ok {
			v = numberOf(t)
		}
	}
	var ok bool
	switch v := v.(type) {
	case nil:
		fmt.Fprintf(s, "%"+widthOf(s)+"s", "")
		return
	case whole:
		ok = formatNumber(s, spec, verb, strconv.FormatInt(int64(v), 10))
	case number:
		ok = formatNumber(s, spec, verb, string(v))
	default:
		if ok = strings.ContainsRune("svqxX", verb); ok {
			t := string(showText(v))
			if verb == 'x' || verb == 'X' {
				t = plainText(v)
			}
			fmt.Fprintf(s, spec, t)
		}
	}
	if !ok && *f.err == nil {
		*f.err = &valueError{f.v, "does not go with %" + string(verb)}
	}
}

// numberVerbs are the verbs of printf that only numbers go with.
const numberVerbs = "dboOcUeEfFgG"

// maxBits bounds whole numbers that are formatted with %d and the like: to those of
// some 77 digits.
const maxBits = 256

// formatNumber formats the number that digits is, if that goes with the verb.
func formatNumber(s fmt.State, spec string, verb rune, digits string) bool {
	switch verb {
	case 'v', 's', 'q':
		if verb == 'v' {
			spec = strings.TrimSuffix(spec, "v") + "s"
		}
		fmt.Fprintf(s, spec, digits)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		f, err := strconv.ParseFloat(digits, 64)
		if err != nil {
			return false
		}
		fmt.Fprintf(s, spec, f)
	case 'd', 'b', 'o', 'O', 'x', 'X', 'c', 'U':
		if d, ok := decimal(number(digits)); !ok {
			return false
		} else if i, ok := d.Int64(); ok {
			fmt.Fprintf(s, spec, i)
			return true
		}
		f, _, err := big.ParseFloat(digits, 10, maxBits, big.ToNearestEven)
		if err != nil || !f.IsInt() || f.MantExp(nil) > maxBits || verb == 'c' || verb == 'U' {
			return false
		}
		i, _ := f.Int(nil)
		fmt.Fprintf(s, spec, i)
	default:
		return false
	}
	return true
}

// widthOf is the width of a verb and the flag - of it.
func widthOf(s fmt.State) (spec string) {
	if s.Flag('-') {
		spec = "-"
	}
	if n, ok := s.Width(); ok {
		spec += strconv.Itoa(n)
	}
	return spec
}
