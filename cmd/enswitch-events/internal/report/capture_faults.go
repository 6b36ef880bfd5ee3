package report

import (
	"errors"
	"fmt"
	"io"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/pkg/capture"
	"github.com/enswitch-events/enswitch-events/pkg/oserr"
)

// CaptureFaults logs what is wrong with the captures of a run. Its methods are the
// callbacks of the reader; one goroutine at a time may use it.
type CaptureFaults struct {
	// Hide shows no part of a line.
	Hide     bool
	log      *log.Logger
	rejected Rejections
	skipped  int64 // bytes outside the bounds
	damaged  int
}

// NewCaptureFaults returns a CaptureFaults that writes to l.
func NewCaptureFaults(l *log.Logger) *CaptureFaults { return &CaptureFaults{log: l} }

// Reject warns of the first rejected line of each kind, and logs the others with -v.
func (f *CaptureFaults) Reject(r engine.Rejected) {
	msg := fmt.Sprintf("%s: rejected at byte %d, no event %s", r.Source, r.Offset, RejectionText(r.Err, r.Excerpt, int64(r.Size), f.Hide))
	if !f.rejected.First(r.Err) {
		f.log.Debug(msg, "source", r.Source, "offset", r.Offset)
		return
	}
	attrs := []any{"source", r.Source, "offset", r.Offset}
	if hint := foreignFormatHint(r.Excerpt, r.Size > len(r.Excerpt)); hint != "" {
		attrs = append(attrs, log.HintKey, hint)
	}
	f.log.Warn(msg, attrs...)
}

// conversions are the commands that make NDJSON from formats that cannot be read, by the
// name of the format.
var conversions = map[string]string{ //nolint:gochecknoglobals // a table that nothing changes
	"compressed with xz":        "xz -dc FILE | enswitch-events cat",
	"compressed with bzip2":     "bzip2 -dc FILE | enswitch-events cat",
	"compressed with lz4":       "lz4 -dc FILE | enswitch-events cat",
	"a zip archive":             "unzip -p FILE | enswitch-events cat",
	"a 7z archive":              "7z x -so FILE | enswitch-events cat",
	"a Parquet file":            "duckdb -c \"copy (from 'FILE') to 'FILE.ndjson'\"",
	"a packet capture (pcap)":   packets,
	"a packet capture (pcapng)": packets,
	"an SQLite database":        "have sqlite3 print the events, one a line",
}

const packets = "not the packets are read, but the events that they carry, one a line"

// Damage logs an error of a file that cannot be read, or not all of it. After the first
// few it only counts them.
func (f *CaptureFaults) Damage(err error) {
	f.damaged++
	var attrs []any
	if hint := cli.FileHint(err); hint != "" {
		attrs = []any{log.HintKey, hint}
	}
	if d, ok := errors.AsType[capture.Damage](err); ok {
		if errors.Is(d.Err, io.ErrUnexpectedEOF) {
			d.Err = errors.New("it is cut off there")
		} else if f, ok := errors.AsType[*capture.FormatError](d.Err); ok && conversions[f.Format] != "" {
			d.Err = fmt.Errorf("%w: %s", f, conversions[f.Format])
		}
		err = d
	} else {
		err = oserr.File(err)
	}
	if f.damaged <= maxKinds {
		f.log.Error(cli.OneLine(err), attrs...)
	}
}

// Skip counts bytes of the file called name that were not read because they are outside
// the bounds.
func (f *CaptureFaults) Skip(name string, bytes int64) {
	f.skipped += bytes
	f.log.Debug(fmt.Sprintf("%s: %s are outside the bounds and not read", name, humanize.IBytes(uint64(bytes))), "source", name, "bytes", bytes)
}

// Skipped returns the sum of the bytes that were skipped.
func (f *CaptureFaults) Skipped() int64 { return f.skipped }

// Failure returns the error of a run in which not everything could be read, or nil.
func (f *CaptureFaults) Failure() error {
	if f.damaged == 0 {
		return nil
	}
	return cli.NewError(cli.ExitFailure, fmt.Errorf("not everything could be read: %s", cli.Plural(int64(f.damaged), "fault")), "")
}
