package spool

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// start runs a child in its own process.
func start(t *testing.T, child, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], dir)
	cmd.Env = append(os.Environ(), childVariable+"="+child)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skip("cannot start a process here:", err)
	}
	return cmd, bufio.NewScanner(out)
}

func crashOptions() *Options { return &Options{Durable: true, segmentBytes: 20_000} }

// childAppend appends until it is killed, prints what is synced, and reads and acknowledges
// some of it.
func childAppend(dir string) error {
	q, err := Open(dir, crashOptions())
	if err != nil {
		return err
	}
	next := q.ReadOffset() + uint64(q.Len())
	for {
		var batch [][]byte
		for range 1 + rand.IntN(100) {
			batch = append(batch, numbered(next))
			next++
		}
		if err := q.Append(batch...); err != nil {
			return err
		}
		if err := q.Sync(); err != nil {
			return err
		}
		if _, err := fmt.Println("synced", next); err != nil {
			return err
		}
		for range rand.IntN(100) {
			if _, _, err := q.Next(nil); err != nil {
				return err
			}
		}
		if err := q.Ack(q.ReadOffset()); err != nil {
			return err
		}
		if _, err := fmt.Println("acked", q.ReadOffset()); err != nil {
			return err
		}
	}
}

// TestKilled kills a process while it appends: nothing that was synced is
// missing, nothing that was acknowledged comes again, and there is no hole.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	for range 15 {
		cmd, lines := start(t, "append", dir)
		var synced, acked uint64
		for left := rand.IntN(30); lines.Scan(); left-- {
			if left == 0 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			var what string
			var offset uint64
			if _, err := fmt.Sscan(lines.Text(), &what, &offset); err != nil {
				t.Fatal(lines.Text())
			}
			switch what {
			case "synced":
				synced = offset
			case "acked":
				acked = offset
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("was not killed")
		}
		q := mustOpen(t, dir, crashOptions())
		begin := q.ReadOffset()
		if begin < acked {
			t.Errorf("begins at %d, acknowledged %d", begin, acked)
		}
		records, damage := drain(t, q)
		for i, record := range records {
			if got := number(t, record); got != begin+uint64(i) {
				t.Fatalf("record %d is %d", begin+uint64(i), got)
			}
		}
		if end := begin + uint64(len(records)); len(damage) != 0 || end < synced {
			t.Fatalf("ends at %d, synced %d, damage %v", end, synced, damage)
		}
		mustClose(t, q)
	}
}

// childSpill fills a plain queue and waits to be killed.
func childSpill(dir string) error {
	q, err := Open(dir, nil)
	if err != nil {
		return err
	}
	if err := q.Append(make([]byte, 1<<20)); err != nil {
		return err
	}
	fmt.Println("full")
	select {}
}

// TestKilledSpill: the next plain queue removes the files of a killed process, and leaves
// those of a running one.
func TestKilledSpill(t *testing.T) {
	dir := t.TempDir()
	cmd, lines := start(t, "spill", dir)
	if !lines.Scan() || lines.Text() != "full" {
		t.Fatal(lines.Text())
	}
	mustClose(t, mustOpen(t, dir, nil))
	if len(segments(t, dir)) != 1 {
		t.Error("a living process lost its file")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	mustClose(t, mustOpen(t, dir, nil))
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestDiskFull runs a process with a limit on the size of its files. Writes fail there as
// on a full disk: after the part that still fits.
func TestDiskFull(t *testing.T) {
	cmd, lines := start(t, "limit", t.TempDir())
	var said []string
	for lines.Scan() {
		said = append(said, lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	all := strings.Join(said, "\n")
	if reason, ok := strings.CutPrefix(all, "skip: "); ok {
		t.Skip(reason)
	}
	if all != "good" {
		t.Error(all)
	}
}
