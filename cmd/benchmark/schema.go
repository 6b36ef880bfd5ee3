package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/enswitch-events/enswitch-events/pkg/schema"
)

// schemaLearn is the row of schema learn --read beside DuckDB, which only counts.
func schemaLearn(ctx context.Context, b *bench) ([]row, error) {
	file := filepath.Join(b.dir, "schema.json")
	return b.besideDuckDB(ctx, groupByEvent, func(path string, calls int) *reader {
		return &reader{b.binary, []string{"schema", "learn", "--read", path, "--schema", file, "-Q"}, learned(file, calls)}
	}, row{what: "`schema learn --read`", against: "DuckDB, `count … group by class, event` over `read_json`", reach: "0.4"})
}

// learned checks that a file has what is learned from the calls, and removes it.
func learned(file string, calls int) func(string) error {
	return func(string) error {
		s, err := schema.Read(file)
		if err != nil {
			return err
		}
		for _, p := range callPlan {
			k := s.Kind(schema.Name{Class: "call", Event: p.event})
			if k == nil || k.Count() != int64(calls) || len(k.Root.Members) < 9 {
				return fmt.Errorf("of %s not all of %d events were learned", p.event, calls)
			}
		}
		return os.Remove(file)
	}
}
