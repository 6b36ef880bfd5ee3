package whole

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// stamp is a timestamp that many milliseconds after the first one.
func stamp(ms int) string {
	return fmt.Sprintf(`"timestamp":"%d.%03d000"`, 1_234_567_890+ms/1000, ms%1000)
}

// TestBounds: calls that are too large are printed whole from a file, and as far as they
// are kept if they are read once; then the end says how much is missing.
func TestBounds(t *testing.T) {
	var good strings.Builder
	for i, name := range []string{"start", "answer", "end"} {
		fmt.Fprintf(&good, `{"class":"call","event":%q,"callid":"good","uniqueid":"good",%s}`+"\n", name, stamp(i))
	}
	id := strings.Repeat("x", 64<<10)
	for _, row := range []struct {
		name        string
		lines       int
		line        func(i int) string
		once, twice int // how many of these lines are printed
		loss        string
	}{
		{"no ids", 1000, func(i int) string {
			return `{"class":"call","event":"start","callid":null,"uniqueid":["good"],` + stamp(i) + `}`
		}, 0, 0, ""},
		{"large ids", 100, func(i int) string {
			return fmt.Sprintf(`{"class":"call","event":"start","callid":"%s%d",%s,"pass":%d}`, id, i/10, stamp(i), i/99)
		}, 10, 10, ""},
		{"many legs", 10_000, func(i int) string {
			return fmt.Sprintf(`{"class":"call","event":"start","callid":"legs","uniqueid":"%d",%s,"pass":%d}`, i, stamp(i), i/9999)
		}, 500, 10_000, "9,500 events not printed"},
		{"too many legs", 10_001, func(i int) string {
			return fmt.Sprintf(`{"class":"call","event":"start","callid":"legs","uniqueid":"%d",%s,"pass":%d}`, i, stamp(i), i/9999)
		}, 501, 10_001, "1 leg of calls with more than 10,000"},
		{"many events", 100_000, func(i int) string {
			return fmt.Sprintf(`{"class":"call","event":"hold","callid":"events",%s,"pass":%d}`, stamp(i), i/99_990)
		}, 509, 100_000, "99,491 events not printed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var text strings.Builder
			for i := range row.lines {
				text.WriteString(row.line(i) + "\n")
			}
			fmt.Fprint(&text, good.String(), `{"class":"other","callid":"good","pass":1,`+stamp(3)+"}\n")
			path := filepath.Join(t.TempDir(), "events")
			if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			for name, read := range map[string]struct {
				run  func(fataler, *Calls, ...string) string
				want int
			}{"once": {readOnce, row.once}, "twice": {readTwice, row.twice}} {
				c := newCalls(t)
				out := read.run(t, c, path)
				if n := strings.Count(out, "\n"); n != read.want+4 {
					t.Errorf("%s: %d events printed, want %d and 4", name, n, read.want)
				}
				if !strings.Contains(out, good.String()) {
					t.Errorf("%s: the other call is not whole: %.1000s", name, out)
				}
				var losses string
				c.LogLosses(func(msg string, _ ...any) { losses += msg + "\n" })
				if said := strings.Contains(losses, row.loss) && losses != ""; said != (row.loss != "" && (name == "once" || row.name == "too many legs")) {
					t.Errorf("%s: losses are %q, want %q", name, losses, row.loss)
				}
			}
		})
	}
}
