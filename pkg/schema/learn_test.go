package schema

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/enswitch-events/enswitch-events/pkg/event"
)

// learn returns what one Learner learns from lines.
func learn(t testing.TB, o *Options, lines ...string) *Schema {
	t.Helper()
	s := &Schema{}
	l := NewLearner(o)
	var x event.Index
	for _, line := range lines {
		if err := x.Scan([]byte(line)); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		l.Add(&x)
	}
	var p Part
	l.Take(&p)
	s.Add(&p, nil)
	if o != nil && o.Calls != nil {
		o.Calls.AddTo(s)
	}
	return s
}

// text returns s as its file.
func text(t testing.TB, s *Schema) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLearnAllocates(t *testing.T) {
	var events [][]byte
	for i := range 1000 {
		events = append(events, fmt.Appendf(nil, `{"asteriskid":"1234567890.%d","callid":"1234567890.%d","class":"call","event":"start","machine":%d,"from":"+44207946%04d","name":"n\"%d","device":{"class":"phone","ids":[1,"x"]},"timestamp":"1234567890.%06d"}`, i, i, i%3, i, i, i))
	}
	l := NewLearner(nil)
	var x event.Index
	var p Part
	s := &Schema{}
	round := func() {
		for _, e := range events {
			if err := x.Scan(e); err != nil {
				t.Fatal(err)
			}
			l.Add(&x)
		}
		l.Take(&p)
		s.Add(&p, nil)
	}
	round()
	round()                                          // the parts take turns
	if n := testing.AllocsPerRun(10, round); n > 4 { // of the part
		t.Errorf("%v allocations for 1,000 events of a known shape", n)
	}
}

func BenchmarkLearn(b *testing.B) {
	var events [][]byte
	for i := range 1000 {
		events = append(events, fmt.Appendf(nil, `{"asteriskid":"1234567890.%d","callid":"1234567890.%06d","class":"call","event":"%s","machine":%d,"timestamp":"1234567890.%06d","uniqueid":"1234567890.%06d","from":"+44207946%04d","to":"+442071234567","name":"Z%d \"Z\" Example"}`, i, i, strings.Fields("start ring answer end")[i%4], i%7, i, i, i, i))
	}
	for _, with := range []string{"scan", "learn", "calls"} {
		b.Run(with, func(b *testing.B) {
			o := &Options{}
			if with == "calls" {
				o.Calls = NewCalls()
			}
			l := NewLearner(o)
			var x event.Index
			var p Part
			s := &Schema{}
			b.ReportAllocs()
			for i := 0; i < b.N; i++ {
				if err := x.Scan(events[i%1000]); err != nil {
					b.Fatal(err)
				}
				if with != "scan" {
					l.Add(&x)
					if i%500 == 0 {
						l.Take(&p)
						s.Add(&p, nil)
					}
				}
			}
		})
	}
}
