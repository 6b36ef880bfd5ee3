package render

// place lays out what was written from dst[start:], of n columns and with a blank
// before its begin at token, unless it is the first.
func (l *line) place(start, token, n int) {
	at := l.column + token - start
	if at+n > l.width && at > l.indent && l.indent+n <= l.width {
		blanks := l.width - l.column + l.indent
		l.dst = insertBlanks(l.dst, start, token, blanks)
		at = l.indent
	}
	l.column = l.wrapped(at + n)
}

// wrapped is the column on its row of what began column columns ago. The edge
// itself belongs to the row that it ends, as on a terminal.
func (l *line) wrapped(column int) int {
	if l.width == 0 || column <= l.width {
		return column
	}
	return (column-1)%l.width + 1
}

// insertBlanks replaces dst[from:to] by n blanks.
func insertBlanks(dst []byte, from, to, n int) []byte {
	end := len(dst)
	more := n - (to - from)
	for range more {
		dst = append(dst, ' ')
	}
	copy(dst[to+more:], dst[to:end])
	for i := from; i < to+more; i++ {
		dst[i] = ' '
	}
	return dst
}
