package files

import (
	"slices"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/pipeline"
	"github.com/enswitch-events/enswitch-events/pkg/capture"
)

// slot holds a block of lines on its way from the files to the output. Slots are
// used again and again, and their number bounds what the program takes of
// memory.
type slot struct {
	ready chan struct{} // holds a value once the block has been filtered

	// Of the one who reads.
	text        []byte
	runs        []run
	readNotes   []note
	readRejects int64

	// Of the worker.
	out     []byte // what is to be written, unless one renderer does it all
	row     row    // written after out
	items   []item // what it is to render
	values  []byte // the values of items
	notes   []note
	ledger  pipeline.Ledger // Received, Kept, Filtered, Rejected, Repaired, Failed
	untimed int64
	end     pipeline.End
}

// run is lines in a row of one file. It goes to the next run's begin.
type run struct {
	begin  int // in text
	name   string
	offset int64 // of begin in the text of that file
}

// row is lines in a row of text that are to be written as they stand there. They
// are copied to out only if something else follows: of a block that is kept as a
// whole nothing is.
type row struct{ begin, end int }

// item is something to render: the event text[begin:end], or a value in its
// place.
type item struct {
	begin, end           int
	run                  int
	value                bool
	valueBegin, valueEnd int
}

type noteKind uint8

const (
	noteReject noteKind = iota
	noteDamage
	noteSkip
	noteFilter
	noteQuery
	noteRender
)

// note is something to tell when a block's turn has come.
type note struct {
	kind   noteKind
	name   string
	line   []byte
	offset int64
	err    error
}

const (
	// maxNotes bounds the notes of each kind in a block.
	maxNotes = 100
	// maxNoteLine is how much of a rejected line is kept.
	maxNoteLine = 128
	// most is the size of a buffer that is not kept for the next block.
	most = 4 * capture.BlockSize
)

func (s *slot) reset() {
	s.text, s.out, s.values = small(s.text), small(s.out), small(s.values)
	s.runs, s.readNotes, s.readRejects = s.runs[:0], s.readNotes[:0], 0
}

// asItStands has the line text[begin:end] written, which has its end.
func (s *slot) asItStands(begin, end int) {
	if begin != s.row.end {
		s.settle()
		s.row.begin = begin
	}
	s.row.end = end
}

// settle makes out all that is to be written so far.
func (s *slot) settle() {
	s.out = append(s.out, s.text[s.row.begin:s.row.end]...)
	s.row.begin = s.row.end
}

// output returns what is to be written.
func (s *slot) output() []byte {
	if len(s.out) == 0 {
		return s.text[s.row.begin:s.row.end]
	}
	s.settle()
	return s.out
}

func small(b []byte) []byte {
	if cap(b) > most {
		return nil
	}
	return b[:0]
}

// rejected notes a line that the reading rejected.
func (s *slot) rejected(name string, line []byte, offset int64, err error) {
	s.readRejects++
	s.readNotes = addReject(s.readNotes, name, line, offset, err)
}

func addReject(notes []note, name string, line []byte, offset int64, err error) []note {
	if len(notes) >= maxNotes {
		return notes
	}
	excerpt := slices.Clone(line[:min(len(line), maxNoteLine)])
	return append(notes, note{kind: noteReject, name: name, line: excerpt, offset: offset, err: err})
}

// stopped takes back what the reading noted of the text from offset on of the
// file called name, where the run ended.
func (s *slot) stopped(name string, offset int64) {
	s.readRejects = 0
	s.readNotes = slices.DeleteFunc(s.readNotes, func(n note) bool {
		if n.kind == noteReject && n.name == name && n.offset < offset {
			s.readRejects++
			return false
		}
		return n.kind != noteSkip
	})
}
