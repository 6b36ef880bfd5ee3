package engine

import "github.com/enswitch-events/enswitch-events/pkg/capture"

type noteKind uint8

const (
	noteReject noteKind = iota
	noteDamage
	noteSkip
	noteFailure
	noteBack    // an event that --merge found out of order
	noteUntimed // an event in which --merge found no timestamp
	noteChange
)

// note is something to report, or to count, when the fold has reached its place.
type note struct {
	kind    noteKind
	n       int64  // how often
	at      int    // offset in the data of the block
	name    string // of the source, or the flag that failed
	excerpt []byte
	size    int
	offset  int64  // in the uncompressed file, or the bytes that were skipped
	failure string // its kind
	err     error
	change  capture.Change
}

// noteOverhead is the memory that a note takes besides its text.
const noteOverhead = 100

// maxReadNotes bounds the notes of one block about what was found while it was read.
// Past that, notes of the same kind are only counted.
const maxReadNotes = 1000

// addRead adds a note about what was found while a capture was read.
func addRead(notes []note, n note) []note {
	if len(notes) >= maxReadNotes {
		// Damage and the line that it cut off come in turn.
		for i := len(notes) - 1; i >= len(notes)-2; i-- {
			if notes[i].kind == n.kind {
				notes[i].n++
				return notes
			}
		}
	}
	return append(notes, n)
}

// addNotes adds notes about what was found while b was read, whose text begins at that
// offset of the file. It returns notes emptied.
func (b *Block) addNotes(notes []note, offset int64) []note {
	for _, n := range notes {
		n.at = int(max(n.offset-offset, 0))
		b.readNotes = append(b.readNotes, n)
	}
	return notes[:0]
}

// damage is the note about a part of a capture that could not be read.
func damage(name string, err error) note {
	n := note{kind: noteDamage, n: 1, name: name, err: err}
	if d, ok := err.(capture.Damage); ok { //nolint:errorlint // capture does not wrap it
		n.offset = d.Text
	}
	return n
}

// report reports notes about a piece of b, and those of its readNotes that are before
// the offset end, in the order of their places.
func (f *folder) report(b *Block, notes []note, end int) {
	read := b.readNotes[b.readReported:]
	for len(notes) > 0 || len(read) > 0 && read[0].at < end {
		if len(notes) > 0 && (len(read) == 0 || notes[0].at < read[0].at) {
			f.reportNote(&notes[0])
			notes = notes[1:]
			continue
		}
		if read[0].kind == noteReject {
			f.unbooked.Received += read[0].n
			f.unbooked.Rejected += read[0].n
		}
		f.reportNote(&read[0])
		read = read[1:]
		b.readReported++
	}
}

func (f *folder) reportNote(n *note) {
	switch {
	case n.kind == noteBack:
		f.back++
	case n.kind == noteUntimed:
		f.unordered++
	case n.kind == noteReject && f.OnReject != nil:
		f.OnReject(Rejected{n.name, n.excerpt, n.size, n.offset, n.err})
	case n.kind == noteDamage && f.OnDamage != nil:
		for range n.n {
			f.OnDamage(n.err)
		}
	case n.kind == noteSkip && f.OnSkip != nil:
		f.OnSkip(n.name, n.offset)
	case n.kind == noteFailure && f.OnFailure != nil:
		f.OnFailure(n.name, n.failure, n.err.Error())
	case n.kind == noteChange && f.OnChange != nil:
		f.OnChange(n.name, n.change)
	}
}
