package render

import "slices"

const (
	markOn  = "\x1b[7m"
	markOff = "\x1b[27m"
)

// mark shows what the highlight expressions match in dst[start:] in reverse.
// They see the visible text alone, one row at a time, and a mark goes around
// the escape sequences in it: within one, each colour that begins or ends
// there is followed by the mark again.
func (r *Renderer) mark(dst []byte, start int) []byte {
	if len(r.marks) == 0 {
		return dst
	}
	colored := slices.Clone(dst[start:])
	dst = dst[:start]
	for len(colored) > 0 {
		row := colored
		for i, c := range colored {
			if c == '\n' {
				row = colored[:i+1]
				break
			}
		}
		dst = r.markRow(dst, row)
		colored = colored[len(row):]
	}
	return dst
}

func (r *Renderer) markRow(dst, row []byte) []byte {
	visible := stripSGR(row)
	marked := make([]bool, len(visible))
	for _, re := range r.marks {
		for _, m := range re.FindAllIndex(visible, -1) {
			for i := m[0]; i < m[1]; i++ {
				marked[i] = visible[i] != '\n'
			}
		}
	}
	on := false
	at := 0 // in visible
	for i := 0; i < len(row); {
		if n := sgrLen(row[i:]); n > 0 {
			dst = append(dst, row[i:i+n]...)
			if on {
				dst = append(dst, markOn...)
			}
			i += n
			continue
		}
		if marked[at] != on {
			on = !on
			if on {
				dst = append(dst, markOn...)
			} else {
				dst = append(dst, markOff...)
			}
		}
		dst = append(dst, row[i])
		i++
		at++
	}
	if on {
		dst = append(dst, markOff...)
	}
	return dst
}

// sgrLen returns the length of the escape sequence that sets colours and
// begins text, 0 if none does.
func sgrLen(text []byte) int {
	if len(text) < 3 || text[0] != 0x1b || text[1] != '[' {
		return 0
	}
	for i, c := range text[2:] {
		switch {
		case c == 'm':
			return i + 3
		case c != ';' && (c < '0' || c > '9'):
			return 0
		}
	}
	return 0
}

func stripSGR(text []byte) (plain []byte) {
	for i := 0; i < len(text); {
		if n := sgrLen(text[i:]); n > 0 {
			i += n
			continue
		}
		plain = append(plain, text[i])
		i++
	}
	return plain
}
