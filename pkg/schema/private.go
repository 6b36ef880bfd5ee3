package schema

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// Examples says which values are kept.
type Examples uint8

// What can be kept.
const (
	// SafeExamples keeps values except those that may be secrets, telephone numbers, or
	// messages of people: all values of fields with such names, nested ones included, and
	// in other fields each value that looks like a secret or has six digits of a telephone
	// number in it. Ids with a point (1234567890.1), UUIDs and addresses of machines are
	// kept.
	SafeExamples Examples = iota
	// NoExamples keeps no value.
	NoExamples
	// AllExamples keeps all values.
	AllExamples
)

// privateWords are words in the name of a field whose values are not kept: a word of a name
// begins at an upper-case letter, or after anything but letters.
var privateWords = [...]string{
	// Secrets.
	"auth", "authkey", "key", "apikey", "password", "passwd", "passphrase", "pass", "passwort", "kennwort", "pwd", "secret",
	"token", "bearer", "pin", "otp", "cookie", "cookies", "credential", "credentials", "authorization", "authorisation",
	"signature", "jwt", "csrf", "cvv", "cvc", "card", "iban", "private",
	// Telephone numbers, and other addresses of people.
	"from", "to", "caller", "callee", "called", "calling", "cli", "clid", "callerid", "ani", "dnis", "src", "dst", "source",
	"destination", "dialed", "dialled", "number", "phone", "telephone", "tel", "msisdn", "mobile", "ext", "exten", "extension",
	"did", "ddi", "uri", "contact", "email", "mail", "sender", "recipient", "digits", "dtmf", "user", "username",
	"login", "fromname", "toname", "callername", "calleename", "displayname", "firstname", "lastname", "surname", "fullname",
	// What people write.
	"text", "body", "content", "subject", "sms",
}

// privateParts are texts anywhere in such a name.
var privateParts = [...]string{"authkey", "apikey", "passw", "secret", "token", "bearer", "credential", "phone", "telefon", "nummer", "numero"}

// privateEnds are texts at its end.
var privateEnds = [...]string{"key", "pwd", "pass", "pin", "otp", "number"}

// privateName reports whether the values of a field of that name are not kept.
func privateName(name string) bool {
	lower := strings.ToLower(name)
	for _, part := range privateParts {
		if strings.Contains(lower, part) {
			return true
		}
	}
	for _, end := range privateEnds {
		if strings.HasSuffix(lower, end) {
			return true
		}
	}
	all := words(name)
	for _, side := range sideWords {
		for w := range strings.FieldsSeq(side.words) {
			if len(w) >= 5 && strings.Contains(lower, w) || slices.Contains(all, w) {
				return true
			}
		}
	}
	return slices.ContainsFunc(all, func(w string) bool { return slices.Contains(privateWords[:], w) })
}

// words returns the words of a name in lower case: apiKey, api_key and API-key are api, key.
func words(name string) (all []string) {
	begin, last := 0, rune(0)
	end := func(at int) {
		if at > begin {
			all = append(all, strings.ToLower(name[begin:at]))
		}
	}
	for i, r := range name {
		switch {
		case !unicode.IsLetter(r):
			end(i)
			begin = i + utf8.RuneLen(r)
		case unicode.IsUpper(r) && unicode.IsLower(last):
			end(i)
			begin = i
		}
		last = r
	}
	end(len(name))
	return all
}

// privateMarks are texts that stand in front of a secret, in lower case.
var privateMarks = [...]string{"bearer ", "basic ", "digest ", "authkey", "apikey", "api_key", "password", "passwd", "pwd=", "secret", "token", "-----begin", "eyj"}

// privateValue reports whether a value may be a secret or a telephone number.
func privateValue(b []byte) bool {
	if dots, ok := digitsAndDots(b); ok && (dots == 1 || dots == 3) || isUUID(b) || isMAC(b) {
		return false
	}
	if hasNumber(b) || isLogin(b) {
		return true
	}
	lower := bytes.ToLower(b)
	for _, m := range privateMarks {
		if bytes.Contains(lower, []byte(m)) {
			return true
		}
	}
	return isKey(b)
}

// isLogin reports whether b may have a user before an @: an address of mail or SIP, or a URL
// with a password.
func isLogin(b []byte) bool { return bytes.IndexByte(b, '@') > 0 }

// isKey reports whether b looks like a key: long, without blanks, of letters and digits mixed.
func isKey(b []byte) bool {
	if len(b) < 20 || !all(b, func(c byte) bool { return isWord(c) || c == '+' || c == '/' || c == '=' || c == '.' }) {
		return false
	}
	letters, numbers := 0, 0
	for _, c := range b {
		if isDigit(c) {
			numbers++
		} else if isLetter(c) {
			letters++
		}
	}
	return letters >= 4 && numbers >= 4
}

// hasNumber reports whether a text has six digits with nothing but what people write between
// the digits of a telephone number.
func hasNumber(b []byte) bool {
	n := 0
	for _, c := range b {
		switch {
		case isDigit(c):
			if n++; n >= 6 && !isDate(b) {
				return true
			}
		case n > 0 && (c == ' ' || c == '-' || c == '/' || c == '(' || c == ')' || c == '.'):
		default:
			n = 0
		}
	}
	return false
}

// isDate reports whether b is a date, perhaps with a time, as 2026-11-26.
func isDate(b []byte) bool { return len(b) <= 32 && matches(date, b) }

// longName reports whether the member of an object has a name that is a value rather than a
// name: a telephone number or an id.
func longName(name string) bool {
	b := []byte(name)
	if isUUID(b) || isKey(b) {
		return true
	}
	return hasNumber(b) && all(b, func(c byte) bool {
		return isDigit(c) || c == '+' || c == ' ' || c == '-' || c == '/' || c == '(' || c == ')' || c == '.'
	})
}

// textOf returns the text or number v as text, in buf if it has escapes.
func textOf(v event.Value, buf []byte) (text, _ []byte) {
	if !v.Escaped {
		return v.Text(), buf
	}
	buf = v.AppendText(buf[:0])
	return buf, buf
}
