package render

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/charmbracelet/colorprofile"
)

func TestSVG(t *testing.T) {
	lines := renderAll(t, mustNew(t, Options{Format: "line", Profile: colorprofile.ANSI256, Width: columnsOf(80), Highlight: []string{"Anna"}}))
	picture := string(SVG(`tail <"&> `+"\x1b", lines, 80))
	d := xml.NewDecoder(strings.NewReader(picture))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{`<title>tail &lt;&quot;&amp;&gt; \x1b</title>`, `>call.start</text>`, `fill="#767676"`, `>Anna</text>`} {
		if !strings.Contains(picture, want) {
			t.Errorf("no %s in the picture", want)
		}
	}
	for _, never := range []string{"<script", "http://www.w3.org/2000/svg/", "@font-face", "\x1b"} {
		if strings.Contains(picture, never) {
			t.Errorf("%q in the picture", never)
		}
	}
}
