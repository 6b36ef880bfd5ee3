package capture_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/enswitch-events/enswitch-events/pkg/capture"
)

// A program records events in a compressed file and reads them again.
func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "events.ndjson.zst")

	w, err := capture.Create(name, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, raw := range []string{`{"class":"call","event":"start"}`, `{"class":"call","event":"end"}`} {
		if err := w.Write([]byte(raw)); err != nil {
			fmt.Println(err)
		}
	}
	if err := w.Close(context.Background()); err != nil {
		fmt.Println(err)
	}

	r, err := capture.Open(name, &capture.Options{
		OnDamage: func(d capture.Damage) { fmt.Println(d) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	for ev, err := range r.Events() {
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Printf("%s\n", ev.Raw)
	}
	// Output:
	// {"class":"call","event":"start"}
	// {"class":"call","event":"end"}
}
