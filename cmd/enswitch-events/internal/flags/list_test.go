package flags

import (
	"slices"
	"strings"
	"testing"
)

func TestList(t *testing.T) {
	for _, tt := range []struct {
		text, want string // items with | between
		fault      string
	}{
		{"a", "a", ""},
		{"a,b", "a|b", ""},
		{" a , b ", "a|b", ""},
		{"a\n,b", "a|b", ""},
		{"a,\nb", "a|b", ""},
		{"a\nb", "a|b", ""},
		{"\n a ,\r\n\r\n , b \n", "a|b", ""},
		{"a b", "a b", ""},
		{`"a,b", c`, "a,b|c", ""},
		{"", "", "the list is empty"},
		{" \n", "", "the list is empty"},
		{",", "", "an item is empty"},
		{"a,", "", "an item is empty"},
		{"a,,b", "", "an item is empty"},
		{"a\n,,b", "", "an item is empty"},
		{`""`, "", "an item is empty"},
		{`"a`, "", "a quote"},
		{`a"b`, "", "a quote"},
	} {
		var items []string
		err := List{&items}.Set(tt.text)
		if err == nil && tt.fault != "" || err != nil && (tt.fault == "" || !strings.HasPrefix(err.Error(), tt.fault)) {
			t.Errorf("%q: %v, want %q", tt.text, err, tt.fault)
		}
		if got := strings.Join(items, "|"); got != tt.want {
			t.Errorf("%q is %q, want %q", tt.text, got, tt.want)
		}
	}
	var items []string
	l := List{&items}
	if l.Set("a,b") != nil || l.Set("c") != nil || !slices.Equal(l.GetSlice(), []string{"a", "b", "c"}) || l.String() != "a,b,c" {
		t.Errorf("a second list does not add to the first: %v", items)
	}
}
