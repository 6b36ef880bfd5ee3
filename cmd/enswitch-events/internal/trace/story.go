package trace

import (
	"fmt"
	"strings"

	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/cli"
	"github.com/enswitch-events/enswitch-events/cmd/enswitch-events/internal/safe"
	"github.com/enswitch-events/enswitch-events/pkg/call"
)

// mark is after each word of a summary whose meaning is a guess.
const mark = "*"

// guessNote is the line that explains the mark.
const guessNote = mark + " a guess from the name of the event or field; --map says what it means"

// Story says what became of a call, as a person would say it, in lines that are safe to
// show. Words that rest on a guess have the mark; if there are any, the last line
// explains it.
func (s *Call) Story() []string {
	guessed := false
	guess := func(yes bool) string {
		guessed = guessed || yes
		if yes {
			return mark
		}
		return ""
	}
	var parts []string
	if s.Partial {
		parts = append(parts, "began before the first event here")
	}
	parts = append(parts, s.answered(guess)...)
	if s.HasTalk {
		end := s.last(call.End)
		parts = append(parts, "talked "+seconds(s.Talk)+guess(end != nil && end.Guessed))
	}
	parts = append(parts, s.ending(guess))
	if s.Doubtful {
		parts = append(parts, "events may be missing")
	}
	var who []string
	if s.From != "" {
		who = append(who, "from "+safe.String(s.From)+guess(s.Guessed.From))
	}
	if s.To != "" {
		who = append(who, "to "+safe.String(s.To)+guess(s.Guessed.To))
	}
	if s.Customer != "" {
		who = append(who, "customer "+safe.String(s.Customer)+guess(s.Guessed.Customer))
	}
	lines := []string{strings.Join(parts, ", ")}
	if who != nil {
		lines = append(lines, strings.Join(who, " "))
	}
	lines = append(lines, s.counts())
	if guessed {
		lines = append(lines, guessNote)
	}
	return lines
}

// answered says whether, when and by whom the call was answered.
func (s *Call) answered(guess func(bool) string) []string {
	answer, ring := s.first(call.Answer), s.first(call.Ring)
	switch {
	case s.Answered:
		text := "answered"
		if answer == nil { // it is not among the events that were kept
			return []string{text}
		}
		text += guess(answer.Guessed)
		if start := s.first(call.Start); start != nil && !s.Partial && answer.Time >= start.Time {
			text += " after " + seconds(float64(answer.Time-start.Time)/1e6)
		}
		if answer.byWhom != "" {
			text += " by " + safe.String(answer.byWhom) + guess(!answer.sure)
		}
		return []string{text}
	case ring != nil:
		text := "rang" + guess(ring.Guessed)
		if end := s.last(call.End); end != nil && s.State == call.Ended && end.Time >= ring.Time {
			text += " " + seconds(float64(end.Time-ring.Time)/1e6)
		}
		return []string{text, "not answered"}
	}
	return []string{"not answered"}
}

// ending says how the call ended.
func (s *Call) ending(guess func(bool) string) string {
	switch end := s.last(call.End); {
	case s.State == call.Lost:
		return "lost: no end came"
	case s.State == call.Open && s.Answered:
		return "still up"
	case s.State == call.Open:
		return "not ended"
	default:
		text := "ended" + guess(end != nil && end.Guessed)
		if s.Cause != "" {
			text += " by " + safe.String(s.Cause) + guess(s.Guessed.Cause)
		}
		return text
	}
}

// counts says of how many calls, legs, machines and events it is.
func (s *Call) counts() string {
	var parts []string
	if n := len(s.CallIDs); n > 1 {
		parts = append(parts, fmt.Sprintf("%d callids", n))
	}
	parts = append(parts, cli.Plural(int64(len(s.Legs)), "leg"))
	if n := len(s.Machines); n > 0 {
		parts = append(parts, cli.Plural(int64(n), "machine"))
	}
	parts = append(parts, cli.Plural(int64(s.Count), "event"))
	if left := s.Count - len(s.Events); left > 0 {
		parts = append(parts, fmt.Sprintf("%d of them not shown", left))
	}
	return strings.Join(parts, ", ")
}

// first returns the first event of that kind, or nil.
func (s *Call) first(k call.Kind) *Event {
	for i := range s.Events {
		if s.Events[i].Kind == k {
			return &s.Events[i]
		}
	}
	return nil
}

// last returns the last event of that kind, or nil.
func (s *Call) last(k call.Kind) *Event {
	for i := len(s.Events) - 1; i >= 0; i-- {
		if s.Events[i].Kind == k {
			return &s.Events[i]
		}
	}
	return nil
}

// seconds returns a time as a person says it.
func seconds(s float64) string {
	switch {
	case s < 9.95:
		return fmt.Sprintf("%.1f s", s)
	case s < 119.5:
		return fmt.Sprintf("%.0f s", s)
	}
	n := int64(s + 0.5)
	if n < 3600 {
		return fmt.Sprintf("%d min %d s", n/60, n%60)
	}
	return fmt.Sprintf("%d h %d min", n/3600, n/60%60)
}
