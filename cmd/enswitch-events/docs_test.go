package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/manual"
)

// handWritten are the files in docs that are not made from the help.
var handWritten = []string{"speed.md"}

// TestDocs compares docs, the pages in Markdown and the manual pages, with what the help of
// the program makes of them now. -update writes them.
func TestDocs(t *testing.T) {
	pages := manual.Pages(newRoot(t.Context(), &cli.App{}, ""))
	known := manual.Names(pages)
	made := map[string][]byte{"README.md": manual.Index(pages)}
	for _, p := range pages {
		made[p.Name+".md"] = p.Markdown(known)
		file, text := p.Man()
		made[filepath.Join("man", file)] = text
	}
	for _, file := range slices.Sorted(maps.Keys(made)) {
		path := filepath.Join("docs", file)
		if *update {
			if err := os.WriteFile(path, made[file], 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != string(made[file]) {
			t.Errorf("%s is not what the help says (%v): go generate ./... writes it", path, err)
		}
	}
	for _, pattern := range []string{"*", "man/*"} {
		files, err := filepath.Glob(filepath.Join("docs", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			name, err := filepath.Rel("docs", f)
			if err != nil {
				t.Fatal(err)
			}
			if made[name] == nil && name != "man" && !slices.Contains(handWritten, name) {
				if *update {
					err = os.Remove(f)
				}
				if !*update || err != nil {
					t.Errorf("%s is of no command or topic (%v)", f, err)
				}
			}
		}
	}
}
