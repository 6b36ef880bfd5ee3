package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// fileSeconds are the seconds in the corpus that stand for others in each copy
// of it in a file.
const fileSeconds = "1234567890."

// copyOf is the lines of the corpus, or some of them, as they are in the i-th
// copy in a file. Copies that were the same would be compressed to nothing.
func copyOf(lines []byte, i int) []byte {
	return bytes.ReplaceAll(lines, []byte(fileSeconds), fmt.Appendf(nil, "%d.", 2_000_000_000+i))
}

// writeFile writes a file of at least size bytes, once, and returns its path
// and how many copies of the corpus it holds.
func (b *bench) writeFile(name string, size int64) (path string, copies int, err error) {
	block, err := b.corpus.kept(func(map[string]any) bool { return true })
	if err != nil {
		return "", 0, err
	}
	copies = int((size + int64(len(block)) - 1) / int64(len(block)))
	path = filepath.Join(b.dir, name)
	if _, err := os.Stat(path); err == nil {
		return path, copies, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return "", 0, err
	}
	for i := range copies {
		if _, err := f.Write(copyOf(block, i)); err != nil {
			_ = f.Close()
			return "", 0, err
		}
	}
	// Else the disk would still be busy with it while the clock runs.
	return path, copies, errors.Join(f.Sync(), f.Close())
}

// reader is a program that reads a file, and what it should have written.
type reader struct {
	name  string
	args  []string
	check func(path string) error // nil sends the output nowhere
}

// read runs a reader and returns how long it took.
func (b *bench) read(ctx context.Context, r *reader) (time.Duration, error) {
	cmd := b.command(ctx, r.name, r.args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	path := filepath.Join(b.dir, "out")
	if r.check != nil {
		out, err := os.Create(path)
		if err != nil {
			return 0, err
		}
		defer func() { _ = os.Remove(path) }()
		defer func() { _ = out.Close() }()
		cmd.Stdout = out
	}
	start := time.Now()
	err := cmd.Run()
	took := time.Since(start)
	if err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", cmd, err, stderr.Bytes())
	}
	if r.check != nil {
		if err := r.check(path); err != nil {
			return 0, fmt.Errorf("%s: %w", cmd, err)
		}
	}
	return took, nil
}

// besidePeer is the row of ours and theirs, which read the same file.
func (b *bench) besidePeer(ctx context.Context, ours, theirs *reader, size int64, r row) ([]row, error) {
	mine, other, err := b.inTurn(
		func(int) (time.Duration, error) { return b.read(ctx, ours) },
		func(int) (time.Duration, error) { return b.read(ctx, theirs) })
	if err != nil {
		return nil, err
	}
	r.ratio = ratio(other, mine)
	r.ours, r.theirs = megabytesPerSecond(size, mine), megabytesPerSecond(size, other)
	return []row{r}, nil
}

// ratio is a to b, with as many digits as mean something.
func ratio(a, b time.Duration) string {
	f := a.Seconds() / b.Seconds()
	if f < 10 {
		return fmt.Sprintf("%.2f", f)
	}
	return fmt.Sprintf("%.0f", f)
}

func megabytesPerSecond(n int64, d time.Duration) string {
	return fmt.Sprintf("%.0f MB/s", float64(n)/1e6/d.Seconds())
}

// same checks that a file is want once for each copy of the corpus, byte by
// byte.
func same(want []byte, copies int) func(path string) error {
	return func(path string) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		for i := range copies {
			block := copyOf(want, i)
			got := make([]byte, len(block))
			if _, err := io.ReadFull(f, got); err != nil {
				return fmt.Errorf("the output ends in copy %d of %d: %w", i+1, copies, err)
			}
			if !bytes.Equal(got, block) {
				return fmt.Errorf("the output differs in copy %d", i+1)
			}
		}
		if n, _ := f.Read(make([]byte, 1)); n > 0 {
			return errors.New("the output goes on after its end")
		}
		return nil
	}
}

// sameValues is same for a program that writes the fields in another order.
func sameValues(want []byte, copies int) func(path string) error {
	return func(path string) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		got := json.NewDecoder(bufio.NewReader(f))
		for i := range copies {
			for d := json.NewDecoder(bytes.NewReader(copyOf(want, i))); d.More(); {
				var x, y any
				if err := errors.Join(d.Decode(&x), got.Decode(&y)); err != nil {
					return fmt.Errorf("in copy %d: %w", i+1, err)
				}
				if !reflect.DeepEqual(x, y) {
					return fmt.Errorf("the output differs in copy %d: %v, not %v", i+1, y, x)
				}
			}
		}
		if got.More() {
			return errors.New("the output goes on after its end")
		}
		return nil
	}
}

// catRow is cat with these flags beside jq, or a program like it, with expr.
func (b *bench) catRow(ctx context.Context, peer, expr, reach string, keep func(map[string]any) bool, flags ...string) ([]row, error) {
	name := installed(peer)
	if name == "" {
		b.skip("`cat %s` beside `%s`: no %[2]s here", shell(flags), peer)
		return nil, nil
	}
	path, copies, err := b.writeFile("events.ndjson", b.fileSize)
	if err != nil {
		return nil, err
	}
	want, err := b.corpus.kept(keep)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	check := same(want, copies)
	if peer == "gojq" { // it sorts the keys
		check = sameValues(want, copies)
	}
	return b.besidePeer(ctx,
		&reader{name: b.binary, args: append([]string{"cat", path}, flags...), check: same(want, copies)},
		&reader{name: name, args: []string{"-c", expr, path}, check: check},
		info.Size(), row{what: "`cat " + shell(flags) + "` into a file", against: "`" + peer + " -c '" + expr + "'`", reach: reach})
}

// engine fails unless the program runs the jq expression by the engine of that
// name: a row that says native must be.
func (b *bench) engine(ctx context.Context, expr, want string) error {
	cmd := b.command(ctx, b.binary, "cat", "-v", "--jq", expr)
	cmd.Stdin = strings.NewReader("")
	said, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, said)
	}
	if !bytes.Contains(said, []byte("--jq runs by "+want)) {
		return fmt.Errorf("%q does not run by %s:\n%s", expr, want, said)
	}
	return nil
}

func catClass(ctx context.Context, b *bench) ([]row, error) {
	keep := func(e map[string]any) bool { return e["class"] == "call" && e["event"] == "answer" }
	return b.catRow(ctx, "jq", `select(.class=="call" and .event=="answer")`, "60", keep, "-c", "call", "-e", "answer")
}

func catNative(ctx context.Context, b *bench) ([]row, error) {
	const expr = `.class=="call" and .machine==2`
	if err := b.engine(ctx, expr, "native"); err != nil {
		return nil, err
	}
	keep := func(e map[string]any) bool { return e["class"] == "call" && e["machine"] == 2.0 }
	return b.catRow(ctx, "jq", "select("+expr+")", "30", keep, "--jq", expr)
}

// catFallback keeps every other event by the digits after the point of its
// timestamp, so that nothing can be left out unseen.
func catFallback(ctx context.Context, b *bench) ([]row, error) {
	const expr = `(.timestamp | split(".") | .[1] | tonumber) % 2 == 0`
	if err := b.engine(ctx, expr, "gojq"); err != nil {
		return nil, err
	}
	keep := func(e map[string]any) bool {
		_, micros, _ := strings.Cut(e["timestamp"].(string), ".")
		n, err := strconv.Atoi(micros)
		return err == nil && n%2 == 0
	}
	var rows []row
	for _, peer := range []struct{ name, reach string }{{"jq", "8"}, {"gojq", "10"}} {
		more, err := b.catRow(ctx, peer.name, "select("+expr+")", peer.reach, keep, "--jq", expr)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// catCompressed is cat of a compressed file beside the program that
// compressed it. What cat writes is looked at once; the clock runs when it
// goes nowhere.
func catCompressed(tool, suffix, reach string) func(context.Context, *bench) ([]row, error) {
	return func(ctx context.Context, b *bench) ([]row, error) {
		name := installed(tool)
		if name == "" {
			b.skip("`cat` of %s: no %[1]s here", tool)
			return nil, nil
		}
		plain, copies, err := b.writeFile("events.ndjson", b.fileSize)
		if err != nil {
			return nil, err
		}
		path := plain + suffix
		compress := b.command(ctx, name, "-k", "-q", plain)
		if said, err := compress.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", compress, err, said)
		}
		defer func() { _ = os.Remove(path) }()
		want, err := b.corpus.kept(func(map[string]any) bool { return true })
		if err != nil {
			return nil, err
		}
		if _, err := b.read(ctx, &reader{name: b.binary, args: []string{"cat", path}, check: same(want, copies)}); err != nil {
			return nil, err
		}
		info, err := os.Stat(plain)
		if err != nil {
			return nil, err
		}
		return b.besidePeer(ctx,
			&reader{name: b.binary, args: []string{"cat", path}},
			&reader{name: name, args: []string{"-dc", path}},
			info.Size(), row{what: "`cat` of a " + suffix + ", into nothing", against: "`" + tool + " -dc` into nothing", reach: reach})
	}
}

// catMemory is the most that cat has held when it has read a large file.
func catMemory(ctx context.Context, b *bench) ([]row, error) {
	if !hasProc() {
		b.skip("resident memory of `cat`: no /proc here")
		return nil, nil
	}
	path, copies, err := b.writeFile("large.ndjson", b.largeSize)
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(path) }()
	var all []int64
	for range b.rounds {
		n, err := b.catPeak(ctx, path, copies*chunkEvents/len(kinds))
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return []row{{
		what: fmt.Sprintf("`cat -c call -e answer` of %.1f GB: resident memory at its highest", float64(b.largeSize)/1e9),
		ours: mebibytes(median(all)), reach: "40 MiB",
	}}, nil
}

// catPeak has cat read the file, of which it must keep that number of events, and then standard
// input. When the one event from there has come out, cat is done with the file and still
// running, so that its memory can be read.
func (b *bench) catPeak(ctx context.Context, path string, kept int) (int64, error) {
	const last = `{"class":"call","event":"answer","note":"the last"}`
	cmd := b.command(ctx, b.binary, "cat", "-c", "call", "-e", "answer", path, "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() { _ = cmd.Wait() }()
	defer func() { _ = cmd.Process.Kill() }()
	if _, err := io.WriteString(in, last+"\n"); err != nil {
		return 0, err
	}
	n := 0
	for lines := bufio.NewScanner(out); lines.Scan(); n++ {
		if lines.Text() != last {
			continue
		}
		if n != kept {
			return 0, fmt.Errorf("%s: %d events, not %d", cmd, n, kept)
		}
		return highWater(cmd.Process.Pid)
	}
	return 0, fmt.Errorf("%s: ended after %d events", cmd, n)
}
