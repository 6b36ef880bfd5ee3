package spelling

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	known := []string{"line", "json", "ndjson", "pretty", "csv", "tsv", "template", "bash", "zsh"}
	for typed, want := range map[string]string{
		"jsn": "json", "ndjsn": "ndjson", "preety": "pretty", "temp": "template", "lines": "line", "JSON": "json",
		"sv": "csv tsv", "bsh": "bash zsh", "ba": "bash",
		"lien": "line", "tmplate": "template", "tepmlaet": "template",
		"raw": "", "cat": "", "liar": "",
		"xml": "", "": "", "x": "", "swatch": "",
	} {
		if got := strings.Join(Nearest(typed, known), " "); got != want {
			t.Errorf("%q: got %q, want %q", typed, got, want)
		}
	}
}
