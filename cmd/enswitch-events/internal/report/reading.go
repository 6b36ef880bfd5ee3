package report

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/dustin/go-humanize"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/engine"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/log"
	"github.com/enswitch-events/enswitch-events/pkg/capture"
)

// Reading says what is wrong with captures that are read.
type Reading struct {
	A        *cli.App
	rejected rejections
	Skipped  int64 // bytes outside the bounds
	damaged  int
}

// Reject says the first line of each kind that was rejected, and with -v all.
func (c *Reading) Reject(r engine.Rejected) {
	msg := fmt.Sprintf("%s: rejected at byte %d, no event %s", r.Source, r.Offset, Rejection(r.Err, r.Excerpt, int64(r.Size)))
	if !c.rejected.first(r.Err) {
		c.A.Log.Debug(msg, "source", r.Source, "offset", r.Offset)
		return
	}
	attrs := []any{"source", r.Source, "offset", r.Offset}
	if hint := strange(r.Excerpt); hint != "" {
		attrs = append(attrs, log.Below, hint)
	}
	c.A.Log.Warn(msg, attrs...)
}

// conversions says how to make events of a format that is not read, one a line.
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

func (c *Reading) Damage(err error) {
	c.damaged++
	if d, ok := errors.AsType[capture.Damage](err); ok {
		if errors.Is(d.Err, io.ErrUnexpectedEOF) {
			d.Err = errors.New("it is cut off there")
		} else if f, ok := errors.AsType[*capture.FormatError](d.Err); ok && conversions[f.Format] != "" {
			d.Err = fmt.Errorf("%w: %s", f, conversions[f.Format])
		}
		err = d
	} else if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = fmt.Errorf("%s: %w", e.Path, e.Err)
	}
	if c.damaged <= maxFaults {
		c.A.Log.Error(cli.OneLine(err))
	}
}

func (c *Reading) Skip(name string, bytes int64) {
	c.Skipped += bytes
	c.A.Log.Debug(fmt.Sprintf("%s: %s are outside the bounds and not read", name, humanize.IBytes(uint64(bytes))), "source", name, "bytes", bytes)
}

// Failure is the error of a run in which not everything could be read, or nil.
func (c *Reading) Failure() error {
	if c.damaged == 0 {
		return nil
	}
	return cli.NewError(cli.ExitFailure, fmt.Errorf("not everything could be read: %s", cli.Plural(int64(c.damaged), "fault")), "")
}
