package live

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

func TestAppendFields(t *testing.T) {
	long := strings.Repeat("é", maxFieldValue)
	for _, row := range []struct {
		name, event string
		want        []string
	}{
		{
			"types", `{"callid":"1.1","machine":1,"ok":true,"none":null,"list":[1, "a"],"in":{"a":1}}`,
			[]string{"CALLID=1.1", "MACHINE=1", "OK=true", "NONE=null", `LIST=[1, "a"]`, `IN={"a":1}`},
		},
		{"names", `{"a-b":"1","Größe":"2","x.y z":"3","":"4","a=b":"5"}`, []string{"A_B=1", "GR__E=2", "X_Y_Z=3", "=4", "A_B=5"}},
		{"escapes", `{"\u0061":"x\ny\"\u0000z"}`, []string{"A=x\ny\"z"}},
		{"repeated", `{"a":1,"a":2}`, []string{"A=2"}},
		{"not the shell's to run", `{"a":"$(date); () { :; }; date"}`, []string{"A=$(date); () { :; }; date"}},
		{"long value", `{"a":"x` + long + `","b":1}`, []string{"A=x" + long[:maxFieldValue-2], "B=1"}},
		{"long name", `{"` + strings.Repeat("n", maxFieldName) + `":1,"b":1}`, []string{"B=1"}},
	} {
		var x event.Index
		if err := x.Scan([]byte(row.event)); err != nil {
			t.Fatal(err)
		}
		got := appendFields([]string{"HOME=/"}, &x)
		want := []string{"HOME=/"}
		for _, v := range row.want {
			want = append(want, "ENSWITCH_FIELD_"+v)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %.200q, want %.200q", row.name, got, want)
		}
	}
}

// FuzzAppendFields: whatever comes in, a program can be started with what comes
// out.
func FuzzAppendFields(f *testing.F) {
	f.Add([]byte(`{"callid":"1.1","\u0000=":"\u0000","é":{}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var x event.Index
		if x.Scan(raw) != nil {
			return
		}
		size := 0
		for _, v := range appendFields(nil, &x) {
			size += len(v)
			name, value, ok := strings.Cut(v, "=")
			if !ok || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" || !strings.HasPrefix(name, "ENSWITCH_FIELD_") {
				t.Errorf("name %q", name)
			}
			if strings.Contains(value, "\x00") || !utf8.ValidString(value) || len(value) > maxFieldValue {
				t.Errorf("value %.100q", value)
			}
		}
		if size > maxFields {
			t.Errorf("%d bytes", size)
		}
	})
}

func BenchmarkAppendFields(b *testing.B) {
	var x event.Index
	if err := x.Scan([]byte(`{"asteriskid":"1234567890.123","callid":"1234567890.100000","class":"call","event":"start","machine":1,"timestamp":"1234567890.123456","uniqueid":"1234567890.100000"}`)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		appendFields(nil, &x)
	}
}
