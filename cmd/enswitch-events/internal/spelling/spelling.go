// Package spelling finds the word that was meant where another one was typed.
package spelling

import (
	"strings"
	"unicode/utf8"
)

// maxEdits is how many letters may be wrong, missing or too many.
const maxEdits = 2

// maxNear is how many words are still a hint.
const maxNear = 3

// Nearest returns the words of known that typed is most likely a slip of the hand for:
// those with the fewest edits, two at most and fewer than typed has letters; or else those
// that begin with typed. Where they are more than three it returns none.
func Nearest(typed string, known []string) (near []string) {
	best := min(maxEdits, utf8.RuneCountInString(typed)-1)
	for _, word := range known {
		switch n := edits(strings.ToLower(typed), strings.ToLower(word)); {
		case n < best:
			best, near = n, []string{word}
		case n == best:
			near = append(near, word)
		}
	}
	if len(near) == 0 && typed != "" {
		for _, word := range known {
			if strings.HasPrefix(word, typed) {
				near = append(near, word)
			}
		}
	}
	if len(near) > maxNear {
		return nil
	}
	return near
}

// Hint is a question about the words that may have been meant, or "".
func Hint(typed string, known []string) string {
	if near := Nearest(typed, known); len(near) > 0 {
		return "did you mean " + strings.Join(near, " or ") + "?"
	}
	return ""
}

// edits is the Levenshtein distance of two words.
func edits(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j, s := range to {
			n := diagonal
			if r != s {
				n++
			}
			diagonal = row[j+1]
			row[j+1] = min(n, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}
