package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// TestEndsPrintTheHead: what a run ends at is printed, whatever stands before it in its
// block, in every format, from every container, from standard input and with --merge:
// it is the head of what a run without an end prints.
func TestEndsPrintTheHead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const events, end = 1000, 900
	var plain, zipped, zstandard bytes.Buffer
	for n := range events {
		fmt.Fprintf(&plain, `{"class":"call","event":"x","n":%d,"pad":"%070d"}`+"\n", n+1, 0)
	}
	gz := gzip.NewWriter(&zipped)
	_, _ = gz.Write(plain.Bytes())
	gz.Close()
	zs, err := zstd.NewWriter(&zstandard)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = zs.Write(plain.Bytes())
	zs.Close()
	for name, text := range map[string][]byte{"all": plain.Bytes(), "all.gz": zipped.Bytes(), "all.zst": zstandard.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	formats := []struct {
		flags string
		lines int // of the events up to the end
	}{
		{"-o json", end},
		{"-o ndjson", end},
		{"-o line", end},
		{"-o template --template {{.n}}/{{.pad}}/{{.pad}}", end},
		{"-o pretty", 6 * end},
		{"-o csv -F n,pad,class", end + 1},
		{"-o tsv -F n,pad,class", end + 1},
	}
	ends := []string{"-n 900", "--until .n==900", "--fail-if .n==900"}
	for i, f := range formats {
		all := runProgram(t, dir, nil, strings.Fields("cat -Q all "+f.flags)...)
		head := strings.Join(strings.SplitAfter(all.stdout, "\n")[:f.lines], "")
		check := func(typed string) {
			if r := runProgram(t, dir, nil, strings.Fields(typed)...); r.stdout != head {
				t.Errorf("%s prints %d bytes, want %d, and they differ", typed, len(r.stdout), len(head))
			}
		}
		for _, file := range []string{"all", "all.gz", "all.zst"} {
			for _, end := range ends {
				check("cat -Q " + file + " " + f.flags + " " + end)
			}
			if i == 1 {
				check("cat -Q " + file + " -o ndjson -n 900 -c call")
				check("cat -Q " + file + " -o ndjson -n 900 -q .n>0 --strict")
				check("cat -Q --merge " + file + " -o ndjson -n 900")
			}
		}
	}
}
