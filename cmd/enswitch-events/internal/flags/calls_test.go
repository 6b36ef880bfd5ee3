package flags

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// parse parses the flags that bind defines.
func parse(t *testing.T, bind func(*pflag.FlagSet), args ...string) {
	t.Helper()
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	bind(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
}

func TestCalls(t *testing.T) {
	for _, row := range []struct{ args, err string }{
		{"--map answer=call.pickup,connect* --map cause=reason", ""},
		{"--map\nanswer=call.pickup\nend=call.bye", ""},
		{"--map answr=x", `--map answr=x: "answr" is no name`},
		{"--map answer", `--map: "answer" has no =`},
		{"--map answer=a,,b", "--map: answer: the list is empty"},
		{"--linger -1s", "--linger -1s: must not be negative"},
		{"--call-timeout 0", "--call-timeout 0s: must be more than 0"},
	} {
		var o Calls
		args := strings.Fields(row.args)
		if name, value, ok := strings.Cut(row.args, "\n"); ok {
			args = []string{name, value}
		}
		parse(t, o.Bind, args...)
		_, _, err := o.Compile()
		if got := errorText(err); row.err == "" && got != "" || !strings.HasPrefix(got, row.err) {
			t.Errorf("%s: %q, want %q", row.args, got, row.err)
		}
	}
	var o Calls
	parse(t, o.Bind, "--linger", "0")
	if _, options, _ := o.Compile(); options.Linger >= 0 || options.Timeout != 4*time.Hour {
		t.Errorf("%+v", options)
	}
}

func TestHaving(t *testing.T) {
	const record = `{"callid":"1.1","state":"lost","answered":true,"duration":61.000000,"legs":2}`
	for _, row := range []struct {
		exprs, err string
		keeps      bool
	}{
		{"state=lost", "", true},
		{"state=lost duration>60 legs>=2", "", true},
		{"state=lost duration>61", "", false},
		{"answered=false", "", false},
		{"talk>1", "", false},
		{"stat=lost", `--having: the record of a call has no field "stat"`, false},
		{"callid.x=1", `--having: the record of a call has no field "callid.x"`, false},
		{"state==lost", "--having state==lost: did you mean state=lost?", false},
		{"state", "--having: ", false},
		{"=x", "--having: ", false},
		{"duration>long", "--having: ", false},
	} {
		var o Having
		var args []string
		for e := range strings.FieldsSeq(row.exprs) {
			args = append(args, "--having="+e)
		}
		parse(t, o.Bind, args...)
		f, err := o.Compile()
		if got := errorText(err); row.err == "" && got != "" || !strings.HasPrefix(got, row.err) {
			t.Errorf("%s: %q, want %q", row.exprs, got, row.err)
		}
		if err != nil {
			continue
		}
		var x event.Index
		if err := x.Scan([]byte(record)); err != nil {
			t.Fatal(err)
		}
		if got := f.Keeps(&x); got != row.keeps {
			t.Errorf("%s: %v", row.exprs, got)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
