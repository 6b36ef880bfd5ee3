package event

// nested checks the object or array that begins at b[i] and returns the offset past
// it.
func (x *Index) nested(b []byte, i int) (end int, err error) {
	for depth := 0; ; { // open brackets
		if i >= len(b) {
			return i, short(b)
		}
		switch c := b[i]; c {
		case '{', '[':
			if depth+1 >= MaxDepth {
				return i, &Error{i, "nested more than 10,000 deep"}
			}
			i = x.space(b, i+1)
			if i < len(b) && b[i] == c+2 { // } and ] follow { and [ at a distance of two
				i++
				break
			}
			x.opened(depth, c == '{')
			depth++
			if c == '{' {
				if _, _, i, err = x.name(b, i); err != nil {
					return i, err
				}
			}
			continue
		case '"':
			i, _, err = x.str(b, i, i+1)
		default:
			_, i, err = scalar(b, i)
		}
		if err != nil {
			return i, err
		}
		if i, depth, err = x.closed(b, i, depth); err != nil || depth == 0 {
			return i, err
		}
	}
}

// opened notes the kind of the bracket that is opened at a depth.
func (x *Index) opened(depth int, object bool) {
	word, bit := depth>>6, uint64(1)<<(depth&63)
	if word == len(x.open) {
		x.open = append(x.open, 0)
	}
	if object {
		x.open[word] |= bit
	} else {
		x.open[word] &^= bit
	}
}

// closed checks what follows a value, from b[i] on: closing brackets, then a comma and
// in an object a name. It returns the offset of the next value and how many brackets
// are still open. If none is, it returns the offset past the last one.
func (x *Index) closed(b []byte, i, depth int) (next, open int, err error) {
	for depth > 0 {
		if i = x.space(b, i); i >= len(b) {
			return i, depth, short(b)
		}
		object := x.open[(depth-1)>>6]&(1<<((depth-1)&63)) != 0
		switch c := b[i]; {
		case c == ',':
			if i = x.space(b, i+1); object {
				_, _, i, err = x.name(b, i)
			}
			return i, depth, err
		case c == '}' && object, c == ']' && !object:
			i++
			depth--
		case object:
			return i, depth, unexpected(b, i, "a comma or }")
		default:
			return i, depth, unexpected(b, i, "a comma or ]")
		}
	}
	return i, 0, nil
}
