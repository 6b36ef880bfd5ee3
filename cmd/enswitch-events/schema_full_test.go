package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
)

// TestSchemaFull: what a schema has no room for is no proof that nothing is new.
func TestSchemaFull(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "schema.json")
	kinds := func(from, to int) string {
		var b strings.Builder
		for i := from; i < to; i++ {
			fmt.Fprintf(&b, `{"class":"c%d","event":"e","timestamp":"1.1"}`+"\n", i)
		}
		return b.String()
	}
	schema := func(stdin string, args ...string) (code int, said string) {
		var err bytes.Buffer
		args = append(append([]string{"schema"}, args...), "--read", "-", "--schema", file)
		code = run(context.Background(), args, cli.Streams{In: strings.NewReader(stdin), Out: &bytes.Buffer{}, Err: &err})
		return code, err.String()
	}
	if code, said := schema(kinds(0, 2001), "learn"); code != 0 || !strings.Contains(said, "1 event left out: there are more than 2,000 kinds") {
		t.Errorf("learn: %d, %s", code, said)
	}
	if code, said := schema(kinds(0, 10), "watch", "--fail-on-drift"); code != 0 || strings.Contains(said, "left out") {
		t.Errorf("what is known: %d, %s", code, said)
	}
	if code, said := schema(kinds(2000, 2010), "watch", "--fail-on-drift"); code != 1 || !strings.Contains(said, "10 events left out") || !strings.Contains(said, "could not be compared") {
		t.Errorf("what is not known: %d, %s", code, said)
	}
}
