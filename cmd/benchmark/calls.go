package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// groupByCall is a script for node that groups the file that it is given by call, with
// two threads, as many as processors of the machine that the figures are from.
const groupByCall = `import { DuckDBInstance } from '@duckdb/node-api';
import os from 'node:os';
const db = await DuckDBInstance.create(':memory:', {threads: String(os.availableParallelism())});
const c = await db.connect();
await c.runAndReadAll("select count(*), sum(n) from (select callid, min(timestamp), max(timestamp), count(*) n from read_json('" +
  process.argv[2] + "', format='newline_delimited', columns={callid:'VARCHAR', timestamp:'VARCHAR'}) group by callid)");
`

// groupByEvent is a script for node that counts the events in a file by class and event.
const groupByEvent = `import { DuckDBInstance } from '@duckdb/node-api';
import os from 'node:os';
const db = await DuckDBInstance.create(':memory:', {threads: String(os.availableParallelism())});
const c = await db.connect();
await c.runAndReadAll("select class, event, count(*) from read_json('" +
  process.argv[2] + "', format='newline_delimited', columns={class:'VARCHAR', event:'VARCHAR'}) group by all");
`

// callStep is the time from the beginning of a call to that of the next, in microseconds.
const callStep = 10_000

// callPlan is when the events of a call come, in steps after its beginning.
var callPlan = [...]struct {
	event string
	after int
	more  string
}{
	{"start", 0, `"from":"+4930987654","to":"+442071234567","name":"Zoë \"Z\" Example"`},
	{"route", 3, `"to":"+442071234567","route":"carrier\\a, \"first\"","attempt":"1"`},
	{"ring", 50, `"to":"+442071234567","device":{"class":"phone","event":"none"}`},
	{"answer", 200, `"to":"+442071234567","name":"Jürgen \"J\" O'Neil"`},
	{"hold", 900, `"by":"callee","music":"default \"quiet\" – 静か"`},
	{"end", 2000, `"duration":"42","reason":"normal clearing","name":"Ünal & Söhne"`},
}

// writeCalls writes a file of about size bytes of calls that overlap, in the order of
// their timestamps, and returns how many calls it holds.
func writeCalls(path string, size int64) (calls int, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	const event = 250 // bytes, about
	calls = max(int(size/event/int64(len(callPlan))), 1)
	padding := bytes.Repeat([]byte("x"), 30)
	for step := range calls + callPlan[len(callPlan)-1].after {
		for i, p := range callPlan {
			n := step - p.after
			if n < 0 || n >= calls {
				continue
			}
			at, begin := int64(step)*callStep+int64(i), int64(n)*callStep/1_000_000
			fmt.Fprintf(w, `{"asteriskid":"%d.%d","callid":"%[1]d.%06[3]d","class":"call","event":%[4]q,"machine":%[5]d,"timestamp":"%[6]d.%06[7]d","uniqueid":"%[1]d.%06[3]d",%[8]s,"note":"%[9]s"}`+"\n",
				2_000_000_000+begin, n%90_000, 100_000+n, p.event, 1+n%7, 2_000_000_000+at/1_000_000, at%1_000_000, p.more, padding)
		}
	}
	return calls, errors.Join(w.Flush(), f.Sync(), f.Close())
}

// callsRead is the row of calls --read beside DuckDB.
func callsRead(ctx context.Context, b *bench) ([]row, error) {
	return b.besideDuckDB(ctx, groupByCall, func(path string, calls int) *reader {
		return &reader{b.binary, []string{"calls", "--read", path, "-o", "ndjson", "-Q"}, ended(calls)}
	}, row{what: "`calls --read`", against: "DuckDB, `min, max, count … group by callid` over `read_json`", reach: "0.4"})
}

// statsRead is the row of stats --read beside DuckDB.
func statsRead(ctx context.Context, b *bench) ([]row, error) {
	return b.besideDuckDB(ctx, groupByEvent, func(path string, calls int) *reader {
		return &reader{b.binary, []string{"stats", "--read", path, "--by", "class,event", "-o", "ndjson", "-Q"}, counted(calls)}
	}, row{what: "`stats --read --by class,event`", against: "DuckDB, `count … group by class, event` over `read_json`", reach: "0.8"})
}

// besideDuckDB is a row beside a script for node that gets the path of a file of calls.
func (b *bench) besideDuckDB(ctx context.Context, text string, ours func(path string, calls int) *reader, r row) ([]row, error) {
	script := filepath.Join(b.dir, "group.mjs")
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		return nil, err
	}
	// node looks for packages of modules beside them, and not where npm install -g puts them.
	if dir, err := exec.CommandContext(ctx, "npm", "root", "-g").Output(); err == nil {
		_ = os.Symlink(string(bytes.TrimSpace(dir)), filepath.Join(b.dir, "node_modules")) // else the next line says so
	}
	look := exec.CommandContext(ctx, "node", "--input-type=module", "-e", "await import('@duckdb/node-api')")
	if look.Dir = b.dir; look.Run() != nil {
		b.skip("%s beside DuckDB: no DuckDB here (npm install -g @duckdb/node-api)", r.what)
		return nil, nil
	}
	path := filepath.Join(b.dir, "calls.ndjson")
	calls, err := writeCalls(path, b.fileSize)
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(path) }()
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	return b.besidePeer(ctx, ours(path, calls), &reader{name: "node", args: []string{script, path}}, st.Size(), r)
}

// counted checks that a file has a line for each event of the plan, with as many events as
// there are calls.
func counted(calls int) func(path string) error {
	return func(path string) error {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
		for _, line := range lines {
			if !bytes.HasSuffix(line, fmt.Appendf(nil, `"events":%d}`, calls)) {
				return fmt.Errorf("%d calls in the output %.200s", calls, line)
			}
		}
		if len(lines) != len(callPlan) {
			return fmt.Errorf("%d lines in the output, want %d", len(lines), len(callPlan))
		}
		return nil
	}
}

// ended checks that a file has the records of that number of ended calls.
func ended(calls int) func(path string) error {
	return func(path string) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		n := 0
		for r := bufio.NewReader(f); ; n++ {
			line, err := r.ReadSlice('\n')
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			if !bytes.Contains(line, []byte(`"state":"ended"`)) || !bytes.HasSuffix(line, fmt.Appendf(nil, `"events":%d}`+"\n", len(callPlan))) {
				return fmt.Errorf("line %d of the output: %.200s", n+1, line)
			}
		}
		if n != calls {
			return fmt.Errorf("%d calls in the output, want %d", n, calls)
		}
		return nil
	}
}
