package flags

import (
	"strings"
	"testing"
)

func TestJoinPairs(t *testing.T) {
	for _, row := range []struct{ in, want string }{
		{"tail --arg id 5 -q $id", "tail --arg=id=5 -q $id"},
		{"tail --arg id=5 x", "tail --arg id=5 x"},
		{"tail --argjson n 1 --arg a b", "tail --argjson=n=1 --arg=a=b"},
		{"tail -- --arg a b", "tail -- --arg a b"},
		{"tail --arg id", "tail --arg id"},
		{"tail --arg", "tail --arg"},
	} {
		if got := strings.Join(JoinArgPairs(strings.Fields(row.in)), " "); got != row.want {
			t.Errorf("joinPairs(%s) = %s, want %s", row.in, got, row.want)
		}
	}
}
