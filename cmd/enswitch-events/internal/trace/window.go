package trace

import "slices"

// window keeps the text around the latest call that is found in captures of which a part
// cannot be read by its offset.
type window struct {
	file   int
	begin  int64 // offset of text
	text   []byte
	center int64 // offset of what was found in it, which it goes on to surround; -1 for none

	// What is around the call that was found last.
	keptFile  int
	keptBegin int64
	kept      []byte
}

// halfWindow is how many bytes are kept on each side.
const halfWindow = 4 << 20

// add adds the text at an offset of the file with that number. The texts of a file come
// in their order.
func (w *window) add(file int, offset int64, text []byte) {
	if w.text == nil {
		w.text, w.file, w.begin, w.center = make([]byte, 0, 4*halfWindow+len(text)), file, offset, -1
	}
	if file != w.file || offset != w.begin+int64(len(w.text)) {
		w.keep()
		w.file, w.begin, w.text, w.center = file, offset, w.text[:0], -1
	}
	w.text = append(w.text, text...)
	if w.center >= 0 && w.begin+int64(len(w.text)) >= w.center+halfWindow {
		w.keep()
	}
	if len(w.text)+len(text) > 4*halfWindow {
		from := w.begin + int64(len(w.text)) - halfWindow
		if w.center >= 0 {
			from = min(from, w.center-halfWindow)
		}
		if cut := int(from - w.begin); cut > 0 {
			w.text = append(w.text[:0], w.text[cut:]...)
			w.begin = from
		}
	}
}

// found says that a call was found there, in the text that was added last. It began later
// than those before.
func (w *window) found(file int, offset int64) {
	if file == w.file && offset >= w.begin {
		w.center = offset
	}
}

// keep keeps what is around the center.
func (w *window) keep() {
	if w.center < 0 {
		return
	}
	from := max(w.center-halfWindow-w.begin, 0)
	to := min(w.center+halfWindow-w.begin, int64(len(w.text)))
	w.keptFile, w.keptBegin, w.kept = w.file, w.begin+from, append(slices.Grow(w.kept[:0], int(to-from)), w.text[from:to]...)
	w.center = -1
}

// around returns the text that is kept around an offset, and the offset where it begins, or
// nothing if it is not kept. No method may be called after it.
func (w *window) around(file int, offset int64) (text []byte, begin int64) {
	w.keep()
	w.text = nil
	if file != w.keptFile || offset < w.keptBegin || offset >= w.keptBegin+int64(len(w.kept)) {
		return nil, 0
	}
	return w.kept, w.keptBegin
}
