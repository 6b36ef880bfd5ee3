package render

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
)

// The sizes of an SVG picture of a terminal, in its own units, and its colours.
const (
	cellWidth  = 8.4
	cellHeight = 19
	margin     = 16
	barHeight  = 36

	svgForeground = "#d4d4d4"
	svgBackground = "#1e1e1e"
)

// The 16 colours of the picture, those of a common dark theme.
var svgColors = [16]string{
	"#1e1e1e", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d4d4d4",
	"#767676", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#ffffff",
}

// SVG draws lines, in which only colours are escape sequences, as a picture of
// a dark terminal window that is columns wide and as high as it needs. It runs
// no scripts and fetches no fonts.
func SVG(title string, lines []byte, columns int) []byte {
	rows := strings.Split(strings.TrimSuffix(ansi.Hardwrap(string(lines), columns, true), "\n"), "\n")
	width := float64(columns)*cellWidth + 2*margin
	height := barHeight + len(rows)*cellHeight + margin
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%d" viewBox="0 0 %.0f %d" role="img">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, "<title>%s</title>\n", svgText(title))
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="10" fill="%s"/>`+"\n", svgBackground)
	for i, color := range []string{"#ff5f57", "#febc2e", "#28c840"} {
		fmt.Fprintf(&b, `<circle cx="%d" cy="18" r="6" fill="%s"/>`+"\n", 20+20*i, color)
	}
	b.WriteString(`<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="14" xml:space="preserve">` + "\n")
	fmt.Fprintf(&b, `<text x="%.0f" y="23" fill="#9d9d9d" text-anchor="middle">%s</text>`+"\n", width/2, svgText(title))
	style := svgStyle{fill: svgForeground}
	for i, row := range rows {
		y := barHeight + (i+1)*cellHeight - 5
		column := 0
		for len(row) > 0 {
			if n := sgrLen([]byte(row)); n > 0 {
				style.apply(row[2 : n-1])
				row = row[n:]
				continue
			}
			end := strings.IndexByte(row, 0x1b)
			if end <= 0 {
				end = len(row)
			}
			style.draw(&b, row[:end], column, y)
			column += ansi.StringWidth(row[:end])
			row = row[end:]
		}
	}
	b.WriteString("</g>\n</svg>\n")
	return b.Bytes()
}

// svgStyle is the colours in force.
type svgStyle struct {
	fill                 string
	bold, faint, reverse bool
}

// draw writes one run of text in one style, the blanks around it left out.
func (s *svgStyle) draw(b *bytes.Buffer, text string, column, y int) {
	fill := s.fill
	if s.faint {
		fill = svgColors[8]
	}
	if s.reverse {
		fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n",
			margin+float64(column)*cellWidth, y-cellHeight+5, float64(ansi.StringWidth(text))*cellWidth, cellHeight, fill)
		fill = svgBackground
	}
	weight := ""
	if s.bold {
		weight = ` font-weight="bold"`
	}
	for {
		blanks := len(text) - len(strings.TrimLeft(text, " "))
		if text = text[blanks:]; text == "" {
			return
		}
		column += blanks
		// Browsers make one of several blanks.
		part := text
		if i := strings.Index(text, "  "); i >= 0 {
			part = text[:i]
		}
		text = text[len(part):]
		part = strings.TrimRight(part, " ")
		svgRun(b, part, column, y, fill, weight)
		column += ansi.StringWidth(part)
		if text == "" {
			return
		}
	}
}

// svgRun writes text with no more than one blank in a place.
func svgRun(b *bytes.Buffer, text string, column, y int, fill, weight string) {
	// The length keeps columns in line whatever font there is.
	fmt.Fprintf(b, `<text x="%.1f" y="%d" fill="%s"%s textLength="%.1f">%s</text>`+"\n",
		margin+float64(column)*cellWidth, y, fill, weight, float64(ansi.StringWidth(text))*cellWidth, svgText(text))
}

// apply follows the parameters of one escape sequence.
func (s *svgStyle) apply(parameters string) {
	numbers := strings.Split(parameters, ";")
	at := func(i int) int {
		if i >= len(numbers) {
			return 0
		}
		n, _ := strconv.Atoi(numbers[i])
		return n
	}
	for i := 0; i < len(numbers); i++ {
		switch n := at(i); {
		case n == 0:
			*s = svgStyle{fill: svgForeground}
		case n == 1:
			s.bold = true
		case n == 2:
			s.faint = true
		case n == 22:
			s.bold, s.faint = false, false
		case n == 7 || n == 27:
			s.reverse = n == 7
		case n == 39:
			s.fill = svgForeground
		case 30 <= n && n <= 37:
			s.fill = svgColors[n-30]
		case 90 <= n && n <= 97:
			s.fill = svgColors[n-82]
		case n == 38 && at(i+1) == 5:
			s.fill = svgPalette(at(i + 2))
			i += 2
		case n == 38 && at(i+1) == 2:
			s.fill = fmt.Sprintf("#%02x%02x%02x", at(i+2)&255, at(i+3)&255, at(i+4)&255)
			i += 4
		}
	}
}

func svgPalette(n int) string {
	if n < 16 {
		return svgColors[max(n, 0)]
	}
	r, g, b := paletteRGB(min(n, 255))
	return fmt.Sprintf("#%02x%02x%02x", r, g, b)
}

// svgText is text for XML, which has no way to hold control characters.
func svgText(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(safe.String(text))
}
