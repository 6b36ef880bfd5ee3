package pseudonym

import (
	"bytes"
	"cmp"
	"slices"
)

// known is the originals of an event, or of a call, to be found in other fields.
type known struct {
	exact   map[string]bool           // the texts
	texts   []part                    // what is replaced within other texts, the longest first
	heads   map[[minText]byte]bool    // the first bytes of texts
	windows map[[windowSize]byte]bool // runs of digits
	sorted  bool
	over    bool
	out     []byte
	digits  []byte
	spans   []span
}

// part is a part of an original that is replaced wherever it is.
type part struct {
	text, made []byte
	anywhere   bool // else between what are no letters or digits
}

// maxKnown bounds the originals. If there are more, every text becomes a made-up one.
const maxKnown = 256

// maxReused is the most windows that a map may have for its memory to be used again.
const maxReused = 10_000

func (k *known) reset() {
	if len(k.windows) > maxReused {
		*k = known{} // of a giant event
		return
	}
	clear(k.exact)
	clear(k.windows)
	clear(k.heads)
	k.texts, k.over = k.texts[:0], false
}

func (k *known) none() bool { return len(k.exact) == 0 && !k.over }

func (k *known) tooMany() bool { return k.over }

func (k *known) has(text []byte) bool { return k.exact[string(text)] }

// add adds an original. m makes up what takes its place.
func (k *known) add(text []byte, m *Maker) {
	if len(bytes.TrimSpace(text)) == 0 || k.exact[string(text)] {
		return
	}
	if len(k.exact) == maxKnown {
		k.over = true
		return
	}
	if k.exact == nil {
		k.exact, k.windows, k.heads = map[string]bool{}, map[[windowSize]byte]bool{}, map[[minText]byte]bool{}
	}
	k.exact[string(text)] = true
	for i := 0; i < len(text); i++ {
		if !isDigit(text[i]) {
			continue
		}
		i = k.run(text, i)
		for j := 0; j+windowSize <= len(k.digits); j++ {
			if w := [windowSize]byte(k.digits[j:]); w != [windowSize]byte([]byte("000000")) {
				k.windows[w] = true
			}
		}
	}
	k.addText(text, m)
	if a, ok := parseAddress(text); ok && !IsNumber(text) {
		for _, part := range [][]byte{a.display, a.user, a.host} {
			if len(part) > 0 && len(part) < len(text) {
				k.add(bytes.Clone(part), m)
			}
		}
	}
}

// minText is the least length in bytes of a text that is replaced within others.
const minText = 3

// anywhereFrom is the least length in bytes of a text that is replaced also within a word.
const anywhereFrom = 6

// addText adds a text that is replaced within others: a name, an address, or a short number.
// Longer numbers are found by their digits.
func (k *known) addText(text []byte, m *Maker) {
	text = bytes.TrimSpace(text)
	number := IsNumber(text)
	if len(text) < minText || number && len(digitsOf(nil, text)) >= windowSize {
		return
	}
	k.sorted = false
	low := bytes.ToLower(text)
	if len(low) < minText {
		return // letters whose other case is shorter
	}
	k.heads[[minText]byte(low)] = true
	k.texts = append(k.texts, part{
		text: low, made: m.AppendText(nil, text), anywhere: len(text) >= anywhereFrom && !number,
	})
}

// replaceTexts returns text with the texts of originals replaced, in whatever case. It is
// valid until the next call.
func (k *known) replaceTexts(text []byte) []byte {
	if len(k.texts) == 0 {
		return text
	}
	if !k.sorted {
		slices.SortStableFunc(k.texts, func(a, b part) int { return cmp.Compare(len(b.text), len(a.text)) })
		k.sorted = true
	}
	low := bytes.ToLower(text)
	if len(low) != len(text) {
		low = text // letters whose other case is longer
	}
	k.out = k.out[:0]
	copied := 0
next:
	for i := 0; i+minText <= len(low); i++ {
		if !k.heads[[minText]byte(low[i:])] {
			continue
		}
		for _, p := range k.texts {
			if bytes.HasPrefix(low[i:], p.text) && (p.anywhere || isWord(low, i, i+len(p.text))) {
				k.out = append(append(k.out, text[copied:i]...), p.made...)
				copied = i + len(p.text)
				i = copied - 1
				continue next
			}
		}
	}
	if copied == 0 {
		return text
	}
	k.out = append(k.out, text[copied:]...)
	return k.out
}

// isWord reports whether neither the byte before text[i:end] nor the one after it is a letter
// or digit.
func isWord(text []byte, i, end int) bool {
	return (i == 0 || !isWordByte(text[i-1])) && (end == len(text) || !isWordByte(text[end]))
}

func isWordByte(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' || c >= 0x80
}

// sharesDigits reports whether text has a run of windowSize digits that an original has.
func (k *known) sharesDigits(text []byte) bool {
	if len(k.windows) == 0 {
		return false
	}
	k.digits = digitsOf(k.digits[:0], text)
	for i := 0; i+windowSize <= len(k.digits); i++ {
		if k.windows[[windowSize]byte(k.digits[i:])] {
			return true
		}
	}
	return false
}

// span is a group of digits: text[begin:end], of which the first is that number among the
// digits of the run. Between the groups of a run there are separators only.
type span struct {
	begin, end, first int
	hit               bool // digits of an original are among them
}

// replaceNumbers returns text with other digits where it has a run of windowSize digits that
// an original has, with or without separators between them. buf is the memory for the result.
func (k *known) replaceNumbers(text []byte, m *Maker, buf *[]byte) []byte {
	if len(k.windows) == 0 || len(text) < windowSize {
		return text
	}
	out := text
	for i := 0; i < len(text); {
		if !isDigit(text[i]) {
			i++
			continue
		}
		end := k.run(text, i)
		if len(k.digits) >= windowSize && k.mark() {
			if &out[0] == &text[0] {
				out = append((*buf)[:0], text...)
				*buf = out
			}
			k.makeUp(out, m)
		}
		i = end
	}
	return out
}

// run notes the groups of digits from text[i] on, and returns the offset after them.
func (k *known) run(text []byte, i int) (end int) {
	k.spans, k.digits = k.spans[:0], k.digits[:0]
	for i < len(text) {
		begin := i
		for i < len(text) && isDigit(text[i]) {
			i++
		}
		k.spans = append(k.spans, span{begin: begin, end: i, first: len(k.digits)})
		k.digits = append(k.digits, text[begin:i]...)
		end = i
		for i < len(text) && isSeparator(text[i]) {
			i++
		}
		if i == len(text) || !isDigit(text[i]) {
			break
		}
	}
	return end
}

// mark marks the groups that have digits of an original, and reports whether there are any.
func (k *known) mark() (found bool) {
	spans := k.spans // without those before the digits that are looked at
	for i := 0; i+windowSize <= len(k.digits); i++ {
		if !k.windows[[windowSize]byte(k.digits[i:])] {
			continue
		}
		found = true
		for len(spans) > 0 && spans[0].first+spans[0].end-spans[0].begin <= i {
			spans = spans[1:]
		}
		for j := 0; j < len(spans) && spans[j].first < i+windowSize; j++ {
			spans[j].hit = true
		}
	}
	return found
}

// makeUp replaces the digits of the marked groups in text, of groups side by side together.
func (k *known) makeUp(text []byte, m *Maker) {
	for i := 0; i < len(k.spans); i++ {
		if !k.spans[i].hit {
			continue
		}
		j := i
		for j < len(k.spans) && k.spans[j].hit {
			j++
		}
		last := &k.spans[j-1]
		digits := k.digits[k.spans[i].first : last.first+last.end-last.begin]
		m.number(digits)
		for _, s := range k.spans[i:j] {
			digits = digits[copy(text[s.begin:s.end], digits):]
		}
		i = j
	}
}
