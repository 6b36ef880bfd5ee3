package flags

import "github.com/spf13/pflag"

// Read are the flags of a command that reads captures instead of live events.
type Read struct {
	// Files are the names of the captures, - for standard input; none for live events.
	Files  []string
	Bounds Bounds // MaxLine is for the caller to set: its flag is that of the connection
}

// Bind adds the flags to f.
func (o *Read) Bind(f *pflag.FlagSet) {
	f.StringArrayVar(&o.Files, "read", nil, "read the events from the capture `FILE`, - for standard input, instead of an ADDRESS; repeatable, merged by timestamp")
	o.Bounds.bindTimes(f)
}
