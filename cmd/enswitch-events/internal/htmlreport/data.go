package htmlreport

import "github.com/enswitch-events/enswitch-events/pkg/call"

type Data struct {
	From, To, Events int64
	Spans            []Span
	Calls            *call.Counts
	Machines         []MachineData
	Week             [7][24]Hour
	Slowest, Failed  []*call.Row
	Causes           []Cause
	Gaps             []Gap
	MoreGaps         int64
	Guessed          bool
}
type Span struct {
	From, To, Events int64
	Calls            *call.Counts
}
type MachineData struct {
	Name   string
	Events int64
	Calls  *call.Counts
}
type Hour struct{ Events, Attempts int64 }
type Cause struct {
	Text  string
	Calls int64
}
type Gap struct {
	From, To int64
	Reason   string
	Source   string
	Dropped  int64
}
