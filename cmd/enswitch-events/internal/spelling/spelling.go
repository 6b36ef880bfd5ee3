// Package spelling finds the word that was meant where another one was typed.
package spelling

import (
	"strings"
	"unicode/utf8"
)

// maxNear is how many words are still a hint.
const maxNear = 3

// Nearest returns the words of known that typed is most likely a slip of the hand for:
// those with the fewest edits, about one for three letters and three at most, where two
// letters that changed places are one edit; or else those that begin with typed. If there are
// more than three it returns none.
func Nearest(typed string, known []string) (near []string) {
	letters := utf8.RuneCountInString(typed)
	best := min(max(1, (letters+1)/3), 3, letters-1)
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

// OneOf says which words are known, those first that may have been meant.
func OneOf(typed string, known []string) string {
	return strings.TrimSpace(Hint(typed, known) + " it is one of " + strings.Join(known, ", "))
}

// edits is how many letters must be put in, taken out or replaced, or neighbours swapped, to
// make b of a.
func edits(a, b string) int {
	from, to := []rune(a), []rune(b)
	rows := make([][]int, len(from)+1)
	for i := range rows {
		rows[i] = make([]int, len(to)+1)
		rows[i][0] = i
	}
	for j := range to {
		rows[0][j+1] = j + 1
	}
	for i := range from {
		for j := range to {
			n := rows[i][j]
			if from[i] != to[j] {
				n++
			}
			n = min(n, rows[i][j+1]+1, rows[i+1][j]+1)
			if i > 0 && j > 0 && from[i] == to[j-1] && from[i-1] == to[j] {
				n = min(n, rows[i-1][j-1]+1)
			}
			rows[i+1][j+1] = n
		}
	}
	return rows[len(from)][len(to)]
}
